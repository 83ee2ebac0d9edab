//! Which Python a project wants: `3.12`, `>=3.10,<4`, `^3.11`, `~=3.9`.

use serde::Serialize;

use crate::proposal::Evidence;

/// A version of Python that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PythonWish {
    /// As it is written: `3.12`, `>=3.10`.
    pub text: String,
    /// Where.
    pub evidence: Evidence,
}

impl PythonWish {
    /// Whether this version will do. What can't be understood is allowed.
    pub fn allows(&self, version: (u32, u32)) -> bool {
        let clauses = self.text.split([',', ' ']).map(str::trim).filter(|it| !it.is_empty());
        // Poetry: one of several.
        let any = self.text.contains("||");
        let mut clauses = clauses.filter(|it| *it != "||").map(|clause| holds(clause, version));
        if any { clauses.any(|it| it) } else { clauses.all(|it| it) }
    }

    /// The one version it names, for whoever can get that: `3.12`.
    pub fn exact(&self) -> Option<(u32, u32)> {
        let text = self.text.trim_start_matches(['=', 'v', ' ', '^', '~', '>']);
        numbers(text.split([',', '|', ' ']).next()?).map(|(both, _)| both)
    }
}

/// Major and minor, and whether something comes behind.
fn numbers(text: &str) -> Option<((u32, u32), bool)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = match parts.next() {
        None | Some("*") => return Some(((major, 0), false)),
        Some(minor) => minor.parse().ok()?,
    };
    Some(((major, minor), parts.next().is_some_and(|patch| patch != "*")))
}

fn holds(clause: &str, version: (u32, u32)) -> bool {
    let sign = clause.find(|it: char| it.is_ascii_digit()).unwrap_or(clause.len());
    let (sign, rest) = clause.split_at(sign);
    let is_major = !rest.contains('.') || rest.ends_with(".*") && rest.matches('.').count() == 1;
    let Some((wanted, has_patch)) = numbers(rest) else { return true };
    let same = if is_major { version.0 == wanted.0 } else { version == wanted };
    match sign.trim() {
        "" | "=" | "==" | "===" | "v" | "~" => same,
        "!=" => has_patch || !same,
        ">=" => version >= wanted,
        // A later patch of the same version may be there.
        ">" => version > wanted || (has_patch && version == wanted),
        "<=" => version <= wanted || (is_major && same),
        "<" => version < wanted || (has_patch && version == wanted),
        "^" => version >= wanted && version.0 == wanted.0,
        "~=" => version >= wanted && version.0 == wanted.0 && (!has_patch || version == wanted),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_allow_what_they_mean() {
        for (text, yes, no) in [
            ("3.12", &[(3, 12)][..], &[(3, 11), (3, 13)][..]),
            ("3.12.4", &[(3, 12)], &[(3, 11)]),
            ("3", &[(3, 9)], &[(2, 7)]),
            (">=3.10", &[(3, 10), (3, 13)], &[(3, 9)]),
            (">=3.10,<3.13", &[(3, 12)], &[(3, 13)]),
            (">=3.8, <4", &[(3, 12)], &[(4, 0)]),
            ("^3.11", &[(3, 11), (3, 14)], &[(3, 10), (4, 0)]),
            ("~3.11", &[(3, 11)], &[(3, 12)]),
            ("~=3.9", &[(3, 9), (3, 13)], &[(3, 8)]),
            ("==3.11.*", &[(3, 11)], &[(3, 12)]),
            ("!=3.10", &[(3, 11)], &[(3, 10)]),
            ("pypy", &[(3, 11)], &[]),
        ] {
            let wish = PythonWish { text: text.into(), evidence: Evidence::new("x", 1, "") };
            assert!(yes.iter().all(|it| wish.allows(*it)), "{text}");
            assert!(no.iter().all(|it| !wish.allows(*it)), "{text}");
        }
        let wish =
            |text: &str| PythonWish { text: text.into(), evidence: Evidence::new("x", 1, "") };
        assert_eq!(wish(">=3.10,<4").exact(), Some((3, 10)));
        assert_eq!(wish("pypy").exact(), None);
    }
}
