//! Basic authentication as Supervisor has it: one name, one password, which its file may hold as `{SHA}` and the SHA-1 of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::constant_time_eq;

/// Who is let in.
#[derive(Clone, PartialEq, Eq)]
pub struct RpcLogin {
    name: String,
    /// As it stands in the file.
    password: String,
}

impl RpcLogin {
    /// With this name and password, or `{SHA}` and 40 hexadecimal digits.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into() }
    }

    /// The `Authorization` header of one who calls.
    pub(crate) fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.password)))
    }

    /// Whether an `Authorization` header is right.
    pub(crate) fn admits(&self, header: Option<&[u8]>) -> bool {
        let Some((scheme, credentials)) = header.and_then(|it| it.split_at_checked(6)) else {
            return false;
        };
        let Ok(said) = STANDARD.decode(credentials.trim_ascii()) else { return false };
        let Some(colon) = said.iter().position(|byte| *byte == b':') else { return false };
        let (name, password) = (&said[..colon], &said[colon + 1..]);
        let is_right = match self.password.strip_prefix("{SHA}") {
            Some(digest) => {
                let own = sha1_smol::Sha1::from(password).digest().to_string();
                constant_time_eq(own.as_bytes(), digest.to_lowercase().as_bytes())
            }
            None => constant_time_eq(password, self.password.as_bytes()),
        };
        scheme.eq_ignore_ascii_case(b"basic ")
            && constant_time_eq(name, self.name.as_bytes())
            && is_right
    }
}

/// What it holds is a secret.
impl fmt::Debug for RpcLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RpcLogin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_name_and_password_pass() {
        let said = |text: &str| format!("Basic {}", STANDARD.encode(text));
        // Supervisor's own example of a digest.
        let digest = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d";
        for (login, header, passes) in [
            (RpcLogin::new("ann", "p:w"), said("ann:p:w"), true),
            (RpcLogin::new("ann", "p:w"), said("ann:p"), false),
            (RpcLogin::new("ann", "p:w"), said("bob:p:w"), false),
            (RpcLogin::new("ann", "p:w"), said("ann"), false),
            (RpcLogin::new("ann", "p:w"), "Basic ???".into(), false),
            (RpcLogin::new("ann", "p:w"), "Bearer".into(), false),
            (RpcLogin::new("ann", digest), said("ann:thepassword"), true),
            (RpcLogin::new("ann", digest), said("ann:another"), false),
        ] {
            assert_eq!(login.admits(Some(header.as_bytes())), passes, "{header}");
        }
        assert!(!RpcLogin::new("ann", "x").admits(None));
    }
}
