//! Screens, at every size and with hostile input.

use pm_logs::Stream;
use pm_protocol::{Change, Status};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::*;
use crate::message::{LinkState, LogBatch, Msg};
use crate::samples::{NOW, description, line, model, press, row};
use crate::theme::ThemeChoice;
use crate::update::update;

fn draw(model: &Model) -> Buffer {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The screen as text, without blanks at the ends of lines.
fn screen(model: &Model) -> String {
    let buffer = draw(model);
    let width = usize::from(buffer.area.width.max(1));
    let rows = buffer.content().chunks(width).map(|cells| {
        let text: String = cells.iter().map(Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    });
    rows.collect()
}

/// The first cell of a text on the screen, and the row it stands in.
fn find<'a>(buffer: &'a Buffer, text: &str) -> &'a Cell {
    let width = usize::from(buffer.area.width);
    for cells in buffer.content().chunks(width) {
        let symbols: Vec<_> = cells.iter().map(Cell::symbol).collect();
        for start in 0..symbols.len() {
            if symbols[start..].concat().starts_with(text) {
                return &cells[start];
            }
        }
    }
    panic!("`{text}` is not on the screen");
}

#[test]
fn p54_screens_of_all_sizes() {
    for (width, height) in [(80, 24), (40, 12), (1, 1), (200, 60), (300, 200), (120, 35), (20, 5)] {
        insta::assert_snapshot!(format!("main_{width}x{height}"), screen(&model(width, height)));
    }
}

#[test]
fn details_help_question_and_typing() {
    let mut model = model(80, 24);
    press(&mut model, "i\t");
    insta::assert_snapshot!("details_80x24", screen(&model));
    press(&mut model, "i?");
    insta::assert_snapshot!("help_80x24", screen(&model));
    press(&mut model, "\x1bD");
    insta::assert_snapshot!("question_80x24", screen(&model));
    press(&mut model, "n\n&session\n/key");
    insta::assert_snapshot!("logs_alone_80x24", screen(&model));
    let mut wide = crate::samples::model(200, 60);
    press(&mut wide, "?");
    insta::assert_snapshot!("help_200x60", screen(&wide));
}

#[test]
fn empty_screens_tell_what_to_do() {
    let mut model = model(80, 24);
    update(&mut model, Msg::News(Change::Snapshot(Vec::new())));
    insta::assert_snapshot!("empty_80x24", screen(&model));
    update(&mut model, Msg::Link(LinkState::NoDaemon));
    insta::assert_snapshot!("no_daemon_80x24", screen(&model));
    update(&mut model, Msg::Link(LinkState::Reconnecting));
    assert!(screen(&model).contains("reconnecting"));
    update(&mut model, Msg::Link(LinkState::Broken("could not talk".into())));
    assert!(screen(&model).contains("could not talk"));
}

#[test]
fn a_replaced_daemon_is_told_while_the_apps_stay_on_the_screen() {
    let mut model = model(80, 24);
    update(&mut model, Msg::News(Change::Leaving));
    let screen = screen(&model);
    assert!(screen.contains("reconnecting") && screen.contains("web-app-2"), "{screen}");
}

#[test]
fn colours_mean_something() {
    let mut model = model(120, 35);
    let buffer = draw(&model);
    let theme = ThemeChoice::Dark.theme();
    for (text, style) in [
        ("✖ errored", theme.bad),
        ("◌ waiting", theme.passing),
        ("○ stopped", theme.quiet),
        ("▌Traceback", theme.error_output),
        ("93.7%", theme.bad),
    ] {
        assert_eq!(find(&buffer, text).fg, style.fg.unwrap(), "{text}");
    }
    assert_eq!(find(&buffer, "INFO").fg, Color::Green, "as the app chose");
    assert_eq!(find(&buffer, "KeyError").fg, Color::Red);
    assert!(find(&buffer, "KeyError").modifier.contains(Modifier::BOLD));
    assert_eq!(find(&buffer, "listening").fg, Color::Reset);
    assert_eq!(find(&buffer, "web-app-1").bg, theme.cursor.bg.unwrap(), "the cursor");
    press(&mut model, "\t/session\n");
    let buffer = draw(&model);
    assert_eq!(find(&buffer, "session'").bg, theme.hit_here.bg.unwrap());
    assert_eq!(find(&buffer, "web-app-1").bg, theme.cursor_away.bg.unwrap());
}

#[test]
fn mono_shows_everything_without_colour() {
    let mut model = model(120, 35);
    model.theme = ThemeChoice::Mono;
    press(&mut model, "\t/session\n");
    let buffer = draw(&model);
    let coloured =
        buffer.content().iter().find(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset));
    assert!(coloured.is_none(), "{coloured:?}");
    assert!(find(&buffer, "session'").modifier.contains(Modifier::REVERSED), "the hit");
    assert!(find(&buffer, "web-app-1").modifier.contains(Modifier::UNDERLINED), "the cursor");
    assert!(screen(&model).contains("▌Traceback"), "standard error");
}

#[test]
fn of_the_environment_only_declared_names_are_shown_and_no_values() {
    let mut model = model(80, 60);
    press(&mut model, "i");
    let screen = screen(&model);
    assert!(screen.contains("PORT and 3 inherited"), "{screen}");
    assert!(!screen.contains("SECRET_KEY") && !screen.contains("hidden-value"), "{screen}");
}

/// A screen without the blank cells behind wide characters.
fn dense(model: &Model) -> String {
    screen(model).replace(' ', "")
}

#[test]
fn names_are_measured_in_columns_not_in_characters() {
    for (width, height) in [(80, 24), (120, 30), (200, 60)] {
        let mut model = model(width, height);
        for (id, name) in [(7, "订单服务后台任务"), (8, "订单服务")] {
            update(&mut model, Msg::News(Change::Changed(row(id, name, Status::Online))));
        }
        let shown = dense(&model);
        assert!(shown.contains("7订单服务后台任务●online"), "{shown}");
        assert!(shown.contains("8订单服务●online"), "{shown}");
        // Marked together, their lines stand beside their names.
        press(&mut model, "/订单服务\na");
        let group = model.log.group.clone();
        assert_eq!(group, [7, 8]);
        let lines = vec![line(7, Stream::Out, "first"), line(8, Stream::Out, "second")];
        update(&mut model, Msg::Lines(LogBatch { group, lines, skipped: 0, fresh: true }));
        let shown = dense(&model);
        assert!(shown.contains("7订单服务后台任务first"), "{shown}");
        assert!(shown.contains("8订单服务second"), "{shown}");
    }
}

#[test]
fn typed_text_longer_than_the_line_keeps_its_end_on_the_screen() {
    for text in ["订单服务后台任务", "abcdefghijklmnop"] {
        let mut model = model(30, 12);
        press(&mut model, &format!("/{}", text.repeat(5)));
        let shown = dense(&model);
        let end: String = text.chars().skip(text.chars().count() - 4).collect();
        assert!(shown.trim_end().ends_with(&end), "{shown}");
    }
}

#[test]
fn why_an_app_is_down_is_told_at_every_width() {
    for width in [50, 80, 100, 120, 139, 140, 160, 180, 200, 300] {
        for height in [24, 30, 60] {
            let shown = screen(&model(width, height));
            let told = shown.matches("16 short runs in a row: exit 1").count();
            assert_eq!(told, 1, "{width}x{height}\n{shown}");
        }
    }
    let mut model = model(80, 24);
    let why = "gave up after 16 short runs in a row; the last one exited with code 3";
    let errored = pm_protocol::Row { note: Some(why.into()), ..row(4, "billing", Status::Errored) };
    update(&mut model, Msg::News(Change::Changed(errored)));
    let words: Vec<_> = why.split(' ').collect();
    let shown = screen(&model).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&words.join(" ")), "{shown}");
}

#[test]
fn a_reason_that_is_cut_says_so() {
    let mut model = model(40, 12);
    let note = "gave up after 16 short runs in a row; the last one exited with code 3";
    let errored =
        pm_protocol::Row { note: Some(note.into()), ..row(4, "billing", Status::Errored) };
    update(&mut model, Msg::News(Change::Changed(errored)));
    let shown = screen(&model);
    assert!(shown.contains("runs in a row; the last one exited …"), "{shown}");
}

#[test]
fn many_reasons_leave_the_list_its_lines_and_that_of_the_cursor_comes_first() {
    let mut model = model(80, 24);
    let rows = (0..30).map(|id| row(id, "app", Status::Errored)).collect();
    update(&mut model, Msg::News(Change::Snapshot(rows)));
    press(&mut model, "Gk");
    let shown = screen(&model);
    assert!(shown.matches("✖ errored").count() >= 4, "{shown}");
    let first = shown.lines().find(|line| line.contains("): 16 short")).unwrap();
    assert!(first.contains("✖ app (28): 16 short runs in a row: exit 1"), "{shown}");
}

#[test]
fn the_next_run_of_a_job_is_told() {
    for (width, height) in [(80, 24), (120, 30), (200, 60)] {
        let mut model = model(width, height);
        let next_cron = Some(NOW + 5 * 3_600_000 + 60_000);
        let about = pm_protocol::Description { next_cron, ..description() };
        update(&mut model, Msg::Described(0, Some(Box::new(about))));
        let shown = screen(&model);
        assert!(shown.contains("next run in 5h, at 17:01:00"), "{shown}");
        press(&mut model, "i");
        let shown = screen(&model);
        assert_eq!(shown.contains("by its schedule in 5h, at 17:01:00"), width < 200, "{shown}");
    }
}

#[test]
fn the_cursor_is_a_bar_over_the_whole_line() {
    for (width, height) in [(80, 24), (120, 30), (200, 60)] {
        let model = model(width, height);
        let list = model.layout().list_lines();
        let buffer = draw(&model);
        let bar = model.theme.theme().cursor.bg.unwrap();
        let y = list.y + 2;
        for x in list.x..list.right() {
            assert_eq!(buffer[(x, y)].bg, bar, "column {x} at {width}x{height}");
        }
    }
}

#[test]
fn a_wider_screen_shows_every_column_a_narrower_one_has() {
    let fields = |width, height| {
        let model = model(width, height);
        let slots = crate::columns::slots(model.layout().list.width, &model.instances);
        let fields = slots.into_iter().map(|slot| slot.field);
        fields.filter(|field| *field != crate::instances::ListColumn::Note).collect::<Vec<_>>()
    };
    let narrow = fields(120, 30);
    for width in [180, 200, 300] {
        let wide = fields(width, 60);
        assert!(narrow.iter().all(|field| wide.contains(field)), "{width}: {wide:?}");
    }
}

#[test]
fn trouble_is_counted_first() {
    let shown = screen(&model(40, 24));
    assert!(shown.lines().next().unwrap().contains("✖ 1 errored"), "{shown}");
}

#[test]
fn hostile_names_and_notes_stay_text() {
    let mut model = model(80, 24);
    let mut hostile = row(7, "\x1b[31m\u{202e}evil", Status::Errored);
    hostile.note = Some("\x07\x1b]0;x".into());
    update(&mut model, Msg::News(Change::Changed(hostile)));
    let screen = screen(&model);
    assert!(screen.contains("\u{241b}[31m\u{fffd}evil"), "{screen}");
    assert!(!screen.contains('\x1b') && !screen.contains('\u{202e}'));
}

#[test]
fn the_last_rows_of_the_log_are_on_the_last_rows_of_the_screen() {
    let mut model = model(40, 12);
    let screen_lines = |model: &Model| screen(model).lines().map(str::to_owned).collect::<Vec<_>>();
    let lines = screen_lines(&model);
    assert_eq!(lines[10].trim(), "screens are");
    press(&mut model, "w");
    let lines = screen_lines(&model);
    assert!(lines[10].ends_with('›'), "{}", lines[10]);
    press(&mut model, "\tlll");
    assert!(screen_lines(&model)[10].contains("longer"), "{:?}", screen_lines(&model)[10]);
}

#[test]
fn a_question_is_seen_on_the_smallest_screens() {
    for height in 2..8 {
        let mut model = model(40, height);
        press(&mut model, "D");
        assert!(screen(&model).contains("delete web-app-1 (0)?"), "{height} rows");
    }
}
