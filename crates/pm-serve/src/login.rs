//! Basic authentication (RFC 7617): one name, one password.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::constant_time_eq;

/// A name and a password, as a client has to send them.
pub struct Login(String);

impl Login {
    /// For this name (without a colon, which no client could send) and password.
    pub fn new(name: &str, password: &str) -> Self {
        Self(STANDARD.encode(format!("{name}:{password}")))
    }

    /// Whether an `Authorization` header is right. How long this takes tells nothing but the length.
    pub(crate) fn admits(&self, header: Option<&[u8]>) -> bool {
        let Some((scheme, credentials)) = header.and_then(|it| it.split_at_checked(6)) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"basic ")
            && constant_time_eq(credentials.trim_ascii(), self.0.as_bytes())
    }
}

/// What it holds is a secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_name_and_password_pass() {
        let login = Login::new("ann", "p:w d");
        let right = STANDARD.encode("ann:p:w d");
        for (header, passes) in [
            (Some(format!("Basic {right}")), true),
            (Some(format!("basic  {right} ")), true),
            (Some(format!("Bearer {right}")), false),
            (Some(format!("Basic {}", STANDARD.encode("ann:"))), false),
            (Some("Basic".into()), false),
            (Some("Basic ".into()), false),
            (None, false),
        ] {
            assert_eq!(login.admits(header.as_deref().map(str::as_bytes)), passes, "{header:?}");
        }
        assert!(!format!("{login:?}").contains(&right));
    }
}
