//! Values of unit files: times, sizes, switches.

/// A time in milliseconds (`systemd.time(7)`); `None`: it is none. `infinity` is the largest there is.
pub(super) fn millis(text: &str) -> Option<u64> {
    if text == "infinity" {
        return Some(u64::MAX);
    }
    let mut rest = text.trim();
    let mut all: f64 = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let each = match rest.get(..letters)? {
            "us" | "usec" | "\u{b5}s" => 0.001,
            "ms" | "msec" => 1.0,
            "" | "s" | "sec" | "second" | "seconds" => 1e3,
            "m" | "min" | "minute" | "minutes" => 6e4,
            "h" | "hr" | "hour" | "hours" => 36e5,
            "d" | "day" | "days" => 864e5,
            "w" | "week" | "weeks" => 6048e5,
            "M" | "month" | "months" => 2_629_800e3,
            "y" | "year" | "years" => 31_557_600e3,
            _ => return None,
        };
        all += number * each;
        rest = rest.get(letters..)?.trim_start();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and what is too large becomes the largest"
    )]
    Some(all.round() as u64)
}

/// A size in bytes; K, M, G and T count by 1024. `None`: it is none.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let power = match unit {
        "" | "B" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    number.checked_mul(1024_u64.pow(power))
}

/// Yes or no.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sizes_and_switches_are_systemds() {
        for (text, value) in [
            ("5", Some(5000)),
            ("1min 30s", Some(90_000)),
            ("100ms", Some(100)),
            ("2h5m", Some(7_500_000)),
            ("1.5s", Some(1500)),
            ("infinity", Some(u64::MAX)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("5 parsecs", None),
            ("-1", None),
        ] {
            assert_eq!(millis(text), value, "{text}");
        }
        assert_eq!((bytes("2G"), bytes("7"), bytes("50%")), (Some(2 << 30), Some(7), None));
        assert_eq!(bytes("99999999999999T"), None);
        assert_eq!(
            (boolean("YES"), boolean("off"), boolean("maybe")),
            (Some(true), Some(false), None)
        );
    }
}
