//! The steps of a takeover: stop there, start here, ready, next; and back.

use std::path::{Path, PathBuf};

use pm_client::Client;
use pm_protocol::{Outcome, Patience, Raise, Row, Start, What};
use pm_spec::Select;

use super::former::{Candidate, Former, ThereProcess};
use super::record::{TakenPiece, TakeoverRecord};
use crate::cli::FormerKind;
use crate::commands::delete;
use crate::commands::support::{last_words, listing, resend};
use crate::prelude::{Failure, Session};
use crate::render::outcomes;

/// Who moves, between whom.
pub(super) struct Mover<'a> {
    pub(super) session: &'a Session,
    pub(super) client: Client,
    pub(super) former: Box<dyn Former>,
    pub(super) record: TakeoverRecord,
    /// What runs here now.
    pub(super) moved: Vec<MovedApp>,
    /// What an earlier takeover had begun.
    pub(super) begun: Vec<TakenPiece>,
    /// When this one began, in ms since 1970.
    pub(super) since: u64,
}

/// One that was moved.
#[derive(Debug)]
pub(super) struct MovedApp {
    pub(super) name: String,
    /// Its main processes here; none if it was down there.
    pub(super) pids: Vec<u32>,
}

/// Why one did not move, and whether it is back where it was.
#[derive(Debug)]
pub(super) struct StuckApp {
    pub(super) name: String,
    pub(super) why: String,
    /// What it wrote last here, in lines.
    pub(super) words: String,
    /// `None`: it runs there again, or is down there as before.
    pub(super) nowhere: Option<String>,
}

impl Mover<'_> {
    fn place(&self) -> (FormerKind, PathBuf) {
        (self.former.kind(), self.former.place())
    }

    fn note(&mut self, pieces: Vec<TakenPiece>) -> Result<(), Failure> {
        let (from, place) = self.place();
        self.record.note((from, &place), pieces)
    }

    fn forget(&mut self, piece: &TakenPiece) -> Result<(), Failure> {
        let (from, place) = self.place();
        self.record.forget((from, &place), piece)
    }

    fn tell(&self, line: &str) {
        self.session.console.talk(line);
    }

    /// One after the other; the first that does not come up is given back, and is the last.
    pub(super) fn each(&mut self, all: &[Candidate]) -> Result<Vec<StuckApp>, Failure> {
        for one in all {
            self.note(vec![TakenPiece::of(one)])?;
            let moved = match self.stop_there(&one.there) {
                Ok(()) => self.start_here(one),
                Err(failure) => Err((failure, String::new())),
            };
            if let Err((failure, words)) = moved {
                return Ok(vec![self.give_back(one, &failure, words)]);
            }
        }
        Ok(Vec::new())
    }

    /// All are stopped there before the first is started here. From the first that does not come up on, all are given back.
    pub(super) fn all_at_once(&mut self, all: &[Candidate]) -> Result<Vec<StuckApp>, Failure> {
        self.note(all.iter().map(TakenPiece::of).collect())?;
        let mut stuck = Vec::new();
        // Whoever was started last may need those before.
        for one in all.iter().rev() {
            if let Err(failure) = self.stop_there(&one.there) {
                for one in all {
                    stuck.push(self.give_back(one, &failure, String::new()));
                }
                return Ok(stuck);
            }
        }
        let mut rest = all.iter();
        for one in rest.by_ref() {
            if let Err((failure, words)) = self.start_here(one) {
                if self.former.is_one() {
                    return Ok(self.all_back(all, one, (&failure, &words)));
                }
                stuck.push(self.give_back(one, &failure, words));
                break;
            }
        }
        for one in rest {
            let failure = Failure::failed("it was not its turn any more");
            stuck.push(self.give_back(one, &failure, String::new()));
        }
        Ok(stuck)
    }

    /// All end here before there begins what runs all of them.
    fn all_back(
        &mut self,
        all: &[Candidate],
        failed: &Candidate,
        (failure, words): (&Failure, &str),
    ) -> Vec<StuckApp> {
        self.moved.clear();
        for one in all {
            // If that fails, it is told below.
            self.delete_here(&one.name, &one.namespace, self.since).ok();
        }
        let why = format!("{} did not, and they begin and end together", failed.name);
        let with_it = Failure::failed(why);
        let back = all.iter().map(|one| {
            let is_it = one.name == failed.name;
            let (why, words) = if is_it { (failure, words) } else { (&with_it, "") };
            self.give_back(one, why, words.to_owned())
        });
        back.collect()
    }

    fn stop_there(&mut self, there: &[ThereProcess]) -> Result<(), Failure> {
        there.iter().try_for_each(|one| self.former.stop(one))
    }

    /// Starts it, and waits until it is ready; what an earlier takeover had begun of it is gone before.
    fn start_here(&mut self, one: &Candidate) -> Result<(), (Failure, String)> {
        let plain = |failure| (failure, String::new());
        if self.begun.iter().any(|piece| piece.is(&one.name, &one.namespace)) {
            self.delete_here(&one.name, &one.namespace, 0).map_err(plain)?;
        }
        let asked = resend::now();
        let mut outcomes = self.started(one).map_err(plain)?;
        if let Some(failed) = outcomes.iter().find(|outcome| outcome.what.is_failure()) {
            let why = failed.what.why().unwrap_or_default().to_owned();
            let tails = last_words::of(self.session, &mut self.client, &outcomes, asked);
            let look = self.session.console.look;
            let words = tails.iter().map(|tail| outcomes::tail(tail, look)).collect();
            return Err((Failure::failed(why), words));
        }
        self.note(vec![TakenPiece { moved: true, ..TakenPiece::of(one) }]).map_err(plain)?;
        outcomes.retain(|outcome| outcome.pid != 0);
        let pids: Vec<_> = outcomes.iter().map(|outcome| outcome.pid).collect();
        let shown: Vec<_> = pids.iter().map(u32::to_string).collect();
        self.tell(&match shown.as_slice() {
            [] => format!("{}: is here, stopped as it was there", one.name),
            pids => format!("{}: stopped there, runs here (pid {})", one.name, pids.join(", ")),
        });
        self.moved.push(MovedApp { name: one.name.clone(), pids });
        Ok(())
    }

    fn started(&mut self, one: &Candidate) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::new();
        for (app, existing) in &one.apps {
            let mut app = app.clone();
            app.autostart &= one.ran();
            let (apps, existing) = (vec![app], *existing);
            // Whoever it depends on may not have moved yet, and runs there.
            let start = Start { apps, existing, wait: Patience::Settled, no_deps: true };
            outcomes.extend(resend::start(&mut self.client, start)?.outcomes);
        }
        // What does not start by itself is added, and was started there by somebody.
        let added: Vec<_> = outcomes.iter().filter(|it| it.what == What::Added).collect();
        let select: Vec<_> = added.iter().map(|it| Select::Id(it.id)).collect();
        if !one.ran() || select.is_empty() {
            return Ok(outcomes);
        }
        let raise = Raise { select, env: None, wait: Patience::Settled, no_deps: true };
        outcomes.retain(|it| it.what != What::Added);
        outcomes.extend(resend::renew(&mut self.client, &raise)?.outcomes);
        Ok(outcomes)
    }

    /// The app is gone here, if it was started since then: one of that name may have come from somebody else meanwhile.
    fn delete_here(&mut self, name: &str, namespace: &str, since: u64) -> Result<(), Failure> {
        let rows = listing::rows(&mut self.client)?;
        let is_own = |row: &&Row| {
            row.name == name && row.namespace == namespace && resend::is_begun(row, since)
        };
        let select: Vec<_> = rows.iter().filter(is_own).map(|row| Select::Id(row.id)).collect();
        if select.is_empty() {
            return Ok(());
        }
        delete::surely(&mut self.client, select).map(drop)
    }

    fn give_back(&mut self, one: &Candidate, failure: &Failure, words: String) -> StuckApp {
        // What an earlier takeover left here of it was not begun since.
        let is_begun = self.begun.iter().any(|piece| piece.is(&one.name, &one.namespace));
        let since = if is_begun { 0 } else { self.since };
        let nowhere = self.back(&TakenPiece::of(one), since).err().map(|failure| failure.message);
        let (name, why) = (one.name.clone(), failure.message.clone());
        StuckApp { name, why, words, nowhere }
    }

    /// It ends here, and runs there again if it ran there; only then it is forgotten.
    fn back(&mut self, piece: &TakenPiece, since: u64) -> Result<(), Failure> {
        self.delete_here(&piece.name, &piece.namespace, since)?;
        for one in piece.there.iter().filter(|one| one.ran) {
            self.former.start(one)?;
        }
        self.forget(piece)
    }

    /// Gives back these, the last one first; says of which it did not work, and why.
    pub(super) fn undo(&mut self, pieces: &[TakenPiece]) -> (Vec<String>, Vec<StuckApp>) {
        let (mut back, mut stuck) = (Vec::new(), Vec::new());
        if self.former.is_one() {
            for piece in pieces {
                // If that fails, it is told below.
                self.delete_here(&piece.name, &piece.namespace, 0).ok();
            }
        }
        for piece in pieces.iter().rev() {
            let name = piece.name.clone();
            match self.back(piece, 0) {
                Ok(()) => {
                    let runs = piece.there.iter().any(|one| one.ran);
                    let state = if runs { "runs there again" } else { "is stopped there" };
                    self.tell(&format!("{name}: gone here, {state}"));
                    back.push(name);
                }
                Err(Failure { message: why, .. }) => {
                    stuck.push(StuckApp {
                        name,
                        nowhere: Some(why.clone()),
                        why,
                        words: String::new(),
                    });
                }
            }
        }
        (back, stuck)
    }
}

/// That no app has the name of one that comes.
pub(super) fn free_names(
    client: &mut Client,
    all: &[Candidate],
    known: &[TakenPiece],
) -> Result<(), Failure> {
    let rows = listing::rows(client)?;
    let is_taken = |one: &&Candidate| {
        rows.iter().any(|row| row.name == one.name && row.namespace == one.namespace)
            && !known.iter().any(|piece| piece.is(&one.name, &one.namespace))
    };
    let taken: Vec<_> = all.iter().filter(is_taken).map(|one| one.name.as_str()).collect();
    let (Some(first), which) = (taken.first(), taken.join(", ")) else { return Ok(()) };
    let message =
        format!("could not take over {which}: there are apps of that name here; nothing was done");
    Err(Failure::failed(message)
        .hint(format!("`pm delete {first}` makes room; or name the programs that are to come")))
}

/// A file or a home as people wrote it is the same one tomorrow.
pub(super) fn lasting(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
