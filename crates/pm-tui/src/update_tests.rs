//! What keys, mouse and news do to the model, a story each.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use pm_logs::Stream;
use pm_protocol::{Row, Status, Usage};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::instances::ListColumn;
use crate::message::LogLine;
use crate::message::{LogBatch, Verb};
use crate::model::{PASSING, Prompt};
use crate::samples::{NOW, description, host, key, line, model, press, row};
use crate::view::view;

fn name(model: &Model) -> &str {
    &model.instances.under_cursor().unwrap().row.name
}

fn performed(effects: &[Effect]) -> Vec<(Verb, Vec<u32>)> {
    effects
        .iter()
        .filter_map(|effect| {
            let Effect::Perform(command) = effect else { return None };
            Some((command.verb, command.ids.clone()))
        })
        .collect()
}

fn mouse(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) -> Vec<Effect> {
    update(model, Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

#[test]
fn the_cursor_is_followed_by_logs_and_details() {
    let mut model = model(80, 24);
    assert_eq!(name(&model), "web-app-1");
    let effects = press(&mut model, "j");
    assert_eq!(effects, [Effect::Follow(vec![1]), Effect::Describe(1)]);
    assert_eq!(press(&mut model, "j"), [Effect::Follow(vec![2]), Effect::Describe(2)]);
    assert_eq!(press(&mut model, "j"), [], "the end of the list");
}

#[test]
fn marks_choose_for_logs_and_commands() {
    let mut model = model(80, 24);
    let effects = press(&mut model, "g  ");
    assert!(effects.contains(&Effect::Follow(vec![3, 4])), "{effects:?}");
    assert_eq!(performed(&press(&mut model, "x")), [(Verb::Stop, vec![3, 4])]);
    assert_eq!(model.running.len(), 1);
    assert_eq!(performed(&press(&mut model, "x")), [], "it is being done already");
    press(&mut model, "\x1b\x1b");
    assert!(model.instances.marks.is_empty());
}

#[test]
fn start_is_only_for_what_is_down() {
    let mut model = model(80, 24);
    assert_eq!(performed(&press(&mut model, "s")), []);
    assert!(model.notice.take().unwrap().text.contains("up already"));
    assert_eq!(performed(&press(&mut model, "as")), [(Verb::Start, vec![2, 3, 4])]);
}

#[test]
fn what_destroys_asks_first() {
    for (keys, verb) in [("D", Verb::Delete), ("F", Verb::Flush)] {
        let mut model = model(80, 24);
        assert_eq!(performed(&press(&mut model, keys)), []);
        assert!(matches!(model.mode, InputMode::Asking(_)));
        assert_eq!(performed(&press(&mut model, "jqy")), [], "q is no");
        assert_eq!(performed(&press(&mut model, keys)), []);
        assert_eq!(performed(&press(&mut model, "xy")), [(verb, vec![0])]);
    }
}

#[test]
fn a_scale_is_asked_for_and_once_for_each_app() {
    let mut model = model(80, 24);
    let twin = Row { id: 9, slot: 1, ..row(0, "web-app-1", Status::Online) };
    update(&mut model, Msg::News(Change::Changed(twin)));
    press(&mut model, "/web-app-1\na");
    assert_eq!(model.instances.marks.len(), 2);
    assert_eq!(performed(&press(&mut model, "c1x2\n")), [(Verb::Scale(12), vec![0])]);
    for bad in ["c0\n", "c\n", "c99999\n"] {
        assert_eq!(performed(&press(&mut model, bad)), [], "{bad}");
        assert_eq!(model.notice.take().unwrap().tone, Tone::Bad);
    }
}

#[test]
fn pasted_text_is_never_taken_for_keys() {
    let mut model = model(80, 24);
    assert_eq!(update(&mut model, Msg::Paste("Dyq\nx".into())), []);
    assert_eq!(model.mode, InputMode::Main);
    press(&mut model, "/");
    update(&mut model, Msg::Paste("web\u{7}\nrm -rf".into()));
    assert_eq!(model.instances.filter, "web");
}

#[test]
fn results_are_told_and_pass() {
    let mut model = model(80, 24);
    let effects = press(&mut model, "r");
    let Some(Effect::Perform(command)) = effects.first().cloned() else { panic!("{effects:?}") };
    let outcome = |id, what| Outcome {
        id,
        name: "web".into(),
        what,
        pid: 1,
        error_log: None,
        note: None,
        exit: None,
    };
    let end = OperationResult::Outcomes(vec![outcome(0, What::Restarted)]);
    update(&mut model, Msg::Done(command.clone(), end));
    assert!(model.running.is_empty());
    assert_eq!(model.notice.as_ref().unwrap().text, "restarted web-app-1 (0)");
    assert_eq!(model.wakes_at().unwrap().min(NOW + PASSING), model.wakes_at().unwrap());
    update(&mut model, Msg::Clock(NOW + PASSING));
    assert_eq!(model.notice, None);

    let failed = outcome(3, What::Failed("no such\x1bfile".into()));
    let end = OperationResult::Outcomes(vec![outcome(0, What::Restarted), failed.clone(), failed]);
    update(&mut model, Msg::Done(command.clone(), end));
    let notice = model.notice.take().unwrap();
    assert_eq!(notice.text, "could not restart web (3): no such\u{241b}file (and 1 more)");
    assert_eq!(notice.tone, Tone::Bad);
    let end = OperationResult::Failed("it is away".into(), Some("try later".into()));
    update(&mut model, Msg::Done(command, end));
    assert_eq!(
        model.notice.unwrap().text,
        "could not restart web-app-1 (0): it is away (try later)"
    );
}

#[test]
fn p53_a_new_daemon_changes_nothing_on_the_screen() {
    let mut model = model(80, 24);
    update(&mut model, Msg::News(Change::Leaving));
    assert_eq!(model.link, LinkState::Reconnecting);
    assert_eq!(name(&model), "web-app-1");
    let rows = model.instances.all().map(|one| one.row.clone()).collect();
    let effects = update(&mut model, Msg::News(Change::Snapshot(rows)));
    assert_eq!(model.link, LinkState::Live);
    assert!(effects.contains(&Effect::Follow(vec![0])) && effects.contains(&Effect::Describe(0)));
    assert_eq!(model.log.buffer().unwrap().end(), 5, "lines are kept");
    assert!(model.description.is_some(), "and shown until the new ones come");
}

#[test]
fn without_a_daemon_nothing_is_claimed() {
    let mut model = model(80, 24);
    press(&mut model, " ");
    assert_eq!(update(&mut model, Msg::Link(LinkState::NoDaemon)), [Effect::Follow(vec![])]);
    assert_eq!(model.instances.all().len(), 0);
    assert_eq!(performed(&press(&mut model, "xrRsDF")), []);
    let back = Change::Snapshot(vec![row(0, "web-app-1", Status::Online)]);
    let effects = update(&mut model, Msg::News(back));
    assert!(effects.contains(&Effect::Follow(vec![0])) && effects.contains(&Effect::Describe(0)));
}

#[test]
fn a_description_on_the_screen_is_kept_fresh() {
    let mut model = model(200, 60);
    let same = || {
        Msg::News(Change::Usage(vec![(
            0,
            Usage { cpu: 1.0, memory: 1, processes: 3, listens: Vec::new() },
        )]))
    };
    assert_eq!(update(&mut model, same()), []);
    update(&mut model, Msg::Clock(NOW + STALE));
    assert_eq!(update(&mut model, same()), [Effect::Describe(0)]);
    assert_eq!(update(&mut model, same()), []);
}

#[test]
fn descriptions_are_asked_for_when_something_changed() {
    let mut model = model(80, 24);
    let same = vec![(0, Usage { cpu: 1.0, memory: 1, processes: 3, listens: Vec::new() })];
    assert_eq!(update(&mut model, Msg::News(Change::Usage(same))), []);
    let more = vec![(0, Usage { cpu: 1.0, memory: 1, processes: 4, listens: Vec::new() })];
    assert_eq!(update(&mut model, Msg::News(Change::Usage(more))), [Effect::Describe(0)]);
    let changed = Change::Changed(row(0, "web-app-1", Status::Stopping));
    assert_eq!(update(&mut model, Msg::News(changed)), [Effect::Describe(0)]);
    let other = Change::Changed(row(3, "cron", Status::Launching));
    assert_eq!(update(&mut model, Msg::News(other)), []);
    let moved = pm_protocol::Description { out: Some("/elsewhere".into()), ..description() };
    let effects = update(&mut model, Msg::Described(0, Some(Box::new(moved))));
    assert_eq!(effects, [Effect::Follow(vec![0])], "its files have moved");
    let other = pm_protocol::Description { row: row(3, "cron", Status::Stopped), ..description() };
    let late = update(&mut model, Msg::Described(3, Some(Box::new(other))));
    assert_eq!(late, [], "nobody asks for that any more");
    assert_eq!(model.description.unwrap().row.id, 0);
}

#[test]
fn search_and_filter_of_logs() {
    let mut model = model(80, 24);
    press(&mut model, "\t/session\n");
    assert_eq!(model.log.buffer().unwrap().found, Some(2));
    assert!(model.log.follows() || model.log.buffer().unwrap().top.is_some());
    press(&mut model, "n");
    assert_eq!(model.log.buffer().unwrap().found, Some(2), "the only hit");
    press(&mut model, "&get");
    assert_eq!(model.log.passing(), Some(1), "while typing");
    press(&mut model, "\n");
    assert_eq!(model.log.filter, "get");
    press(&mut model, "\x1b");
    assert_eq!((model.log.search.as_str(), model.log.filter.as_str()), ("", "get"));
    press(&mut model, "\x1b");
    assert_eq!(model.log.filter, "");
    press(&mut model, "/nowhere\n");
    assert!(model.notice.unwrap().text.contains("not in these lines"));
}

#[test]
fn following_can_be_left_and_taken_up() {
    let mut model = model(80, 24);
    let lines: Vec<LogLine> = (0..100).map(|n| line(0, Stream::Out, &n.to_string())).collect();
    update(
        &mut model,
        Msg::Lines(LogBatch { group: vec![0], lines: lines.clone(), skipped: 0, fresh: false }),
    );
    press(&mut model, "\tkk");
    assert!(!model.log.follows());
    update(&mut model, Msg::Lines(LogBatch { group: vec![0], lines, skipped: 7, fresh: false }));
    assert_eq!(model.log.buffer().unwrap().unseen, 100);
    assert_eq!(model.log.buffer().unwrap().skipped, 7);
    press(&mut model, "f");
    assert!(model.log.follows());
    press(&mut model, "fG");
    assert!(model.log.follows());
    press(&mut model, "g");
    assert_eq!(model.log.buffer().unwrap().top.unwrap().line, 0);
}

#[test]
fn a_flush_empties_the_buffer_too() {
    let mut model = model(80, 24);
    let effects = press(&mut model, "Fy");
    let Some(Effect::Perform(command)) = effects.first().cloned() else { panic!("{effects:?}") };
    update(&mut model, Msg::Done(command, OperationResult::Flushed(2)));
    assert_eq!(model.log.at_or_after(0), None);
    assert_eq!(model.notice.unwrap().text, "2 log files emptied");
}

#[test]
fn keys_go_round_the_panes_that_are_shown() {
    let mut narrow = model(80, 24);
    press(&mut narrow, "\t");
    assert_eq!(narrow.focus, Pane::Logs);
    press(&mut narrow, "\t");
    assert_eq!(narrow.focus, Pane::List, "details are not shown");
    press(&mut narrow, "i\t");
    assert_eq!(narrow.focus, Pane::Detail, "they took the place of the logs");
    press(&mut narrow, "i");
    assert_eq!(narrow.focus, Pane::List);
    let mut tiny = model(20, 5);
    press(&mut tiny, "\t\t");
    assert_eq!(tiny.focus, Pane::Detail, "one at a time, but all of them");
    let mut wide = model(200, 60);
    press(&mut wide, "\t\t\t");
    assert_eq!(wide.focus, Pane::List);
    press(&mut wide, "\n");
    assert!(wide.zoom && wide.focus == Pane::Logs);
    press(&mut wide, "\x1b");
    assert!(!wide.zoom && wide.focus == Pane::List);
}

#[test]
fn the_mouse_chooses_marks_orders_scrolls_and_drags() {
    let mut model = model(80, 24);
    let layout = model.layout();
    let lines = layout.list_lines();
    mouse(&mut model, CLICK, 10, lines.y);
    assert_eq!(name(&model), "billing");
    mouse(&mut model, MouseEventKind::Down(MouseButton::Right), 10, lines.y + 1);
    assert_eq!(model.instances.marks.len(), 1);
    mouse(&mut model, CLICK, 10, lines.bottom() - 1);
    let head = layout.list_head();
    let slots = crate::columns::slots(head.width, &model.instances);
    let cpu = slots.iter().find(|s| s.field == ListColumn::Cpu).unwrap();
    mouse(&mut model, CLICK, cpu.x + 3, head.y);
    assert_eq!(model.instances.sort.column, ListColumn::Cpu);
    assert!(model.instances.sort.falling());
    mouse(&mut model, CLICK, cpu.x + 3, head.y);
    assert!(!model.instances.sort.falling());
    mouse(&mut model, MouseEventKind::ScrollDown, 1, lines.y);
    assert_eq!(model.instances.position(), Some(4));
    mouse(&mut model, CLICK, 40, layout.logs.y);
    assert!(model.dragging);
    mouse(&mut model, MouseEventKind::Drag(MouseButton::Left), 40, 15);
    assert_eq!(model.layout().logs.y, 15);
    mouse(&mut model, MouseEventKind::Up(MouseButton::Left), 40, 15);
    assert!(!model.dragging);
    press(&mut model, "D");
    mouse(&mut model, CLICK, 10, lines.y);
    assert!(matches!(model.mode, InputMode::Asking(_)), "a slip of the hand deletes nothing");
}

#[test]
fn idle_means_idle() {
    let mut model = model(80, 24);
    let stopped: Vec<Row> = (0..5).map(|id| row(id, "x", Status::Stopped)).collect();
    update(&mut model, Msg::News(Change::Snapshot(stopped)));
    assert_eq!(model.wakes_at(), None, "nothing on the screen changes by itself");
    let young = Row { started_at: NOW - 5_300, ..row(1, "x", Status::Online) };
    update(&mut model, Msg::News(Change::Changed(young)));
    assert_eq!(model.wakes_at(), Some(NOW + 700));
    let old = Row { started_at: NOW - 10 * 86_400_000, ..row(1, "x", Status::Online) };
    update(&mut model, Msg::News(Change::Changed(old)));
    assert_eq!(model.wakes_at(), Some(NOW + 86_400_000));
    press(&mut model, "\n");
    assert_eq!(model.wakes_at(), None, "the list is not on the screen");
}

#[test]
fn a_thousand_apps() {
    let mut model = model(80, 24);
    let rows = (0..1000).map(|id| row(id, &format!("app-{id}"), Status::Online)).collect();
    update(&mut model, Msg::News(Change::Snapshot(rows)));
    press(&mut model, "G");
    assert_eq!(name(&model), "app-999");
    let height = usize::from(model.layout().list_lines().height);
    assert_eq!(model.instances.offset, 1000 - height);
    press(&mut model, "/app-99");
    assert_eq!(model.instances.listed_count(), 11);
    assert_eq!(
        model.mode,
        InputMode::Typing(Prompt::ListFilter, crate::text_input::TextInput::new("app-99"))
    );
}

#[test]
fn help_scrolls_and_quits_only_by_the_hard_key() {
    let mut model = model(40, 12);
    press(&mut model, "?jj");
    assert_eq!(model.mode, InputMode::Help { top: 2 });
    assert_eq!(press(&mut model, "q"), []);
    assert_eq!(model.mode, InputMode::Main);
    assert_eq!(press(&mut model, "q"), [Effect::Quit]);
}

fn messages() -> impl Strategy<Value = Msg> {
    let status = prop_oneof![
        Just(Status::Online),
        Just(Status::Launching),
        Just(Status::Stopping),
        Just(Status::Stopped),
        Just(Status::Errored),
        Just(Status::WaitingRestart),
    ];
    let any_row = (0..12_u32, ".{0,40}", status, any::<u64>(), any::<Option<String>>()).prop_map(
        |(id, name, status, started_at, note)| Row { started_at, note, ..row(id, &name, status) },
    );
    let any_line = (0..12_u32, any::<bool>(), any::<Option<i64>>(), any::<Vec<u8>>()).prop_map(
        |(id, out, at, bytes)| {
            let stream = if out { Stream::Out } else { Stream::Err };
            LogLine { id, stream, at, bytes, left_out: 0 }
        },
    );
    let usage = (0..12_u32, any::<f32>(), any::<u64>(), any::<u32>()).prop_map(
        |(id, cpu, memory, processes)| (id, Usage { cpu, memory, processes, listens: Vec::new() }),
    );
    let kind = prop_oneof![
        Just(CLICK),
        Just(MouseEventKind::Down(MouseButton::Right)),
        Just(MouseEventKind::Drag(MouseButton::Left)),
        Just(MouseEventKind::Up(MouseButton::Left)),
        Just(MouseEventKind::ScrollUp),
        Just(MouseEventKind::ScrollDown),
    ];
    let codes = crate::keys::KEYS.iter().flat_map(|binding| binding.keys);
    let codes: Vec<_> = codes.map(|chord| chord.event()).collect();
    prop_oneof![
        6 => proptest::sample::select(codes).prop_map(Msg::Key),
        2 => any::<char>().prop_map(|c| key(crossterm::event::KeyCode::Char(c))),
        2 => (kind, 0..310_u16, 0..210_u16).prop_map(|(kind, column, row)| {
            Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        }),
        1 => ".*".prop_map(Msg::Paste),
        2 => (0..310_u16, 0..210_u16).prop_map(|(width, height)| Msg::Resize(width, height)),
        2 => (0..40_u16, 0..14_u16).prop_map(|(width, height)| Msg::Resize(width, height)),
        1 => any::<u64>().prop_map(Msg::Clock),
        1 => proptest::collection::vec(any_row.clone(), 0..12)
            .prop_map(|rows| Msg::News(Change::Snapshot(rows))),
        2 => any_row.prop_map(|row| Msg::News(Change::Changed(row))),
        1 => (0..12_u32).prop_map(|id| Msg::News(Change::Removed(id))),
        1 => proptest::collection::vec(usage, 0..12)
            .prop_map(|usages| Msg::News(Change::Usage(usages))),
        1 => (any::<f32>(), any::<u64>(), any::<u64>()).prop_map(|(cpu, used, total)| {
            let host = pm_protocol::Host { cpu, memory_used: used, memory_total: total, ..host() };
            Msg::News(Change::Host(host))
        }),
        3 => (proptest::collection::vec(any_line, 0..30), any::<u64>(), proptest::collection::btree_set(0..12_u32, 1..3))
            .prop_map(|(lines, skipped, group)| {
                Msg::Lines(LogBatch { group: group.into_iter().collect(), lines, skipped: skipped / 1000, fresh: false })
            }),
        1 => (0..12_u32).prop_map(|id| Msg::Described(id, Some(Box::new(description())))),
        1 => ".*".prop_map(|why| Msg::Link(LinkState::Broken(why))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn p54_no_message_and_no_size_panics(
        msgs in proptest::collection::vec(messages(), 1..60), width in 0..300_u16, height in 0..200_u16,
    ) {
        let mut model = model(width, height);
        for msg in msgs {
            update(&mut model, msg);
            prop_assert!(!model.layout().pane(model.focus).is_empty() || model.area().is_empty());
        }
        // The terminal may have been resized since we were told.
        let sizes = [model.size, (width, height), (1, 1), (7, 3)];
        for (width, height) in sizes.into_iter().filter(|(width, height)| *width > 0 && *height > 0) {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| view(&model, frame)).unwrap();
            let hostile = terminal.backend().buffer().content().iter().find(|cell| {
                cell.symbol().chars().any(|c| pm_client::visible(c) != c)
            });
            prop_assert!(hostile.is_none(), "{hostile:?}");
        }
    }
}
