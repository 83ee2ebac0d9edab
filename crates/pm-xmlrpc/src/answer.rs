//! Answers and calls as they go out, in the form Python's `xmlrpc.client` writes.

use std::fmt::Write;

use crate::call::RpcCall;
use crate::value::{RpcFault, RpcValue};

/// A `<methodResponse>`.
pub(crate) fn written(answer: &Result<RpcValue, RpcFault>) -> String {
    let mut text = String::from("<?xml version='1.0'?>\n<methodResponse>\n");
    match answer {
        Ok(value) => {
            text.push_str("<params>\n<param>\n");
            put(&mut text, value);
            text.push_str("</param>\n</params>\n");
        }
        Err(RpcFault { code, text: why }) => {
            let fields = vec![
                ("faultCode".to_owned(), RpcValue::Int(*code)),
                ("faultString".to_owned(), why.as_str().into()),
            ];
            text.push_str("<fault>\n");
            put(&mut text, &RpcValue::Struct(fields));
            text.push_str("</fault>\n");
        }
    }
    text.push_str("</methodResponse>\n");
    text
}

/// A `<methodCall>`.
pub(crate) fn call(call: &RpcCall) -> String {
    let mut text = String::from("<?xml version='1.0'?>\n<methodCall>\n<methodName>");
    escape(&mut text, &call.method);
    text.push_str("</methodName>\n<params>\n");
    for value in &call.params {
        text.push_str("<param>\n");
        put(&mut text, value);
        text.push_str("</param>\n");
    }
    text.push_str("</params>\n</methodCall>\n");
    text
}

fn put(text: &mut String, value: &RpcValue) {
    text.push_str("<value>");
    match value {
        // A String takes everything.
        RpcValue::Int(number) => drop(write!(text, "<int>{number}</int>")),
        RpcValue::Bool(value) => drop(write!(text, "<boolean>{}</boolean>", u8::from(*value))),
        RpcValue::Text(said) => {
            text.push_str("<string>");
            escape(text, said);
            text.push_str("</string>");
        }
        RpcValue::List(values) => {
            text.push_str("<array><data>\n");
            for value in values {
                put(text, value);
            }
            text.push_str("</data></array>");
        }
        RpcValue::Struct(fields) => {
            text.push_str("<struct>\n");
            for (name, value) in fields {
                text.push_str("<member>\n<name>");
                escape(text, name);
                text.push_str("</name>\n");
                put(text, value);
                text.push_str("</member>\n");
            }
            text.push_str("</struct>");
        }
    }
    text.push_str("</value>\n");
}

/// What XML can't hold (colours in a log) would break the whole answer for its reader, and goes.
fn escape(text: &mut String, said: &str) {
    for char in said.chars() {
        match char {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            // A reader of XML would make a line feed of it.
            '\r' => text.push_str("&#13;"),
            '\t' | '\n' => text.push(char),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => text.push('\u{fffd}'),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_look_as_python_writes_them() {
        let value = RpcValue::List(vec![RpcValue::Int(3), true.into()]);
        assert_eq!(
            written(&Ok(value)),
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><array><data>\n\
             <value><int>3</int></value>\n<value><boolean>1</boolean></value>\n</data></array></value>\n\
             </param>\n</params>\n</methodResponse>\n"
        );
        let fault = written(&Err(RpcFault { code: 10, text: "BAD_NAME: <x>".into() }));
        assert!(
            fault.contains("<int>10</int>") && fault.contains("BAD_NAME: &lt;x&gt;"),
            "{fault}"
        );
    }

    proptest::proptest! {
        #[test]
        fn text_is_read_back_whatever_it_is(said in proptest::prelude::any::<String>()) {
            let mut text = String::from("<a><methodName>m</methodName><params><param>");
            put(&mut text, &RpcValue::Text(said.clone()));
            text.push_str("</param></params></a>");
            let read = RpcCall::parse(&text).map(|call| call.params);
            let is_kept = |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
            let kept: String = said.chars().map(|c| if is_kept(c) { c } else { '\u{fffd}' }).collect();
            proptest::prop_assert_eq!(read, Some(vec![RpcValue::Text(kept)]));
        }
    }
}
