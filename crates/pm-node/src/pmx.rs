//! What an app says about itself over its channel, in the shapes PM2's library made common: actions it offers, figures
//! it measures, options. Bounded in all directions, for an app may say anything.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// So many actions, figures and options of one process are remembered, each.
const MOST: usize = 256;

/// So many bytes of all of them together; PM2's own library needs some 4 KiB.
const BUDGET: usize = 32 << 10;

/// Whatever holds itself deeper than this is not remembered: readers have limits of their own.
const DEEPEST: usize = 8;

/// What is known of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PmxState {
    /// Whether it said that it is ready.
    pub is_ready: bool,
    /// What it can be asked to do (`axm:action`), as it described it.
    pub actions: Vec<Value>,
    /// What it measures (`axm:monitor`), by name.
    pub monitor: Map<String, Value>,
    /// What it says about itself (`axm:option:configuration`).
    pub options: Map<String, Value>,
    /// Bytes of all this.
    spent: usize,
}

/// What a message means to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is ready.
    Ready,
    /// An action is done; what it returned is in the line, see [`returned`].
    Reply { action: String },
    /// It is about itself and should be remembered by the next daemon too.
    Noteworthy,
    /// Nothing.
    Nothing,
}

impl PmxState {
    /// Takes in a message of the app.
    pub(crate) fn on_message(&mut self, message: &Value) -> Meaning {
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
                merge((&mut self.monitor, &mut self.spent), data);
                Meaning::Nothing
            }
            "axm:option:configuration" => {
                merge((&mut self.options, &mut self.spent), data);
                Meaning::Noteworthy
            }
            "axm:reply" => match name_of(data) {
                Some(action) => Meaning::Reply { action: action.to_owned() },
                None => Meaning::Nothing,
            },
            _ => Meaning::Nothing,
        }
    }

    fn offered(&mut self, action: &Value) -> Meaning {
        let Some(name) = name_of(action) else { return Meaning::Nothing };
        let Some(size) = size(action) else { return Meaning::Nothing };
        if self.actions.len() >= MOST || self.spent + size > BUDGET || self.offers(name) {
            return Meaning::Nothing;
        }
        self.spent += size;
        self.actions.push(action.clone());
        Meaning::Noteworthy
    }

    /// Whether it can be asked to do this.
    pub(crate) fn offers(&self, action: &str) -> bool {
        self.actions.iter().any(|known| name_of(known) == Some(action))
    }

    /// What it can be asked to do.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.actions.iter().filter_map(name_of).map(str::to_owned)
    }

    /// For the next daemon. Figures come again by themselves.
    pub(crate) fn to_note(&self) -> Value {
        json!({"ready": self.is_ready, "actions": self.actions, "options": self.options})
    }

    /// What the daemon before us knew.
    pub(crate) fn from_note(note: &Value) -> Self {
        let is_ready = note.get("ready").and_then(Value::as_bool).unwrap_or(false);
        let mut pmx = Self { is_ready, ..Self::default() };
        for action in note.get("actions").and_then(Value::as_array).into_iter().flatten() {
            pmx.offered(action);
        }
        if let Some(options) = note.get("options") {
            merge((&mut pmx.options, &mut pmx.spent), options);
        }
        pmx
    }
}

fn name_of(action: &Value) -> Option<&str> {
    action.get("action_name").and_then(Value::as_str)
}

/// New names are taken while there is room; known ones take their new value, or go where that finds none.
fn merge((known, spent): (&mut Map<String, Value>, &mut usize), news: &Value) {
    for (name, value) in news.as_object().into_iter().flatten() {
        let weigh = |value: &Value| size(value).map(|size| size + written(name));
        *spent -= known.remove(name).as_ref().and_then(weigh).unwrap_or(0);
        let size = weigh(value).filter(|size| known.len() < MOST && *spent + size <= BUDGET);
        if let Some(size) = size {
            known.insert(name.clone(), value.clone());
            *spent += size;
        }
    }
}

/// The length of a text as JSON.
fn written(text: &str) -> usize {
    let length = |byte| match byte {
        0..b' ' => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    2 + text.bytes().map(length).sum::<usize>()
}

/// About the length of a value as JSON; `None`: too deep.
fn size(value: &Value) -> Option<usize> {
    fn of(value: &Value, deepest: usize) -> Option<usize> {
        let deeper = deepest.checked_sub(1);
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(8),
            Value::String(text) => Some(written(text)),
            Value::Array(items) => {
                items.iter().try_fold(2, |sum, item| Some(sum + 1 + of(item, deeper?)?))
            }
            Value::Object(fields) => fields.iter().try_fold(2, |sum, (name, field)| {
                Some(sum + written(name) + 2 + of(field, deeper?)?)
            }),
        }
    }
    of(value, DEEPEST)
}

/// By what a process was meant; it is told so with a parameter, as PM2 does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// The number people know it by.
    Id(u32),
    /// The name of its app.
    Name(String),
}

/// The message that asks for an action: its bare name, or with a parameter a little more (PM2's shapes).
pub(crate) fn request(action: &str, param: Option<&str>, called: &Called) -> Vec<u8> {
    let message = match (param, called) {
        (None, _) => Value::from(action),
        (Some(param), Called::Id(id)) => {
            json!({"msg": action, "opts": param, "id": id.to_string()})
        }
        (Some(param), Called::Name(name)) => json!({"msg": action, "opts": param, "name": name}),
    };
    message.to_string().into_bytes()
}

/// What an action returned, exactly as the app wrote it in the line of its reply.
pub(crate) fn returned(line: &[u8]) -> Option<String> {
    type Fields = BTreeMap<String, Box<RawValue>>;
    let message: Fields = serde_json::from_slice(line).ok()?;
    let reply: Fields = serde_json::from_str(message.get("data")?.get()).ok()?;
    Some(reply.get("return")?.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_pm2s_library_are_understood() {
        let mut pmx = PmxState::default();
        let mut hear = |text: &str| pmx.on_message(&serde_json::from_str(text).unwrap());
        let action = r#"{"type":"axm:action","data":{"action_name":"db:clean","arity":0}}"#;
        assert_eq!(hear(action), Meaning::Noteworthy);
        assert_eq!(hear(action), Meaning::Nothing, "an action is known once");
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
            Meaning::Reply { action: "db:clean".into() }
        );
        assert_eq!(hear("\"ready\""), Meaning::Ready);
        for odd in [
            "1",
            "null",
            "[]",
            r#"{"type":7,"data":1}"#,
            r#"{"type":"axm:action","data":0}"#,
            r#"{"type":"axm:reply","data":{"return":1}}"#,
            r#"{"type":"axm:monitor","data":[1]}"#,
        ] {
            assert_eq!(hear(odd), Meaning::Nothing, "{odd}");
        }
        assert_eq!(pmx.actions.len(), 1);
        assert!(pmx.offers("db:clean") && !pmx.offers("db"));
        assert_eq!(pmx.monitor["Loop"]["unit"], "ms");
        let next = PmxState::from_note(&pmx.to_note());
        let known = (&next.actions, &next.options, next.is_ready);
        assert_eq!(known, (&pmx.actions, &pmx.options, true));
        assert!(next.monitor.is_empty(), "figures come again by themselves");
    }

    #[test]
    fn what_an_action_returned_is_kept_to_the_letter() {
        let returned = |line: &str| returned(line.as_bytes());
        let reply = |value: &str| {
            format!(r#"{{"type":"axm:reply","data":{{"return":{value},"action_name":"a"}}}}"#)
        };
        for value in [r#"{"b":1,"a":[1.50,null]}"#, "\"text\"", "null", "1e400"] {
            assert_eq!(returned(&reply(value)).as_deref(), Some(value));
        }
        assert_eq!(returned(r#"{"type":"axm:reply","data":{"action_name":"a"}}"#), None);
        assert_eq!(returned("7"), None);
    }

    #[test]
    fn a_parameter_comes_with_what_the_app_was_called() {
        let message =
            |param, called: &Called| String::from_utf8(request("a\nb", param, called)).unwrap();
        let (id, name) = (Called::Id(7), Called::Name("web".into()));
        assert_eq!(message(None, &id), r#""a\nb""#);
        assert_eq!(message(Some("x"), &id), r#"{"id":"7","msg":"a\nb","opts":"x"}"#);
        assert_eq!(message(Some(""), &name), r#"{"msg":"a\nb","name":"web","opts":""}"#);
    }

    #[test]
    fn an_app_that_says_too_much_costs_a_bounded_amount() {
        let mut pmx = PmxState::default();
        let hear = |pmx: &mut PmxState, kind: &str, data: Value| {
            pmx.on_message(&json!({"type": kind, "data": data}));
            assert!(pmx.spent <= BUDGET);
        };
        for number in 0..1000 {
            let name = format!("n{number}");
            hear(&mut pmx, "axm:action", json!({"action_name": name.clone()}));
            hear(&mut pmx, "axm:monitor", json!({name: {"value": number}}));
            hear(&mut pmx, "axm:monitor", json!({"big": "x".repeat(BUDGET)}));
        }
        assert_eq!((pmx.actions.len(), pmx.monitor.len()), (MOST, MOST));
        // Known names go on being told, and can't grow beyond the budget.
        for number in 0..2000 {
            let text = "\u{1b}".repeat(number % 500);
            hear(&mut pmx, "axm:monitor", json!({format!("n{}", number % 256): text}));
        }
        hear(&mut pmx, "axm:monitor", json!({"n0": "last"}));
        assert!(pmx.monitor.get("n0").is_none_or(|value| value == "last"), "nothing is stale");
        let all = json!([pmx.actions, pmx.monitor, pmx.options]).to_string().len();
        assert!(all > BUDGET / 2 && all < 2 * BUDGET, "{all}");
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!([deep]);
        }
        let mut pmx = PmxState::default();
        hear(&mut pmx, "axm:option:configuration", json!({"deep": deep, "flat": 1}));
        assert!(!pmx.options.contains_key("deep") && pmx.options.contains_key("flat"));
    }
}
