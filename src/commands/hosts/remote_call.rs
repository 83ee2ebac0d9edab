//! What one `pm` asks another over ssh. ssh hands text to a shell there, so what is asked is written in letters and digits
//! that mean nothing to any shell.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::cli::RemoteArgs;
use crate::prelude::{Exit, Failure, Report};

/// A command line for another machine.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemoteCall {
    /// The words after the program's name, as bytes.
    words: Vec<Vec<u8>>,
    /// The folder where it was typed; relative paths mean it, where the other machine has it, too.
    folder: Option<PathBuf>,
}

/// A shell takes no longer word.
const LONGEST: usize = 120 << 10;

impl RemoteCall {
    /// These words and some that only we add.
    pub(crate) fn new(words: Vec<OsString>, further: &[&str]) -> Result<Self, Failure> {
        let mut words: Vec<_> = words.into_iter().map(OsStringExt::into_vec).collect();
        let end = words.iter().position(|word| word == b"--").unwrap_or(words.len());
        words.splice(end..end, further.iter().map(|word| word.as_bytes().to_vec()));
        let call = Self { words, folder: std::env::current_dir().ok() };
        if call.written().len() > LONGEST {
            let message = "the command line is too long for ssh";
            return Err(Failure::input(message).hint("`-` takes a config from standard input"));
        }
        Ok(call)
    }

    /// Whether the command reads a config from standard input.
    pub(super) fn reads_input(&self) -> bool {
        self.words.iter().take_while(|word| *word != b"--").any(|word| word == b"-")
    }

    /// As one word.
    pub(super) fn written(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut word = String::with_capacity(json.len() * 2);
        for byte in json {
            // A string takes everything.
            write!(word, "{byte:02x}").ok();
        }
        word
    }

    fn read(word: &str) -> Option<Self> {
        let byte = |at| u8::from_str_radix(word.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<_>> = (0..word.len()).step_by(2).map(byte).collect();
        serde_json::from_slice(&bytes?).ok()
    }
}

/// Becomes what another machine asked for; it returns only if that fails.
pub(crate) fn run(args: &RemoteArgs) -> Result<Report, Failure> {
    let Some(call) = RemoteCall::read(&args.told) else {
        let message = "could not read what another pm asks for";
        return Err(Failure::input(message).hint("bring both to one version"));
    };
    let program = std::env::current_exe();
    let program = program.map_err(|error| Failure::could_not(Exit::Failed, &error))?;
    let mut command = Command::new(program);
    command.arg0("pm").args(call.words.into_iter().map(OsString::from_vec));
    if let Some(folder) = call.folder.filter(|folder| folder.is_dir()) {
        command.env("PWD", folder.as_os_str()).current_dir(folder);
    }
    let error = command.exec();
    Err(Failure::failed(format!("could not run pm: {error}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn any_words_arrive_as_they_were_typed() {
        let strange: Vec<OsString> =
            vec!["start".into(), "$(id);'\"\n".into(), OsString::from_vec(vec![0xff, 0x01])];
        let all = [&strange[..], &["--".into(), "-x".into()]].concat();
        let call = RemoteCall::new(all, &["--whole"]).unwrap();
        let word = call.written();
        assert!(word.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let read = RemoteCall::read(&word).unwrap();
        let words: Vec<_> = strange.iter().map(|word| word.as_bytes().to_vec()).collect();
        assert_eq!(read.words[..3], words);
        assert_eq!(read.words[3..], [b"--whole".to_vec(), b"--".to_vec(), b"-x".to_vec()]);
        for bad in ["", "7", "zz", "7b7d", "€€"] {
            assert!(RemoteCall::read(bad).is_none(), "{bad}");
        }
    }
}
