//! What nearly every verb names.

pub(crate) use crate::failure::{Exit, Failure};
pub(crate) use crate::report::Report;
pub(crate) use crate::session::{Session, quick};
