//! PM2's date formats (the day.js tokens) rendered and read back, in local time.
//! Deliberately no locale: names of months and days are English, as in PM2.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, Local, TimeZone, Timelike};

use StampToken::{Name, Number, Zone};
use StampUnit::{
    Afternoon, Day, Hour, Hour12, Milli, Minute, Month, Second, Weekday, Year, YearOfCentury,
};

/// What a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StampUnit {
    Year,
    YearOfCentury,
    Month,
    Day,
    Weekday,
    Hour,
    Hour12,
    Afternoon,
    Minute,
    Second,
    Milli,
}

/// One element of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StampToken {
    /// A number of at least so many digits.
    Number(StampUnit, usize),
    /// At most so many letters of one of these names.
    Name(StampUnit, &'static [&'static str], usize),
    /// Hours and minutes from UTC, with this between them.
    Zone(&'static str),
}

/// In the order in which day.js tries them: longest first for each letter.
const TOKENS: &[(&str, StampToken)] = &[
    ("YYYY", Number(Year, 4)),
    ("YY", Number(YearOfCentury, 2)),
    ("MMMM", Name(Month, &MONTHS, usize::MAX)),
    ("MMM", Name(Month, &MONTHS, 3)),
    ("MM", Number(Month, 2)),
    ("M", Number(Month, 1)),
    ("DD", Number(Day, 2)),
    ("D", Number(Day, 1)),
    ("dddd", Name(Weekday, &WEEKDAYS, usize::MAX)),
    ("ddd", Name(Weekday, &WEEKDAYS, 3)),
    ("dd", Name(Weekday, &WEEKDAYS, 2)),
    ("d", Number(Weekday, 1)),
    ("HH", Number(Hour, 2)),
    ("H", Number(Hour, 1)),
    ("hh", Number(Hour12, 2)),
    ("h", Number(Hour12, 1)),
    ("mm", Number(Minute, 2)),
    ("m", Number(Minute, 1)),
    ("ss", Number(Second, 2)),
    ("s", Number(Second, 1)),
    ("SSS", Number(Milli, 3)),
    ("ZZ", Zone("")),
    ("Z", Zone(":")),
    ("A", Name(Afternoon, &["AM", "PM"], 2)),
    ("a", Name(Afternoon, &["am", "pm"], 2)),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum FormatPart {
    Literal(String),
    Token(StampToken),
}

/// A format such as `YYYY-MM-DD HH:mm:ss.SSS Z`, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampFormat {
    text: String,
    parts: Vec<FormatPart>,
}

impl StampFormat {
    /// PM2's meaning of `time: true`.
    pub const TIME: &'static str = "YYYY-MM-DDTHH:mm:ss";

    /// `timestamp` in JSON logs, unless a format is given.
    pub const ISO: &'static str = "YYYY-MM-DDTHH:mm:ss.SSSZ";

    /// Takes any text: what is no token stands for itself, as in day.js.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((inside, after)) = rest.strip_prefix('[').and_then(|it| it.split_once(']'))
            {
                literal.push_str(inside);
                rest = after;
            } else if let Some((word, token)) =
                TOKENS.iter().find(|(word, _)| rest.starts_with(word))
            {
                if !literal.is_empty() {
                    parts.push(FormatPart::Literal(std::mem::take(&mut literal)));
                }
                parts.push(FormatPart::Token(*token));
                rest = &rest[word.len()..];
            } else {
                literal.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            parts.push(FormatPart::Literal(literal));
        }
        StampFormat { text: text.to_owned(), parts }
    }

    /// The format as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the stamp of `at`.
    pub fn render(&self, at: DateTime<Local>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                FormatPart::Literal(text) => out.extend_from_slice(text.as_bytes()),
                FormatPart::Token(token) => render(*token, at, out),
            }
        }
    }

    /// Reads the stamp `line` begins with; `None` if it doesn't or the format names no full moment.
    /// Gives unix milliseconds and how many bytes the stamp took.
    pub fn read(&self, line: &[u8]) -> Option<(i64, usize)> {
        let mut moment = StampFields::default();
        let mut rest = line;
        for part in &self.parts {
            rest = match part {
                FormatPart::Literal(text) => rest.strip_prefix(text.as_bytes())?,
                FormatPart::Token(token) => moment.read(*token, rest)?,
            };
        }
        Some((moment.unix_millis()?, line.len() - rest.len()))
    }
}

fn render(token: StampToken, at: DateTime<Local>, out: &mut Vec<u8>) {
    match token {
        Number(unit, width) => {
            out.extend_from_slice(format!("{:0width$}", unit.of(at)).as_bytes());
        }
        Name(unit, names, length) => {
            let index = usize::try_from(unit.of(at) - unit.first()).unwrap_or(0);
            let name = names.get(index).map_or(&b""[..], |name| name.as_bytes());
            out.extend_from_slice(&name[..name.len().min(length)]);
        }
        Zone(colon) => zone(at.offset().local_minus_utc() / 60, colon, out),
    }
}

impl StampUnit {
    fn of(self, at: DateTime<Local>) -> u32 {
        match self {
            Year => u32::try_from(at.year()).unwrap_or(0),
            YearOfCentury => Year.of(at) % 100,
            Month => at.month(),
            Day => at.day(),
            Weekday => at.weekday().num_days_from_sunday(),
            Hour => at.hour(),
            Hour12 => (at.hour() + 11) % 12 + 1,
            Afternoon => at.hour() / 12,
            Minute => at.minute(),
            Second => at.second(),
            // A leap second has more than 999 of them; day.js knows none.
            Milli => (at.nanosecond() / 1_000_000).min(999),
        }
    }

    /// The value that has the first name.
    fn first(self) -> u32 {
        u32::from(self == Month)
    }
}

fn zone(minutes: i32, colon: &str, out: &mut Vec<u8>) {
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    out.extend_from_slice(format!("{sign}{hours:02}{colon}{rest:02}").as_bytes());
}

/// What has been read of a stamp.
#[derive(Debug, Default)]
struct StampFields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    hour: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    milli: u32,
    zone: Option<i32>,
}

impl StampFields {
    fn read<'a>(&mut self, token: StampToken, rest: &'a [u8]) -> Option<&'a [u8]> {
        let mut value = 0;
        let (unit, after) = match token {
            Number(unit, 1) if unit != Weekday => {
                (unit, digits(rest, 2, &mut value).or_else(|| digits(rest, 1, &mut value)))
            }
            Number(unit, width) => (unit, digits(rest, width, &mut value)),
            Name(unit, names, length) => {
                let after = word(rest, names, length, &mut value);
                value += unit.first();
                (unit, after)
            }
            Zone(colon) => return read_zone(rest, colon, &mut self.zone),
        };
        self.keep(unit, value);
        after
    }

    fn keep(&mut self, unit: StampUnit, value: u32) {
        match unit {
            Year => self.year = i32::try_from(value).ok(),
            YearOfCentury => self.year = i32::try_from(value + 2000).ok(),
            Month => self.month = Some(value),
            Day => self.day = Some(value),
            Hour => self.hour = Some(value),
            Hour12 => self.hour = Some(self.hour.unwrap_or(value)),
            Afternoon => self.afternoon = Some(value == 1),
            Minute => self.minute = value,
            Second => self.second = value,
            Milli => self.milli = value,
            Weekday => {}
        }
    }

    fn unix_millis(&self) -> Option<i64> {
        let mut hour = self.hour?;
        if let Some(afternoon) = self.afternoon {
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        let date = chrono::NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let naive = date.and_hms_milli_opt(hour, self.minute, self.second, self.milli)?;
        match self.zone {
            Some(minutes) => Some(naive.and_utc().timestamp_millis() - i64::from(minutes) * 60_000),
            None => Some(Local.from_local_datetime(&naive).earliest()?.timestamp_millis()),
        }
    }
}

fn digits<'a>(rest: &'a [u8], width: usize, slot: &mut u32) -> Option<&'a [u8]> {
    let text = rest.get(..width).filter(|text| text.iter().all(u8::is_ascii_digit))?;
    *slot = text.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    rest.get(width..)
}

fn word<'a>(rest: &'a [u8], words: &[&str], width: usize, slot: &mut u32) -> Option<&'a [u8]> {
    let short = |word: &&str| word.as_bytes()[..word.len().min(width)].to_vec();
    let at = words.iter().position(|word| rest.starts_with(&short(word)))?;
    *slot = u32::try_from(at).ok()?;
    rest.get(short(words.get(at)?).len()..)
}

fn read_zone<'a>(rest: &'a [u8], colon: &str, zone: &mut Option<i32>) -> Option<&'a [u8]> {
    let sign = match rest.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (mut hours, mut minutes) = (0, 0);
    let rest = digits(rest.get(1..)?, 2, &mut hours)?.strip_prefix(colon.as_bytes())?;
    let rest = digits(rest, 2, &mut minutes)?;
    *zone = Some(sign * i32::try_from(hours * 60 + minutes).ok()?);
    Some(rest)
}

/// Unix milliseconds by now.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Renders at most once a millisecond, so that a flood of lines costs a copy each.
#[derive(Debug, Default)]
pub(crate) struct StampCache {
    millis: Option<i64>,
    text: Vec<u8>,
}

impl StampCache {
    /// The stamp of `at` in `format`; the cache belongs to one format.
    pub(crate) fn get(&mut self, format: &StampFormat, at: i64) -> &[u8] {
        if self.millis != Some(at) {
            self.text.clear();
            if let Some(moment) = Local.timestamp_millis_opt(at).earliest() {
                format.render(moment, &mut self.text);
            }
            self.millis = Some(at);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(format: &str, hour: u32) -> String {
        let naive = chrono::NaiveDate::from_ymd_opt(2026, 2, 3)
            .and_then(|date| date.and_hms_milli_opt(hour, 5, 6, 7))
            .expect("a moment");
        let at = Local.from_local_datetime(&naive).earliest().expect("not in a gap");
        let mut out = Vec::new();
        StampFormat::new(format).render(at, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_token_as_day_js_has_it() {
        let rows = [
            ("YYYY YY", 4, "2026 26"),
            ("M MM MMM MMMM", 4, "2 02 Feb February"),
            ("D DD d dd ddd dddd", 4, "3 03 2 Tu Tue Tuesday"),
            ("H HH h hh", 4, "4 04 4 04"),
            ("H HH h hh a A", 16, "16 16 4 04 pm PM"),
            ("h a", 0, "12 am"),
            ("h A", 12, "12 PM"),
            ("m mm s ss SSS", 4, "5 05 6 06 007"),
            ("[at] YYYY [YYYY]", 4, "at 2026 YYYY"),
            ("[open YYYY", 4, "[open 2026"),
            ("YYYY-MM-DDTHH:mm:ss", 4, "2026-02-03T04:05:06"),
            ("qxü", 4, "qxü"),
            ("", 4, ""),
        ];
        for (format, hour, want) in rows {
            assert_eq!(shown(format, hour), want, "{format}");
        }
    }

    #[test]
    fn zones_have_a_sign_and_two_shapes() {
        let mut out = Vec::new();
        zone(330, ":", &mut out);
        zone(-90, "", &mut out);
        zone(0, ":", &mut out);
        assert_eq!(out, b"+05:30-0130+00:00");
    }

    #[test]
    fn what_is_no_stamp_is_not_read() {
        let format = StampFormat::new("YYYY-MM-DD HH:mm:ss");
        for line in ["", "2026-02-03", "no stamp: at all", "2026-13-03 04:05:06"] {
            assert_eq!(format.read(line.as_bytes()), None, "{line}");
        }
        assert_eq!(StampFormat::new("HH:mm").read(b"10:10: x"), None, "no date in it");
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_back(
            millis in 0_i64..4_000_000_000_000,
            format in prop_oneof![
                Just("YYYY-MM-DD HH:mm:ss.SSS Z"),
                Just("YYYY-MM-DDTHH:mm:ss.SSSZZ"),
                Just("ddd, MMM D YYYY h:m:s.SSS A Z"),
                Just("[on] dddd MMMM DD YY hh:mm:ss.SSS a ZZ"),
            ],
        ) {
            let format = StampFormat::new(format);
            let at = Local.timestamp_millis_opt(millis).earliest().expect("a time");
            let mut line = Vec::new();
            format.render(at, &mut line);
            let length = line.len();
            line.extend_from_slice(b": text");
            // Two digits of a year can only mean this century.
            let century = at.year() / 100 == 20 || !format.as_str().contains(" YY ");
            prop_assert!(!century || format.read(&line) == Some((millis, length)));
        }
    }
}
