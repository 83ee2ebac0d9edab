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

#[test]
fn s10_a_deed_of_the_panel_is_read_as_itself() {
    for (deed, verb, selected) in [
        (Deed::Start, "Start(", "targets: [\"web\"]"),
        (Deed::Stop, "Stop(", "targets: [\"web\"]"),
        (Deed::Restart, "Restart(", "targets: [\"web\"]"),
        (Deed::Reload, "Reload(", "targets: [\"web\"]"),
        (Deed::Reset, "Reset(", "apps: [\"web\"]"),
        (Deed::Flush, "Flush(", "apps: [\"web\"]"),
        (Deed::Scale(3), "Scale(", "app: \"web\", number: \"3\""),
        (Deed::Signal(Signal::HUP), "SendSignal(", "signal: \"SIGHUP\", apps: [\"web\"]"),
    ] {
        let plain = format!("{:?}", read(&deed.argv(&["web".into()])));
        assert!(plain.starts_with(verb) && plain.contains(selected), "{plain}");
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
            let read = format!("{:?}", read(&deed.argv(&[word.into()])));
            // Nothing else is said by it: it differs in that word alone.
            assert_eq!(read.replace(&format!("{word:?}"), "\"web\""), plain, "{word}");
        }
        if !matches!(deed, Deed::Scale(_)) {
            let two = format!("{:?}", read(&deed.argv(&["web".into(), "id:3".into()])));
            assert_eq!(two.replace("[\"web\", \"id:3\"]", "[\"web\"]"), plain);
        }
    }
}
