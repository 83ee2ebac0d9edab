//! Environments: name to value, bytes to bytes.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ByteString;

/// The variables an app is started with, in order of name.
///
/// A shell's environment is the largest part of an app's spec, and a thousand apps of one file have the same: a copy
/// costs a pointer, and [`crate::AppSpec::share`] finds equal ones that were read apart.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(Arc<BTreeMap<VariableName, ByteString>>);

/// A name as a map key: the wire wants text there, so bytes that are not UTF-8 are refused when read.
type VariableName = alloc::string::String;

impl Environment {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one variable; a name with `=` or NUL, or an empty one, is ignored (environ(7) can't hold it).
    pub fn set(&mut self, name: &str, value: impl Into<ByteString>) {
        let value = value.into();
        let bad = name.is_empty() || name.contains(['=', '\0']) || value.as_bytes().contains(&0);
        if !bad {
            Arc::make_mut(&mut self.0).insert(name.into(), value);
        }
    }

    /// Keeps one copy of both, if they are equal.
    pub(crate) fn share(&mut self, other: &Self) {
        if self == other {
            self.0 = Arc::clone(&other.0);
        }
    }

    /// Removes one variable.
    pub fn unset(&mut self, name: &str) {
        if self.0.contains_key(name) {
            Arc::make_mut(&mut self.0).remove(name);
        }
    }

    /// The value of one variable.
    pub fn get(&self, name: &str) -> Option<&ByteString> {
        self.0.get(name)
    }

    /// All variables in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ByteString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Lays `over` on top of this: its values win, nothing is removed.
    pub fn merge(&mut self, over: &Self) {
        if over.is_empty() {
            return;
        }
        let own = Arc::make_mut(&mut self.0);
        for (name, value) in over.0.iter() {
            own.insert(name.clone(), value.clone());
        }
    }

    /// How many variables there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names only: values may be secrets and do not belong into a debug print.
impl core::fmt::Debug for Environment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What stands in place of a value that may be a secret.
pub const MASK: &str = "********";

/// Whether a variable of this name probably holds a secret, so that its value is masked where it is shown.
pub fn looks_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["SECRET", "TOKEN", "PASS", "PWD", "KEY", "CREDENTIAL", "AUTH", "COOKIE", "DATABASE_URL", "DSN"]
        .iter()
        .any(|word| upper.contains(word))
        && upper != "PWD"
        && upper != "OLDPWD"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_variables_are_not_taken() {
        let mut env = Environment::new();
        env.set("A", "1");
        env.set("", "x");
        env.set("B=C", "x");
        env.set("N", "a\0b");
        assert_eq!(env.iter().count(), 1);
    }

    #[test]
    fn equal_environments_are_kept_once_and_changed_apart() {
        let env = |value: &str| {
            let mut env = Environment::new();
            env.set("A", value);
            env
        };
        let (one, mut two, mut other) = (env("1"), env("1"), env("2"));
        two.share(&one);
        other.share(&one);
        assert!(Arc::ptr_eq(&one.0, &two.0) && !Arc::ptr_eq(&one.0, &other.0));
        two.set("A", "3");
        assert_eq!((one, two, other), (env("1"), env("3"), env("2")));
    }

    #[test]
    fn secrets_are_known_by_name() {
        assert!(
            looks_secret("db_password") && looks_secret("API_KEY") && looks_secret("DATABASE_URL")
        );
        assert!(!looks_secret("PWD") && !looks_secret("PORT"));
    }
}
