//! `OnCalendar=` as a cron pattern, where one can say it (`systemd.time(7)`).

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A pattern, and the name of its time zone if it has one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CronTimes {
    pub(super) pattern: String,
    pub(super) zone: Option<String>,
}

/// `None`: no pattern says it.
pub(super) fn cron(text: &str) -> Option<CronTimes> {
    let usual = match text.trim().to_ascii_lowercase().as_str() {
        "minutely" => "* * * * *",
        "hourly" => "0 * * * *",
        "daily" => "0 0 * * *",
        "weekly" => "0 0 * * 1",
        "monthly" => "0 0 1 * *",
        "yearly" | "annually" => "0 0 1 1 *",
        "quarterly" => "0 0 1 1,4,7,10 *",
        "semiannually" => "0 0 1 1,7 *",
        _ => return parts(text),
    };
    Some(CronTimes { pattern: usual.into(), zone: None })
}

fn parts(text: &str) -> Option<CronTimes> {
    let mut words = text.split_whitespace().peekable();
    let week = words.peek().and_then(|word| weekdays(word));
    if week.is_some() {
        words.next();
    }
    let is_date = |word: &&str| word.contains('-') && !word.starts_with(char::is_alphabetic);
    let date = words.next_if(is_date);
    let time = words.next_if(|word| word.contains(':'));
    let zone = words.next().map(str::to_owned);
    if words.next().is_some() || week.is_none() && date.is_none() && time.is_none() {
        return None;
    }
    let (month, day) = date.map_or(Some(("*".into(), "*".into())), month_and_day)?;
    let (hour, minute, second) = time.map_or(Some(("0".into(), "0".into(), "0".into())), clock)?;
    let week = week.unwrap_or_else(|| "*".into());
    // To cron a day of the month and one of the week are alternatives.
    if day != "*" && week != "*" {
        return None;
    }
    let second = if second == "0" { String::new() } else { format!("{second} ") };
    let pattern = format!("{second}{minute} {hour} {day} {month} {week}");
    Some(CronTimes { pattern, zone })
}

fn month_and_day(text: &str) -> Option<(String, String)> {
    let parts: Vec<_> = text.split('-').collect();
    let (["*", month, day] | [month, day]) = parts.as_slice() else { return None };
    Some((numbers(month, 12)?, numbers(day, 31)?))
}

fn clock(text: &str) -> Option<(String, String, String)> {
    let parts: Vec<_> = text.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (hour, minute, &"0"),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    Some((numbers(hour, 23)?, numbers(minute, 59)?, numbers(second, 59)?))
}

/// A part: `*`, `1,5`, `1..5`, `0/15`.
fn numbers(text: &str, most: u32) -> Option<String> {
    let one = |text: &str| {
        let (span, step) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let step = step.map(number).map_or(Some(None), |step| step.map(Some))?;
        let number = |text: &str| number(text).filter(|number| *number <= most);
        let span = match span.split_once("..") {
            Some((from, to)) => format!("{}-{}", number(from)?, number(to)?),
            None if span == "*" => "*".into(),
            None if step.is_some() => format!("{}-{most}", number(span)?),
            None => number(span)?.to_string(),
        };
        Some(step.map_or(span.clone(), |step| format!("{span}/{step}")))
    };
    let all: Option<Vec<_>> = text.split(',').map(one).collect();
    all.map(|all| all.join(","))
}

fn number(text: &str) -> Option<u32> {
    let is_plain = !text.is_empty() && text.len() < 5 && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// `Mon..Fri`, `Sat,Sun`: Sunday is 0.
fn weekdays(text: &str) -> Option<String> {
    let day = |text: &str| {
        let short = text.get(..3)?.to_ascii_lowercase();
        let is_name = text.len() == 3 || text.to_ascii_lowercase().ends_with("day");
        DAYS.iter().position(|day| *day == short).filter(|_| is_name)
    };
    let one = |text: &str| {
        let Some((from, to)) = text.split_once("..").or_else(|| text.split_once('-')) else {
            return day(text).map(|day| day.to_string());
        };
        let (from, to) = (day(from)?, day(to)?);
        // Sunday may come last.
        let days: Vec<_> = (0..7).map(|more| (from + more) % 7).collect();
        let end = days.iter().position(|day| *day == to)?;
        let days: Vec<_> = days.iter().take(end + 1).map(usize::to_string).collect();
        Some(days.join(","))
    };
    let all: Option<Vec<_>> = text.trim_end_matches(',').split(',').map(one).collect();
    all.map(|all| all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_said_by_cron_where_it_can() {
        for (text, pattern) in [
            ("daily", Some("0 0 * * *")),
            ("Mon..Fri 08:30", Some("30 8 * * 1,2,3,4,5")),
            ("Sat,Sunday *-*-* 4:05:06", Some("6 5 4 * * 6,0")),
            ("Fri..Mon", Some("0 0 * * 5,6,0,1")),
            ("*-*-01 00:00:00", Some("0 0 1 * *")),
            ("*:0/15", Some("0-59/15 * * * *")),
            ("*-1..6/2-1,15 2:*", Some("* 2 1,15 1-6/2 *")),
            ("12-25", Some("0 0 25 12 *")),
            ("Mon *-*-01", None),
            ("2030-01-01 00:00", None),
            ("*-*~3", None),
            ("10:61", None),
            ("", None),
            ("rubbish", None),
            ("a b c d e f", None),
            ("*:*/99999999999", None),
        ] {
            let got = cron(text).map(|times| times.pattern);
            assert_eq!(got.as_deref(), pattern, "{text}");
        }
        assert_eq!(cron("04:00 Europe/Berlin").unwrap().zone.as_deref(), Some("Europe/Berlin"));
    }
}
