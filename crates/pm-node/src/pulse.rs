//! What an app says about itself over its channel, in the shapes PM2's library made common: actions it offers, figures
//! it measures, options. Bounded, for an app may say anything.

use serde_json::{Map, Value, json};

/// So many actions, figures and options of one process are remembered.
const MOST: usize = 256;

/// Figures and options longer than this, as JSON, are not remembered.
const LONGEST: usize = 16 << 10;

/// What is known of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    /// Whether it said that it is ready.
    pub is_ready: bool,
    /// What it can be asked to do (`axm:action`), as it described it.
    pub actions: Vec<Value>,
    /// What it measures (`axm:monitor`), by name.
    pub monitor: Map<String, Value>,
    /// What it says about itself (`axm:option:configuration`).
    pub options: Map<String, Value>,
}

/// What a message means to others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// It is ready.
    Ready,
    /// An action is done.
    Reply { action: String, value: Value },
    /// It is about itself and should be remembered by the next daemon too.
    Noteworthy,
    /// Nothing.
    Nothing,
}

impl Pulse {
    /// Takes in a message of the app.
    pub(crate) fn hear(&mut self, message: &Value) -> Meaning {
        if message.as_str() == Some("ready") {
            self.is_ready = true;
            return Meaning::Ready;
        }
        let (Some(kind), Some(data)) =
            (message.get("type").and_then(Value::as_str), message.get("data"))
        else {
            return Meaning::Nothing;
        };
        match kind {
            "axm:action" => self.offered(data),
            "axm:monitor" => {
                merge(&mut self.monitor, data);
                Meaning::Nothing
            }
            "axm:option:configuration" => {
                merge(&mut self.options, data);
                Meaning::Noteworthy
            }
            "axm:reply" => {
                let action = data.get("action_name").and_then(Value::as_str).unwrap_or_default();
                let value = data.get("return").cloned().unwrap_or_default();
                Meaning::Reply { action: action.to_owned(), value }
            }
            _ => Meaning::Nothing,
        }
    }

    fn offered(&mut self, action: &Value) -> Meaning {
        let Some(name) = name_of(action) else { return Meaning::Nothing };
        let is_small = action.to_string().len() <= LONGEST;
        if self.actions.len() < MOST && is_small && !self.offers(name) {
            self.actions.push(action.clone());
        }
        Meaning::Noteworthy
    }

    /// Whether it can be asked to do this.
    pub(crate) fn offers(&self, action: &str) -> bool {
        self.actions.iter().any(|known| name_of(known) == Some(action))
    }

    /// For the next daemon. Figures come again by themselves.
    pub(crate) fn to_note(&self) -> Value {
        json!({"ready": self.is_ready, "actions": self.actions, "options": self.options})
    }

    /// What the daemon before us knew.
    pub(crate) fn from_note(note: &Value) -> Self {
        let table = |name: &str| note.get(name).and_then(Value::as_object).cloned();
        Self {
            is_ready: note.get("ready").and_then(Value::as_bool).unwrap_or(false),
            actions: note.get("actions").and_then(Value::as_array).cloned().unwrap_or_default(),
            monitor: Map::new(),
            options: table("options").unwrap_or_default(),
        }
    }
}

fn name_of(action: &Value) -> Option<&str> {
    action.get("action_name").and_then(Value::as_str)
}

fn merge(known: &mut Map<String, Value>, news: &Value) {
    for (name, value) in news.as_object().into_iter().flatten() {
        let fits = known.len() < MOST || known.contains_key(name);
        if fits && name.len() + value.to_string().len() <= LONGEST {
            known.insert(name.clone(), value.clone());
        }
    }
}

/// The message that asks for an action: its bare name, or with a parameter a little more (PM2's shapes).
pub(crate) fn request(action: &str, param: Option<&str>, id: u32) -> Vec<u8> {
    let message = match param {
        None => Value::from(action),
        Some(param) => json!({"msg": action, "opts": param, "id": id}),
    };
    message.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_pm2s_library_are_understood() {
        let mut pulse = Pulse::default();
        let mut hear = |text: &str| pulse.hear(&serde_json::from_str(text).unwrap());
        let action = r#"{"type":"axm:action","data":{"action_name":"db:clean","arity":0}}"#;
        assert_eq!(hear(action), Meaning::Noteworthy);
        assert_eq!(hear(action), Meaning::Noteworthy);
        assert_eq!(
            hear(r#"{"type":"axm:monitor","data":{"Loop":{"value":"1.2","unit":"ms"}}}"#),
            Meaning::Nothing
        );
        assert_eq!(
            hear(r#"{"type":"axm:option:configuration","data":{"module_name":"x"}}"#),
            Meaning::Noteworthy
        );
        assert_eq!(
            hear(r#"{"type":"axm:reply","data":{"return":{"ok":1},"action_name":"db:clean"}}"#),
            Meaning::Reply { action: "db:clean".into(), value: json!({"ok": 1}) }
        );
        assert_eq!(hear("\"ready\""), Meaning::Ready);
        for odd in
            ["1", "null", "[]", r#"{"type":7,"data":1}"#, r#"{"type":"axm:action","data":0}"#]
        {
            assert_eq!(hear(odd), Meaning::Nothing, "{odd}");
        }
        assert_eq!(pulse.actions.len(), 1, "an action is known once");
        assert!(pulse.offers("db:clean") && !pulse.offers("db"));
        assert_eq!(pulse.monitor["Loop"]["unit"], "ms");
        let next = Pulse::from_note(&pulse.to_note());
        assert_eq!(next, Pulse { monitor: Map::new(), ..pulse });
    }

    #[test]
    fn an_app_that_says_too_much_costs_a_bounded_amount() {
        let mut pulse = Pulse::default();
        for number in 0..1000 {
            let name = format!("n{number}");
            pulse.hear(&json!({"type": "axm:action", "data": {"action_name": name.clone()}}));
            pulse.hear(&json!({"type": "axm:monitor", "data": {name.clone(): "x".repeat(20_000)}}));
            pulse.hear(&json!({"type": "axm:option:configuration", "data": {name: 1}}));
        }
        assert_eq!((pulse.actions.len(), pulse.monitor.len(), pulse.options.len()), (256, 0, 256));
    }

    #[test]
    fn requests_have_pm2s_shapes() {
        assert_eq!(request("a", None, 3), b"\"a\"");
        assert_eq!(request("a", Some("p"), 3), br#"{"id":3,"msg":"a","opts":"p"}"#);
    }
}
