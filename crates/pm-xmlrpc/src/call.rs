//! Calls and answers as they come in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

use crate::value::{RpcFault, RpcValue};

/// Values within values at most; nobody's calls are deeper.
const DEPTH: usize = 32;

/// What is called, with what.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcCall {
    /// `supervisor.getState`.
    pub method: String,
    /// Its parameters.
    pub params: Vec<RpcValue>,
}

impl RpcCall {
    /// Reads a `<methodCall>`; `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        // What is before the root is not looked at; a document type is refused by who reads, entities with it.
        let document = Document::parse(text).ok()?;
        let root = document.root_element();
        let name = child(root, "methodName")?.text().unwrap_or_default().trim();
        if name.is_empty() {
            return None;
        }
        let params = child(root, "params").into_iter().flat_map(|it| it.children());
        let params = params.filter(|it| it.has_tag_name("param"));
        let params = params.map(|param| value(child(param, "value")?, DEPTH));
        Some(Self { method: name.to_owned(), params: params.collect::<Option<_>>()? })
    }
}

/// Reads a `<methodResponse>`; `None`: it is none.
pub(crate) fn answered(text: &str) -> Option<Result<RpcValue, RpcFault>> {
    let document = Document::parse(text.trim_start()).ok()?;
    let root = document.root_element();
    if let Some(fault) = child(root, "fault") {
        let fault = value(child(fault, "value")?, DEPTH)?;
        let (RpcValue::Int(code), RpcValue::Text(text)) =
            (fault.field("faultCode")?, fault.field("faultString")?)
        else {
            return None;
        };
        return Some(Err(RpcFault { code: *code, text: text.clone() }));
    }
    let param = child(child(root, "params")?, "param")?;
    value(child(param, "value")?, DEPTH).map(Ok)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|it| it.has_tag_name(name))
}

fn value(node: Node<'_, '_>, depth: usize) -> Option<RpcValue> {
    let depth = depth.checked_sub(1)?;
    let Some(typed) = node.children().find(Node::is_element) else {
        return Some(RpcValue::Text(text(node)));
    };
    let said = text(typed);
    Some(match typed.tag_name().name() {
        "int" | "i4" => RpcValue::Int(said.trim().parse().ok()?),
        "boolean" => RpcValue::Bool(said.trim() == "1"),
        "string" | "double" | "dateTime.iso8601" => RpcValue::Text(said),
        "base64" => {
            let packed: String = said.split_whitespace().collect();
            let bytes = STANDARD.decode(packed).ok()?;
            RpcValue::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        "array" => {
            let values = child(typed, "data")?.children().filter(Node::is_element);
            RpcValue::List(values.map(|it| value(it, depth)).collect::<Option<_>>()?)
        }
        "struct" => {
            let members = typed.children().filter(|it| it.has_tag_name("member"));
            let member = |it| Some((text(child(it, "name")?), value(child(it, "value")?, depth)?));
            RpcValue::Struct(members.map(member).collect::<Option<_>>()?)
        }
        "nil" => RpcValue::Text(String::new()),
        _ => return None,
    })
}

/// All text of a node; comments cut it into pieces.
fn text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|it| it.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(params: &str) -> Option<Vec<RpcValue>> {
        let text = format!(
            "<?xml version='1.0'?><methodCall><methodName>a.b</methodName>{params}</methodCall>"
        );
        RpcCall::parse(&text).map(|call| call.params)
    }

    #[test]
    fn values_are_read_as_clients_write_them() {
        assert_eq!(call(""), Some(vec![]));
        let one = |value: &str| {
            let all = call(&format!("<params>\n<param><value>{value}</value></param></params>"))?;
            all.into_iter().next()
        };
        assert_eq!(one("<int>-7</int>"), Some(RpcValue::Int(-7)));
        assert_eq!(one("<i4> 7 </i4>"), Some(RpcValue::Int(7)));
        assert_eq!(one("bare"), Some("bare".into()));
        assert_eq!(one("<string>a &amp; <!-- x -->&#38;</string>"), Some("a & &".into()));
        assert_eq!(one("<base64>\naGk=\n</base64>"), Some("hi".into()));
        let list = "<array><data><value><boolean>1</boolean></value></data></array>";
        assert_eq!(one(list), Some(RpcValue::List(vec![true.into()])));
        let fields = "<struct><member><name>a</name><value>b</value></member></struct>";
        let fields = one(fields).unwrap_or(RpcValue::Bool(false));
        assert_eq!(fields.field("a"), Some(&"b".into()));
        assert_eq!((one("<int>x</int>"), one("<float>1</float>")), (None, None));
    }

    #[test]
    fn what_is_no_call_is_none() {
        for text in ["", "x", "<methodCall/>", "<a><methodName> </methodName></a>", "<a>"] {
            assert_eq!(RpcCall::parse(text), None, "{text}");
        }
        let bomb =
            "<!DOCTYPE a [<!ENTITY x 'y'>]><methodCall><methodName>&x;</methodName></methodCall>";
        assert_eq!(RpcCall::parse(bomb), None);
        let deep = format!(
            "{}1{}",
            "<array><data><value>".repeat(40),
            "</value></data></array>".repeat(40)
        );
        assert_eq!(call(&format!("<params><param><value>{deep}</value></param></params>")), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_fall(text in "\\PC*") {
            drop(RpcCall::parse(&text));
            drop(call(&text));
        }
    }
}
