//! Cron's times as systemd's (`systemd.time(7)`).

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The same times, without a zone; where day of month and day of week are both said, either is enough, which takes two
/// entries. None: systemd has no words for it (`L`, `W`, `#`).
pub(super) fn of(pattern: &str) -> Option<Vec<String>> {
    let pattern = crate::cron::long(pattern);
    let fields: Vec<_> = pattern.split_whitespace().collect();
    let (second, fields) = match fields.as_slice() {
        [second, rest @ ..] if rest.len() == 5 => (numbers(second, 0, &[])?, rest),
        rest if rest.len() == 5 => ("00".to_owned(), rest),
        _ => return None,
    };
    let [minute, hour, day, month, weekday] = *fields else { return None };
    let time = format!("{}:{}:{second}", numbers(hour, 0, &[])?, numbers(minute, 0, &[])?);
    let (day, month, weekday) =
        (numbers(day, 1, &[])?, numbers(month, 1, &MONTHS)?, days(weekday)?);
    Some(match (day.as_str(), weekday.as_str()) {
        (_, "") => vec![format!("*-{month}-{day} {time}")],
        ("*", weekday) => vec![format!("{weekday} *-{month}-* {time}")],
        (_, weekday) => {
            vec![format!("*-{month}-{day} {time}"), format!("{weekday} *-{month}-* {time}")]
        }
    })
}

/// A field of numbers: `*/5` begins at the first.
fn numbers(field: &str, first: u8, names: &[&str]) -> Option<String> {
    let number = |text: &str| -> Option<String> {
        let word = names.iter().zip(first..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let number = word.map(|(_, number)| number).or_else(|| text.parse::<u8>().ok())?;
        Some(format!("{number:02}"))
    };
    let mut parts = Vec::new();
    for part in field.split(',') {
        let (range, step) =
            part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = step
            .map(|step| step.parse::<u8>().ok().filter(|step| *step > 0))
            .map_or(Some(None), |it| it.map(Some))?;
        let range = match range {
            "*" | "?" if step.is_none_or(|step| step == 1) => return Some("*".into()),
            "*" | "?" => format!("{first:02}"),
            range => match range.split_once('-') {
                Some((from, to)) => format!("{}..{}", number(from)?, number(to)?),
                None => number(range)?,
            },
        };
        parts.push(step.map_or_else(|| range.clone(), |step| format!("{range}/{step}")));
    }
    Some(parts.join(","))
}

/// The days of the week by name; empty: all of them.
fn days(field: &str) -> Option<String> {
    let number = |text: &str| -> Option<usize> {
        let named = DAYS.iter().position(|name| name.eq_ignore_ascii_case(text));
        named.or_else(|| text.parse().ok()).filter(|day| *day <= 7)
    };
    let mut on = [false; 7];
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step = step.parse().ok().filter(|step| *step > 0)?;
        let (from, to) = match range {
            "*" | "?" => (0, 6),
            range => match range.split_once('-') {
                Some((from, to)) => (number(from)?, number(to)?),
                None => (number(range)?, number(range)?),
            },
        };
        // Friday to Monday goes over the end of a week.
        let to = if to < from { to + 7 } else { to };
        (from..=to).step_by(step).for_each(|day| on[day % 7] = true);
    }
    if on == [true; 7] {
        return Some(String::new());
    }
    let names: Vec<_> =
        DAYS.iter().zip(on).filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    Some(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_cron_are_times_of_systemd() {
        for (pattern, times) in [
            ("0 3 * * *", vec!["*-*-* 03:00:00"]),
            ("*/15 8-18/2 * * 1-5", vec!["Mon,Tue,Wed,Thu,Fri *-*-* 08..18/2:00/15:00"]),
            ("30 0 12 1,15 JAN,jul ?", vec!["*-01,07-01,15 12:00:30"]),
            ("0 0 13 * FRI", vec!["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
            ("5 4 * * 5-7", vec!["Sun,Fri,Sat *-*-* 04:05:00"]),
            ("0 0 */2 * *", vec!["*-*-01/2 00:00:00"]),
            ("@weekly", vec!["Sun *-*-* 00:00:00"]),
            ("@hourly", vec!["*-*-* *:00:00"]),
            ("*/1 * * * 0-6", vec!["*-*-* *:*:00"]),
        ] {
            assert_eq!(of(pattern).unwrap(), times, "{pattern}");
        }
        for pattern in
            ["0 0 L * *", "0 0 15W * *", "0 0 * * 5#2", "0 0 * *", "x * * * *", "*/0 * * * *"]
        {
            assert_eq!(of(pattern), None, "{pattern}");
        }
    }
}
