//! One line of the table of routes.

use std::pin::Pin;
use std::sync::Arc;

use crate::call::{Denial, WebAnswer, WebCall};
use crate::panel::Panel;
use crate::roles::Role;

/// What a route leads to.
pub(crate) type RouteFuture = Pin<Box<dyn Future<Output = Result<WebAnswer, Denial>> + Send>>;

/// What a route costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// An answer.
    Plain,
    /// One of the session's eight streams.
    Stream,
    /// One of two searches, for at most ten seconds.
    Search,
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct WebRoute {
    pub(crate) method: &'static str,
    /// `{}` stands for one part.
    pub(crate) path: &'static str,
    pub(crate) role: Role,
    /// What it changes, for the audit; `None` for what only looks.
    pub(crate) deed: Option<&'static str>,
    pub(crate) cost: Cost,
    /// What it is for.
    pub(crate) doc: &'static str,
    pub(crate) run: fn(Arc<Panel>, WebCall) -> RouteFuture,
}
