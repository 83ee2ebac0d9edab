//! The command lines of the panel: each is read as the one thing it is to do, whatever an app is called.

use std::ffi::OsString;

use pm_pm2::CalledAs;
use pm_spec::Signal;
use pm_web::Deed;

use super::{Verb, parse};

fn read(argv: &[String]) -> Verb {
    let words = argv.iter().map(OsString::from).collect();
    let parsed = parse::parse(CalledAs::Pm, words);
    assert!(parsed.idle.is_empty(), "{argv:?}: {:?}", parsed.idle);
    parsed.cli.unwrap_or_else(|error| panic!("{argv:?}: {error}")).command.unwrap()
}

/// The verb, and what it selects.
fn meant(verb: &Verb) -> (&'static str, Vec<String>) {
    let text =
        |words: &[OsString]| words.iter().map(|it| it.clone().into_string().unwrap()).collect();
    match verb {
        Verb::Start(args) => ("start", text(&args.targets)),
        Verb::Stop(args) => ("stop", text(&args.targets)),
        Verb::Restart(args) => ("restart", text(&args.targets)),
        Verb::Reload(args) => ("reload", text(&args.targets)),
        Verb::Reset(args) => ("reset", args.apps.clone()),
        Verb::Flush(args) => ("flush", args.apps.clone()),
        Verb::Scale(args) => ("scale", vec![args.app.clone(), args.number.clone()]),
        Verb::SendSignal(args) => {
            let words = std::iter::once(&args.signal).chain(&args.apps);
            ("sendSignal", words.cloned().collect())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn s10_a_deed_of_the_panel_is_read_as_itself() {
    let hup = Signal::HUP;
    let deeds = [Deed::Start, Deed::Stop, Deed::Restart, Deed::Reload, Deed::Reset, Deed::Flush];
    for deed in deeds.into_iter().chain([Deed::Scale(3), Deed::Signal(hup)]) {
        let plain = read(&deed.argv(&["web".into()]));
        for word in [
            "id:3",
            "name:--force",
            "name:-",
            "name:all",
            "name:; id",
            "name:$(id)",
            "name:订单",
            "name:--",
            "name:a=b",
        ] {
            let argv = deed.argv(&[word.into()]);
            let verb = read(&argv);
            let (name, words) = meant(&verb);
            assert_eq!((name, words.as_slice()), (argv[1].as_str(), &argv[2..]));
            // Nothing else is said by it: it differs in that word alone.
            let told = format!("{verb:?}").replace(&format!("{word:?}"), "\"web\"");
            assert_eq!(told, format!("{plain:?}"), "{argv:?}");
        }
        if !matches!(deed, Deed::Scale(_)) {
            let two = deed.argv(&["web".into(), "id:3".into()]);
            assert_eq!(meant(&read(&two)).1, two[2..]);
        }
    }
}
