//! Questions to whoever sits at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::prelude::{Failure, Session};
use crate::words::say;

/// Whether somebody can be asked.
pub(crate) fn is_possible(session: &Session) -> bool {
    io::stdin().is_terminal() && session.console.talk_is_terminal && !session.console.json
}

/// The answer to a question, without blanks around it; the end of the input is a no.
fn answer(question: &str) -> Result<Option<String>, Failure> {
    let failed = |error| Failure::failed(format!("could not read an answer: {error}"));
    write!(io::stderr(), "{question} ").map_err(failed)?;
    let mut line = String::new();
    let count = io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok((count > 0).then(|| line.trim().to_owned()))
}

/// Whether it is to be done; a bare line feed is a yes.
pub(crate) fn go_on() -> Result<bool, Failure> {
    let said = answer(&say("do this? [Y/n]"))?;
    Ok(said.is_some_and(|said| is_yes(&said)))
}

fn is_yes(said: &str) -> bool {
    ["", "y", "yes", "j", "ja", "是"].contains(&said.to_lowercase().as_str())
}

/// One of several; a bare line feed is the first.
pub(crate) fn which(choices: &[String]) -> Result<String, Failure> {
    let listed: Vec<_> =
        choices.iter().enumerate().map(|(at, one)| format!("  {} {one}", at + 1)).collect();
    loop {
        let said =
            answer(&format!("{}\n{}\n[1]", say("which of these is the app?"), listed.join("\n")))?;
        let Some(said) = said else {
            return Err(Failure::input("nothing was done: no answer"));
        };
        if let Some(choice) = picked(&said, choices) {
            return Ok(choice.clone());
        }
    }
}

fn picked<'a>(said: &str, choices: &'a [String]) -> Option<&'a String> {
    if said.is_empty() {
        return choices.first();
    }
    let number = said.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    number.or_else(|| choices.iter().find(|choice| *choice == said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert!(is_yes("") && is_yes("Y") && !is_yes("n") && !is_yes("what"));
        let choices = ["a:app".to_owned(), "b:app".to_owned()];
        for (said, meant) in
            [("", Some(0)), ("2", Some(1)), ("b:app", Some(1)), ("3", None), ("0", None)]
        {
            assert_eq!(picked(said, &choices), meant.map(|at: usize| &choices[at]), "{said}");
        }
    }
}
