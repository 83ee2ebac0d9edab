//! Law 7: the daemon is mortal, the apps are not. Seeded killing of the daemon, the guardian and both, under apps that
//! write; afterwards every start, every exit code and every byte of every log is compared.
//!
//! `PM_SEED` repeats a run; the seed is printed by a failing test. Wall-clock moments can't be repeated, of course.

mod apps;
mod cast;
mod deaths;
mod disk;
mod journals;
mod killer;
mod kills;
mod mixtures;
mod report;
mod seed;
mod traps;
mod updates;
