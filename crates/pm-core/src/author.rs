//! Who asked last for what an instance is: kept, so that its ends can say it.

use alloc::sync::Arc;

use crate::end::Cause;
use crate::id::Author;
use crate::instance::{Instance, StartedBy};

impl Instance {
    /// Does what somebody asks; if that changes anything, it is theirs from now on.
    pub(crate) fn on_behalf(&mut self, by: Option<&Author>, act: impl FnOnce(&mut Self)) {
        let was_unsaved = ::core::mem::take(&mut self.unsaved);
        act(self);
        if let Some(by) = by.filter(|_| self.unsaved) {
            self.by = Some(Arc::clone(by));
        }
        self.unsaved |= was_unsaved;
    }

    /// Who is to be named for an end with this cause.
    pub(crate) fn author_of(&self, cause: &Cause) -> Option<Author> {
        let is_asked = matches!(cause, Cause::Stopped | Cause::Restarted | Cause::Shutdown);
        self.by.clone().filter(|_| is_asked)
    }

    /// Who asked for the run it has.
    pub(crate) fn starter(&self) -> Option<&Author> {
        self.by.as_ref().filter(|_| self.started_by == StartedBy::Person)
    }
}
