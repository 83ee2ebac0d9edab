//! Input that means harm, or nothing: no panic, no long wait, always a place.

use std::fmt::Write as _;

use pm_config::{ConfigFormat, ConfigPlace, Severity, read};
use proptest::prelude::*;

use crate::desk::Desk;

const FORMATS: [ConfigFormat; 4] =
    [ConfigFormat::Json5, ConfigFormat::Json, ConfigFormat::Yaml, ConfigFormat::Toml];

/// Reads in all formats; whatever it is, each error has a place in the text.
fn survive(desk: &Desk, bytes: &[u8]) {
    for format in FORMATS {
        let Err(diagnosis) = read::parse(bytes, format, "x", &desk.caller, &desk.overrides) else {
            continue;
        };
        let lines = String::from_utf8_lossy(bytes).replace('\r', "\n").lines().count().max(1);
        assert!(diagnosis.diagnostics.iter().any(|d| d.severity == Severity::Error));
        for diagnostic in &diagnosis.diagnostics {
            let rendered = diagnostic.to_string();
            assert!(!rendered.contains('\x1b'), "{rendered:?}");
            if let ConfigPlace::Line { line, column } = diagnostic.place {
                assert!(line <= lines + 1 && line > 0 && column > 0, "{format:?} {rendered}");
            }
        }
    }
}

#[test]
fn hundred_errors_are_told_at_once() {
    let desk = Desk::new();
    let mut text = String::from("[\n");
    for number in 0..100 {
        writeln!(text, "  {{ name: 'a{number}', script: 'app', kill_timeout: 'x{number}' }},")
            .unwrap();
    }
    text.push(']');
    let diagnosis = desk.parse(&text).unwrap_err();
    assert_eq!(diagnosis.diagnostics.len(), 100);
    for (number, diagnostic) in diagnosis.diagnostics.iter().enumerate() {
        let ConfigPlace::Line { line, .. } = diagnostic.place else { panic!("no place") };
        assert_eq!(line, number + 2);
        assert!(diagnostic.message.contains(&format!("`x{number}`")));
    }
}

#[test]
fn mistakes_of_one_long_line_cost_no_square_and_are_not_told_without_end() {
    let desk = Desk::new();
    let app = |number: usize| format!("{{name:'a{number}',script:'app',kill_timeout:'x'}},");
    let apps: String = (0..16_136).map(app).collect();
    let diagnostics = desk.parse(&format!("[{apps}]")).unwrap_err().diagnostics;
    assert_eq!(diagnostics.len(), 201);
    assert_eq!(diagnostics[200].message, "and 15,936 more");
    assert_eq!(diagnostics[200].severity, Severity::Error);
    assert!(diagnostics.iter().all(|one| one.to_string().len() < 600));
}

#[test]
fn of_too_many_problems_errors_are_told_before_warnings() {
    let desk = Desk::new();
    let app = |number: usize| format!("{{name:'a{number}',script:'app',no_such_key:1}},\n");
    let apps: String = (0..300).map(app).collect();
    let text = format!("[{apps}{{script:'app',kill_timeout:'x'}}]");
    let diagnostics = desk.parse(&text).unwrap_err().diagnostics;
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    assert_eq!((errors, diagnostics.len()), (1, 201), "{}", diagnostics[0]);
}

#[test]
fn depth_is_limited_in_every_format() {
    let desk = Desk::new();
    for text in ["[".repeat(100_000), "{a:".repeat(100_000), "- ".repeat(100_000)] {
        survive(&desk, text.as_bytes());
    }
    survive(&desk, format!("a = {}", "[".repeat(100_000)).as_bytes());
    survive(&desk, format!("[{}]", "a.".repeat(50_000)).as_bytes());
}

#[test]
fn an_alias_bomb_does_not_explode() {
    let desk = Desk::new();
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let one = format!("*a{}, ", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", one.repeat(10).trim_end_matches(", ")).unwrap();
    }
    let result =
        read::parse(text.as_bytes(), ConfigFormat::Yaml, "x", &desk.caller, &desk.overrides);
    let problems = result.unwrap_err().to_string();
    assert!(problems.contains("error:") && problems.len() < 2000, "{problems}");
}

#[test]
fn what_is_too_large_is_not_read() {
    let desk = Desk::new();
    desk.write("big.json5", " ".repeat((4 << 20) + 1));
    assert!(desk.load("big.json5").unwrap_err().to_string().contains("larger than 4 MiB"));
    desk.link("endless.yaml", "/dev/zero");
    assert!(desk.load("endless.yaml").unwrap_err().to_string().contains("larger than 4 MiB"));
}

#[test]
fn one_long_line_costs_no_square() {
    let desk = Desk::new();
    let pairs = |equals: &str| {
        let pair = |number: u32| format!("k{number}{equals} 1,");
        (0..100_000).map(pair).collect::<String>()
    };
    survive(&desk, format!("{{script: 'app', env: {{ {} }} }}", pairs(":")).as_bytes());
    survive(&desk, format!("script = 'app'\nenv = {{ {} z = 1 }}", pairs("=")).as_bytes());
}

#[test]
fn nul_bytes_and_escape_sequences_are_refused_and_harmless() {
    let desk = Desk::new();
    let problems = desk.problems(
        "[{script: 'a\\0b'}, {script: 'app', name: 'x\\u001b[31m'}, {script: 'app', args: ['\\0']},\
         \n {script: 'app', name: 'e', env: {'A=B': 1, C: 'a\\0'}},\
         \n {script: '/gone\\u001b[2J/x'}, {script: 'app', name: 'd', 'bad\\u001bkey': 1}]",
    );
    assert!(!problems.contains('\x1b') && !problems.contains('\0'), "{problems:?}");
    assert_eq!(problems.matches("error:").count(), 6, "{problems}");
}

/// Text that looks like a config, so that more than the first character is reached.
fn nearly() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "=",
        "\n",
        "  ",
        "- ",
        "'",
        "\"",
        "//",
        "/*",
        "*/",
        "#",
        "\\",
        "\\u12",
        "apps",
        "pm2",
        "script",
        "name",
        "env",
        "env_x",
        "instances",
        "cwd",
        "user",
        "time",
        "log_file",
        "interpreter",
        "app",
        "/",
        "~",
        "true",
        "null",
        "0x",
        "1e9",
        "-",
        "+",
        ".",
        "&a",
        "*a",
        "<<",
        "|",
        ">",
        "!!",
        "[[apps]]",
        "\u{2028}",
        "\u{feff}",
        "\t",
        "\r",
        "é",
        "\0",
        "none",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&Desk::new(), &bytes);
    }

    #[test]
    fn nothing_that_looks_like_a_config_makes_it_panic(text in nearly()) {
        survive(&Desk::new(), text.as_bytes());
    }

    #[test]
    fn no_broken_piece_of_a_good_config_makes_it_panic(cut in 0_usize..2000, put in any::<char>()) {
        let text = include_str!("../../../../ecosystem.example.json5");
        let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let desk = Desk::new();
        survive(&desk, &text.as_bytes()[..at]);
        survive(&desk, format!("{}{put}{}", &text[..at], &text[at..]).as_bytes());
    }
}
