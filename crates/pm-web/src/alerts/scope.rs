//! About which apps somebody is told: by a pattern that was typed, or those of an ecosystem file. Pure.

use crate::app_pattern::AppPattern;

/// Which apps are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AlertScope<'a> {
    Pattern(&'a AppPattern),
    Names(&'a [String]),
}

impl AlertScope<'_> {
    pub(crate) fn admits(self, namespace: &str, name: &str) -> bool {
        match self {
            Self::Pattern(apps) => apps.admits(namespace, name),
            Self::Names(names) => names.iter().any(|known| known == name),
        }
    }
}
