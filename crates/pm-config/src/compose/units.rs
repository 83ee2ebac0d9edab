//! Compose's times and sizes, read and printed as Go does.

/// Units of a time, in nanoseconds; the longer names first.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// A time such as `1h5m30s20ms`, in nanoseconds.
pub(crate) fn span(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = &rest[..digits];
        let unit = &rest[digits..];
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == &unit[..end])?;
        total = total.checked_add(times(number, *factor)?)?;
        rest = &unit[end..];
    }
    let is_sane = !text.trim().is_empty();
    Some(total).filter(|total| is_sane && i64::try_from(*total).is_ok())
}

/// So many of a unit, as exact as whole numbers are: `33.431` of seconds.
fn times(number: &str, factor: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let parse = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    // What is below a nanosecond of a week has no digit here.
    let part = &part[..part.len().min(18)];
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let factor = u128::from(factor);
    let all = parse(whole)?.checked_mul(factor)?.checked_add(parse(part)? * factor / scale)?;
    u64::try_from(all).ok()
}

/// A number without its fraction, if it is one that can be.
fn whole(number: f64) -> Option<u64> {
    let text = format!("{:.0}", number.floor());
    text.parse().ok().filter(|_| number < 9e18)
}

/// A time as Go prints it: `1m30s`.
pub(crate) fn shown(nanos: u64) -> String {
    let fraction = |whole: u64, part: u64, digits: usize| {
        let part = format!("{part:0digits$}");
        let part = part.trim_end_matches('0');
        if part.is_empty() { whole.to_string() } else { format!("{whole}.{part}") }
    };
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}\u{b5}s", fraction(nanos / 1_000, nanos % 1_000, 3)),
        1_000_000..1_000_000_000 => {
            format!("{}ms", fraction(nanos / 1_000_000, nanos % 1_000_000, 6))
        }
        _ => {
            let seconds = nanos / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = fraction(seconds % 60, nanos % 1_000_000_000, 9);
            match (hours, minutes) {
                (0, 0) => format!("{rest}s"),
                (0, _) => format!("{minutes}m{rest}s"),
                _ => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// A size such as `512m`, in bytes: units of 1024, with or without `b`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start().to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let bytes = number * 1024f64.powi(power);
    whole(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_gos() {
        for (text, printed) in [
            ("90s", "1m30s"),
            ("1h5m30s20ms", "1h5m30.02s"),
            ("1.5s", "1.5s"),
            ("500ms", "500ms"),
            ("1500us", "1.5ms"),
            ("2d", "48h0m0s"),
            ("0", "0s"),
            ("1m", "1m0s"),
            ("33431ms", "33.431s"),
            (".25h", "15m0s"),
        ] {
            assert_eq!(span(text).map(shown).as_deref(), Some(printed), "{text}");
        }
        for wrong in ["", "5", "x", "5q", "s", ".s", "-5s"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
        for (text, bytes) in [
            ("100m", 104_857_600),
            ("1k", 1024),
            ("1.5KiB", 1536),
            ("5", 5),
            ("2 GB", 2 << 30),
            ("7b", 7),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        assert_eq!(size("5x"), None);
    }
}
