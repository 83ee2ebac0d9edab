//! Makes the commands beside apps: those that ask one how it is, of its tree, and those for what happens, of nobody's.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsFd;

use pm_core::SpawnFailure;
use pm_os::errno;
use pm_os::spawn::{SpawnError, Spawner};
use rustix::fs::MemfdFlags;

use super::SpawnerParts;
use crate::command_job::{CommandJob, Kin};
use crate::kernel_orders;
use crate::plan::RunNumbers;
use crate::secrets;
use crate::short_command::{Bond, Ears, Heard, ShortCommand, request_beside};
use crate::spawn_failure;

impl SpawnerParts {
    /// Begins it and gives it to whoever waits.
    pub(super) fn begin(&self, spawner: &mut Spawner, job: CommandJob) {
        let begun = self.begun(spawner, &job);
        // Whoever looks after it waits for as long as the daemon lives.
        job.reply.send(begun).ok();
    }

    fn begun(&self, spawner: &mut Spawner, job: &CommandJob) -> Result<ShortCommand, SpawnFailure> {
        let failed =
            |error: io::Error| spawn_failure::of(error.to_string(), errno::is_shortage_of(&error));
        let unborn = |error: SpawnError| spawn_failure::of(error.to_string(), error.is_shortage());
        let heard = match job.kin {
            Kin::Nobody => Heard::Error,
            Kin::Run(..) => Heard::Together,
            Kin::Before(_) | Kin::Beside(..) => Heard::Both,
        };
        let ears = Ears::open(heard).map_err(failed)?;
        let (instance, slot, restarts) = job.numbers;
        let numbers = RunNumbers { instance, slot, restarts, run: 0, preload: None };
        let mut request =
            request_beside(&job.app, (numbers, job.kin.pid()), &self.home, ears.stdio())?;
        request.nofile = self.nofile;
        for (name, value) in &job.printed {
            secrets::set(&mut request.env, name, value).map_err(SpawnFailure::Refused)?;
        }
        let input = job.input.as_deref().map(readable).transpose().map_err(failed)?;
        if let Some(input) = &input {
            request.stdin = input.as_fd();
        }
        let bond = job.kin.bond(self.home_id);
        let born = match bond {
            Bond::Run(tag) | Bond::Own(tag) => {
                request.kernel = kernel_orders::of(&job.app, self.nofile);
                spawner.spawn(tag, &request)
            }
            Bond::Group => pm_os::spawn::spawn(&request),
        };
        let born = born.map_err(unborn)?;
        Ok(ears.of(born, bond))
    }
}

/// A file in memory with this text.
fn readable(text: &str) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("facts", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
