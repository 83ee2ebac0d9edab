//! What Node apps write into their channel, and what the daemon before noted, under hostile input.

use pm_fuzz::FuzzTarget;

use crate::line_buffer::LineBuffer;
use crate::message::{WorkerMessage, parse};
use crate::pmx::{PmxState, returned};
use crate::query::Query;

const WORDS: &str = "\"cmd\":\"NODE_CLUSTER\" \"cmd\":\"NODE_HANDLE\" \"cmd\":\"NODE_PM\" \"act\":\"queryServer\" \
    \"act\":\"close\" \"ack\": \"seq\": \"addressType\": \"port\": \"type\":\"axm:action\" \"type\":\"axm:monitor\" \
    \"type\":\"axm:option:configuration\" \"type\":\"axm:reply\" \"data\":{ \"action_name\": \"return\":";

#[test]
fn fuzz_node_channel() {
    let line = r#"{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":null,"port":3000,"addressType":4,"backlog":false,"seq":2}"#;
    let action =
        r#"{"type":"axm:action","data":{"action_name":"gc","opts":{"comment":"x"},"arity":0}}"#;
    let figures = r#"{"type":"axm:monitor","data":{"Loop":{"value":"1.5ms","type":"x"},"n":3}}"#;
    let reply = r#"{"type":"axm:reply","data":{"return":{"ok":true},"action_name":"gc"}}"#;
    let lines = [line, action, figures, reply, "\"ready\"", ""].join("\n");
    FuzzTarget::new("node_channel").sample(lines).words(WORDS).run(|bytes| {
        let (mut lines, mut pmx) = (LineBuffer::default(), PmxState::default());
        for part in bytes.chunks(97) {
            lines.push(part);
            while let Some(line) = lines.next_line() {
                drop(returned(&line));
                match parse(&line) {
                    Some(WorkerMessage::Query { query, .. }) => {
                        drop(query.key());
                        assert_eq!(Query::parse(&query.to_json()), Some(*query));
                    }
                    Some(WorkerMessage::User(message)) => drop(pmx.on_message(&message)),
                    Some(_) | None => {}
                }
            }
        }
        let note = pmx.to_note();
        assert_eq!(PmxState::from_note(&note).to_note(), note);
    });
}
