//! What is said to the core, and to whom it goes.

use pm_core::{Ask, Became, Core, Ending, Fact, InstanceId, Order, Refused, RunSignal, Status};
use pm_spec::{Select, Signal};

use crate::common::{Story, app, word};

#[test]
fn a_signal_is_passed_on_and_a_withdrawn_request_is_not_answered() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let signal = Signal::parse("USR1").expect("a signal");
    let (request, orders) = story.ask(Ask::Signal(word("web"), signal));
    assert_eq!(orders[0], Order::Signal(run, RunSignal::Forward(signal)));
    assert_eq!(story.became(request), [Became::Signaled]);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    story.tell(Fact::Withdrawn(request));
    story.end(run, Ending::Exited(0));
    assert_eq!(story.reply(request), None);
    assert_eq!(story.instance(0).status, Status::Stopped);
}

#[test]
fn p52_a_word_means_one_thing_or_is_refused_with_its_candidates() {
    let mut story = Story::default();
    let mut api = app("api");
    api.namespace = app("back").name;
    let mut back = app("back");
    back.namespace = app("front").name;
    let mut three = app("3");
    three.instances = 2;
    let mut one = app("one");
    one.namespace = app("one").name;
    story.up(vec![api, back, three, one]);
    let ids = |ids: &[u32]| ids.iter().map(|id| InstanceId(*id)).collect::<Vec<_>>();
    for (text, meant) in [
        ("api", &[0][..]),
        ("/srv/api.js", &[0]),
        ("name:back", &[1]),
        ("ns:back", &[0]),
        ("id:3", &[3]),
        ("name:3", &[2, 3]),
        ("2", &[2]),
        ("front", &[1]),
        ("one", &[4]),
        ("all", &[0, 1, 2, 3, 4]),
    ] {
        let select = [Select::parse(text).expect("a selector")];
        assert_eq!(story.core.resolve(&select), Ok(ids(meant)), "{text}");
    }
    let refused = |text: &str| story.core.resolve(&word(text)).expect_err("it is refused");
    let candidates = |all: &[(&str, &[u32])]| {
        all.iter().map(|(text, meant)| ((*text).to_owned(), ids(meant))).collect::<Vec<_>>()
    };
    let select = |text: &str| Select::Word(text.into());
    assert_eq!(
        refused("back"),
        Refused::Ambiguous {
            select: select("back"),
            candidates: candidates(&[("name:back", &[1]), ("ns:back", &[0])]),
        }
    );
    assert_eq!(
        refused("3"),
        Refused::Ambiguous {
            select: select("3"),
            candidates: candidates(&[("name:3", &[2, 3]), ("id:3", &[3])]),
        }
    );
    assert_eq!(refused("nope"), Refused::NoMatch(select("nope")));
    let both = [Select::Word("one".into()), Select::Name("nope".into())];
    assert_eq!(story.core.resolve(&both), Err(Refused::NoMatch(Select::Name("nope".into()))));
    assert_eq!(Core::new().resolve(&[Select::All]), Ok(Vec::new()));
}
