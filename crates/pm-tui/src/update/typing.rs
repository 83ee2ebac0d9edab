//! What is typed: filters, which work while they are typed, a search, a number.

use super::keyboard::{command, show_hit};
use super::say;
use crate::keys::{Edit, Keyset};
use crate::log_buffers::Way;
use crate::message::{Action, Verb};
use crate::model::{Mode, Model, Purpose, Tone};
use crate::text_input::Input;

pub(super) fn ask(model: &mut Model, purpose: Purpose) {
    let text = match purpose {
        Purpose::ListFilter => model.instances.filter.as_str(),
        Purpose::LogSearch => &model.log.search,
        Purpose::LogFilter => &model.log.filter,
        Purpose::Scale => "",
    };
    model.mode = Mode::Typing(purpose, Input::new(text));
}

/// Pasted text goes where text is typed, and nowhere else: a pasted `D` must delete nothing.
pub(super) fn paste(model: &mut Model, text: &str) {
    if model.keyset() == Keyset::Typing {
        insert(model, text.lines().next().unwrap_or_default());
    }
}

pub(super) fn insert(model: &mut Model, text: &str) {
    if let Mode::Typing(purpose, input) = &mut model.mode {
        let digits_only = *purpose == Purpose::Scale;
        for c in text.chars().filter(|c| !digits_only || c.is_ascii_digit()) {
            input.insert(c);
        }
    }
    typed(model);
}

pub(super) fn edit(model: &mut Model, change: Edit, actions: &mut Vec<Action>) {
    let Mode::Typing(purpose, input) = &mut model.mode else { return };
    let purpose = *purpose;
    match change {
        Edit::Accept => {
            let text = input.text();
            model.mode = Mode::Main;
            return accept(model, purpose, &text, actions);
        }
        Edit::Cancel => {
            model.mode = Mode::Main;
            return apply(model, purpose, "");
        }
        Edit::EraseChar => input.erase(),
        Edit::EraseWord => input.erase_word(),
        Edit::EraseAll => input.erase_all(),
        Edit::Left => input.left(),
        Edit::Right => input.right(),
        Edit::Start => input.start(),
        Edit::End => input.end(),
    }
    typed(model);
}

/// Filters work while they are typed.
fn typed(model: &mut Model) {
    if let Mode::Typing(purpose, input) = &model.mode {
        let (purpose, text) = (*purpose, input.text());
        apply(model, purpose, &text);
    }
}

fn apply(model: &mut Model, purpose: Purpose, text: &str) {
    match purpose {
        Purpose::ListFilter if model.instances.filter != text => {
            text.clone_into(&mut model.instances.filter);
            model.instances.arrange();
        }
        Purpose::LogFilter if model.log.filter != text => {
            text.clone_into(&mut model.log.filter);
            model.log.sift();
        }
        Purpose::LogSearch if model.log.search != text => {
            text.clone_into(&mut model.log.search);
            if let Some(book) = model.log.book_mut() {
                book.found = None;
            }
        }
        Purpose::ListFilter | Purpose::LogFilter | Purpose::LogSearch | Purpose::Scale => {}
    }
}

fn accept(model: &mut Model, purpose: Purpose, text: &str, actions: &mut Vec<Action>) {
    match purpose {
        Purpose::ListFilter | Purpose::LogFilter => {}
        Purpose::LogSearch if text.is_empty() => {}
        // Upwards from the end, as the latest hit is the most wanted one.
        Purpose::LogSearch => show_hit(model, u64::MAX, Way::Up),
        Purpose::Scale => match text.parse::<u16>() {
            Ok(to) if to > 0 => command(model, Verb::Scale(to), actions),
            Ok(_) | Err(_) => say(model, "a number of instances is 1 to 65535", Tone::Bad),
        },
    }
}
