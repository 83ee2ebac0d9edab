//! Makes the commands that ask an app how it is: of its tree, and our children.

use std::os::fd::AsFd;

use pm_os::spawn::{Birth, Spawner};
use pm_os::stdio;
use pm_spec::ByteString;
use rustix::pipe::{PipeFlags, pipe_with};

use super::{OutputPipes, SpawnerParts};
use crate::app_user;
use crate::command_job::{Begun, CommandJob};
use crate::kernel_orders;
use crate::plan::{self, CommandLine, RunNumbers};

/// What only the app itself is reached by.
const CHANNEL: [&[u8]; 2] = [b"NODE_CHANNEL_", b"NODE_UNIQUE_ID="];

impl SpawnerParts {
    /// Begins it and says so to whoever waits.
    pub(super) fn ask(&self, spawner: &mut Spawner, job: CommandJob) {
        let begun = self.begin(spawner, &job);
        // Whoever looks after it waits for as long as the daemon lives.
        job.reply.send(begun).ok();
    }

    fn begin(&self, spawner: &mut Spawner, job: &CommandJob) -> Result<Begun, String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("could not start the command: {error}");
        let app = &job.plan.app;
        let user = app.user.as_ref().map(app_user::find).transpose();
        let user = user.map_err(|why| failed(&format!("{why:?}")))?;
        let numbers = RunNumbers {
            instance: job.plan.instance,
            slot: job.plan.slot,
            restarts: job.plan.restarts,
            run: job.run.0,
            preload: None,
        };
        let person = user.as_ref().map(|app_user| &app_user.person);
        let line = plan::command_line(app, numbers, &self.home, person);
        let mut line = line.map_err(|error| failed(&error))?;
        line.env.retain(|entry| !CHANNEL.iter().any(|name| entry.as_bytes().starts_with(name)));
        let words = job.words.iter().map(ByteString::as_bytes);
        let argv = [&b"sh"[..]].into_iter().chain(words).map(std::ffi::CString::new);
        let argv = argv.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        let line = CommandLine { program: c"/bin/sh".to_owned(), argv, ..line };
        let (output, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(&error))?;
        let null = stdio::null().map_err(|error| failed(&error))?;
        let pipes = OutputPipes { out: theirs, error: None };
        let credentials = user.map(|user| user.credentials);
        let credentials = credentials.filter(|credentials| !credentials.are_ours());
        let mut request = self.spawn_plan(line, &pipes, null.as_fd(), credentials);
        request.birth = Birth::Child;
        request.umask = app.umask;
        request.kernel = kernel_orders::of(app, self.nofile);
        let tag = self.tag(job.run);
        let born = spawner.spawn(tag, &request).map_err(|error| failed(&error))?;
        Ok(Begun { identity: born.identity, pidfd: born.pidfd, output, tag })
    }
}
