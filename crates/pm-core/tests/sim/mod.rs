//! A scripted world on virtual time in place of the daemon and the kernel.

pub(crate) mod schedule;
pub(crate) mod world;
