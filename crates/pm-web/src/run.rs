//! Runs this program once more: each change is one command line of it, without a shell, with what it says kept within
//! limits. What was begun goes on whether or not whoever asked for it waits.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pm_protocol::Home;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

/// A command that is told this is written down by who runs it.
pub const AUDITED: &str = "PM_AUDITED";

/// How a call ended.
#[derive(Debug)]
pub(crate) struct ProgramEnd {
    /// `None`: by a signal.
    pub(crate) exit: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
    /// It said more than was to be kept.
    pub(crate) is_cut: bool,
}

/// Why there is no end to tell of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("could not run {program}: {source}")]
    Begin { program: String, source: io::Error },
    #[error("it took longer than {} s", .0.as_secs())]
    Late(Duration),
    #[error("could not read what it says: {0}")]
    Read(#[from] io::Error),
}

/// How much is kept of each output, and how long a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunLimits {
    pub(crate) output: usize,
    pub(crate) time: Duration,
}

/// Runs a command line, the first word of which is only for people, to its end. Called in the folder that has no scripts, so that
/// a name never means a file.
pub(crate) async fn run(
    (program, home): (&Path, &Home),
    argv: &[String],
    limits: RunLimits,
) -> Result<ProgramEnd, RunError> {
    run_told((program, home), argv, limits, &[]).await
}

/// The same, with something to read that must not stand in a command line.
pub(crate) async fn run_told(
    (program, home): (&Path, &Home),
    argv: &[String],
    limits: RunLimits,
    input: &[u8],
) -> Result<ProgramEnd, RunError> {
    let mut command = Command::new(program);
    command
        // A link of another name would make it speak as PM2.
        .arg0("pm")
        .args(argv.iter().skip(1))
        .env_remove("PM_HOME")
        .envs(home.variables())
        .current_dir("/")
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C in the terminal of the panel is for the panel.
        .process_group(0)
        .kill_on_drop(true);
    if argv.get(1).is_some_and(|verb| verb == "web") {
        // The panel writes down what it runs. Verbs that start apps would hand it on to them.
        command.env(AUDITED, "1");
    }
    let begin = |source| RunError::Begin { program: program.display().to_string(), source };
    let mut child = command.spawn().map_err(begin)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read what it is told says so itself.
        stdin.write_all(input).await.ok();
    }
    let all = async {
        let (out, err) = tokio::join!(kept(out, limits.output), kept(err, limits.output));
        let ((out, out_is_cut), (err, err_is_cut)) = (out?, err?);
        let exit = child.wait().await?.code();
        Ok(ProgramEnd { exit, out, err, is_cut: out_is_cut || err_is_cut })
    };
    timeout(limits.time, all).await.map_err(|_| RunError::Late(limits.time))?
}

/// The beginning of an output, and whether it is not all; the rest is read all the same, so that nobody waits for us.
async fn kept(output: Option<impl AsyncRead + Unpin>, most: usize) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut output) = output else { return Ok((Vec::new(), false)) };
    let (mut all, mut is_cut, mut bytes) = (Vec::new(), false, vec![0; 8 << 10]);
    loop {
        let count = output.read(&mut bytes).await?;
        if count == 0 {
            return Ok((all, is_cut));
        }
        let room = most.saturating_sub(all.len()).min(count);
        all.extend_from_slice(bytes.get(..room).unwrap_or_default());
        is_cut |= room < count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_script(text: &str, limits: RunLimits) -> Result<ProgramEnd, RunError> {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().into(), None).unwrap();
        let argv = ["pm", "-c", text, "name", "--force; $(id)"].map(str::to_owned);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run((Path::new("/bin/sh"), &home), &argv, limits))
    }

    const LIMITS: RunLimits = RunLimits { output: 64 << 10, time: Duration::from_mins(1) };

    #[test]
    fn words_arrive_as_they_are_and_a_flood_is_cut() {
        let end = run_script("echo \"$0 $1\"; echo no >&2; exit 3", LIMITS).unwrap();
        assert_eq!((end.exit, end.is_cut), (Some(3), false));
        assert_eq!((&end.out[..], &end.err[..]), (&b"name --force; $(id)\n"[..], &b"no\n"[..]));
        let end = run_script("head -c 5000000 /dev/zero; echo done >&2", LIMITS).unwrap();
        assert_eq!((end.out.len(), end.is_cut, &end.err[..]), (64 << 10, true, &b"done\n"[..]));
        let end = run_script("kill -9 $$", LIMITS).unwrap();
        assert_eq!(end.exit, None);
    }

    #[test]
    fn it_is_not_waited_for_for_ever() {
        let limits = RunLimits { time: Duration::from_millis(50), ..LIMITS };
        assert!(matches!(run_script("exec sleep 1000", limits), Err(RunError::Late(_))));
    }
}
