//! `alerts` beside `apps`.

use pm_spec::{AppName, ChannelKind};

use crate::desk::Desk;

#[test]
fn a_file_says_what_is_told_and_to_whom() {
    let mut desk = Desk::new();
    desk.caller.env.set("HOOK", "https://hooks.example/T0/key");
    desk.overrides.only = vec!["web".into()];
    let read = desk.parse(
        "{interpolate: true, apps: [{name: 'web', script: 'app'}, {name: 'db', script: 'app'}], alerts: {\
         restarts: '3 in 5m', errored: false, cap: 7, quiet: '23:00-07:00', lang: 'zh', channels: {\
         ops: {kind: 'slack', url: '${HOOK}'}, me: {kind: 'telegram', secret: '1:x', chat: -100}}}}",
    );
    let alerts = read.unwrap().alerts.unwrap();
    assert_eq!(alerts.apps.iter().map(AppName::as_str).collect::<Vec<_>>(), ["web", "db"]);
    let wishes = alerts.wishes;
    let rules = wishes.read_rules();
    assert_eq!((rules.errored, rules.restarts.unwrap().most, rules.disk), (false, 3, None));
    assert_eq!((wishes.messages_a_day(), wishes.quiet_minutes()), (7, Some((1380, 420))));
    assert_eq!(wishes.channels[0].url, "https://hooks.example/T0/key");
    let telegram = &wishes.channels[1];
    assert_eq!((telegram.kind, telegram.chat.as_str()), (ChannelKind::Telegram, "-100"));
    assert_eq!(telegram.url, "https://api.telegram.org");
    assert!(desk.parse("{apps: [{name: 'web', script: 'app'}]}").unwrap().alerts.is_none());
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    let desk = Desk::new();
    let told = desk.problems(
        "{apps: [{script: 'app'}], alerts: {\n restart: '3 in 5m',\n cpu: 'lots',\n cap: [1],\n channels: {\n\
         a: {kind: 'pigeon'},\n b: {kind: 'slack', url: 'there', adress: 1},\n 'c d': {kind: 'slack', url: 'https://x'}}}}",
    );
    for mark in [
        "stdin:2:2: error: unknown key `restart` of `alerts`",
        "did you mean `restarts`?",
        "stdin:3:7: error: `cpu`: `lots` is not understood",
        "wanted is `90% for 10m`, or off",
        "stdin:4:7: error: text, a number or a switch is wanted here, not a list",
        "stdin:6:11: error: channel `a` needs a `kind`",
        "one of webhook, slack, telegram, dingtalk, feishu, wecom, mail",
        "stdin:7:35: error: unknown key `adress` of channel `b`",
        "stdin:7:2: error: channel `b`: its address begins with https:// or http://",
        "stdin:8:2: error: channel `c d`: its name takes letters",
    ] {
        assert!(told.contains(mark), "{mark}\n{told}");
    }
    let told =
        desk.problems("{alerts: {channels: {a: {kind: 'slack', url: '${HOOK}'}}}, apps: []}");
    assert!(told.contains("`interpolate: true` beside `apps`"), "{told}");
    assert!(desk.problems("{apps: [{script: 'app'}], alerts: []}").contains("must be an object"));
    let strange = desk.parse("{alerts: {channels: {}}, apps: [{script: 'app'}]}");
    assert!(strange.unwrap().warnings.is_empty());
}
