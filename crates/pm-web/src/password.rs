//! Passwords: argon2id with 19 MiB and two passes (OWASP's first choice for servers without an accelerator).

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

use crate::secret::{hex, is_same, random, unhex};

/// 19 MiB.
const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;

/// What is kept of a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    salt: String,
    argon2id: String,
}

impl PasswordHash {
    /// Of a password; takes some 30 ms and 19 MiB.
    pub(crate) fn of(password: &str) -> Option<Self> {
        let salt = hex(&random::<16>().ok()?);
        let hash = Self { memory_kib: MEMORY_KIB, passes: PASSES, salt, argon2id: String::new() };
        let argon2id = hex(&hash.derived(password)?);
        Some(Self { argon2id, ..hash })
    }

    /// What a name nobody has is compared with: no password fits, and that takes as long as any.
    pub(crate) fn nobodys() -> Self {
        let (salt, argon2id) = ("00".repeat(16), String::new());
        Self { memory_kib: MEMORY_KIB, passes: PASSES, salt, argon2id }
    }

    /// Whether it is this one; takes as long.
    pub(crate) fn fits(&self, password: &str) -> bool {
        let derived = self.derived(password);
        derived.is_some_and(|derived| is_same(hex(&derived).as_bytes(), self.argon2id.as_bytes()))
    }

    fn derived(&self, password: &str) -> Option<[u8; 32]> {
        // A file somebody edited must not take all memory.
        let params = Params::new(self.memory_kib.min(MEMORY_KIB * 8), self.passes.min(16), 1, None);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.ok()?);
        let mut derived = [0; 32];
        argon2.hash_password_into(password.as_bytes(), &unhex(&self.salt)?, &mut derived).ok()?;
        Some(derived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_fits() {
        let hash = PasswordHash::of("correct horse").unwrap();
        assert!(hash.fits("correct horse"));
        assert!(!hash.fits("correct hors") && !hash.fits(""));
        assert!(!PasswordHash::nobodys().fits(""));
        assert_ne!(hash, PasswordHash::of("correct horse").unwrap(), "salted");
    }
}
