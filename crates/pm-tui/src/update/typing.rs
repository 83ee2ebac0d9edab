//! What is typed: filters, which work while they are typed, a search, a number.

use super::operate::operate;
use crate::keys::{KeyAction, Keyset};
use crate::log_buffers::Direction;
use crate::message::{Effect, Verb};
use crate::model::{InputMode, Model, Prompt, Tone};
use crate::text_input::TextInput;

pub(super) fn ask(model: &mut Model, prompt: Prompt) {
    let text = match prompt {
        Prompt::ListFilter => model.instances.filter.as_str(),
        Prompt::LogSearch => &model.log.search,
        Prompt::LogFilter => &model.log.filter,
        Prompt::Scale => "",
    };
    model.mode = InputMode::Typing(prompt, TextInput::new(text));
}

/// Pasted text goes where text is typed, and nowhere else: a pasted `D` must delete nothing.
pub(super) fn paste(model: &mut Model, text: &str) {
    if model.keyset() == Keyset::Typing {
        insert(model, text.lines().next().unwrap_or_default());
    }
}

pub(super) fn insert(model: &mut Model, text: &str) {
    if let InputMode::Typing(prompt, input) = &mut model.mode {
        let digits_only = *prompt == Prompt::Scale;
        for c in text.chars().filter(|c| !digits_only || c.is_ascii_digit()) {
            input.insert(c);
        }
    }
    typed(model);
}

pub(super) fn edit(model: &mut Model, action: KeyAction, effects: &mut Vec<Effect>) {
    let InputMode::Typing(prompt, input) = &mut model.mode else { return };
    if let KeyAction::Edit(edit) = action {
        input.edit(edit);
        return typed(model);
    }
    let (prompt, text) = (*prompt, input.text());
    model.mode = InputMode::Main;
    if action == KeyAction::Yes {
        accept(model, prompt, &text, effects);
    } else {
        apply(model, prompt, "");
    }
}

/// Filters work while they are typed.
fn typed(model: &mut Model) {
    if let InputMode::Typing(prompt, input) = &model.mode {
        let (prompt, text) = (*prompt, input.text());
        apply(model, prompt, &text);
    }
}

fn apply(model: &mut Model, prompt: Prompt, text: &str) {
    match prompt {
        Prompt::ListFilter if model.instances.filter != text => {
            text.clone_into(&mut model.instances.filter);
            model.instances.rearrange();
        }
        Prompt::LogFilter if model.log.filter != text => {
            text.clone_into(&mut model.log.filter);
            model.log.refilter();
        }
        Prompt::LogSearch if model.log.search != text => {
            text.clone_into(&mut model.log.search);
            if let Some(buffer) = model.log.buffer_mut() {
                buffer.found = None;
            }
        }
        Prompt::ListFilter | Prompt::LogFilter | Prompt::LogSearch | Prompt::Scale => {}
    }
}

fn accept(model: &mut Model, prompt: Prompt, text: &str, effects: &mut Vec<Effect>) {
    match prompt {
        Prompt::ListFilter | Prompt::LogFilter => {}
        Prompt::LogSearch if text.is_empty() => {}
        // Upwards from the end, as the latest hit is the most wanted one.
        Prompt::LogSearch => show_match(model, u64::MAX, Direction::Up),
        Prompt::Scale => match text.parse::<u16>() {
            Ok(to) if to > 0 => operate(model, Verb::Scale(to), effects),
            Ok(_) | Err(_) => model.notify("a number of instances is 1 to 65535", Tone::Bad),
        },
    }
}

pub(super) fn show_match(model: &mut Model, from: u64, direction: Direction) {
    let viewport = model.layout().log_viewport(model);
    let found = model.log.next_match(from.min(u64::MAX - 1), direction);
    if let Some(buffer) = model.log.buffer_mut() {
        buffer.found = found;
    }
    if let Some(line) = found {
        model.log.show(line, viewport);
    } else {
        let text = format!("`{}` is not in these lines", model.log.search);
        model.notify(&text, Tone::Neutral);
    }
}
