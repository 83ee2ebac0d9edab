//! What is made from the rows of `pm_spec::options` and checked in: the table of keys, and a schema for editors.
//! `PM_BLESS=1` writes both anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use pm_spec::options::{FlagValue, GROUPS, Jlist, KeyKind, KeySpec, Support, keys};
use pm_spec::{AppSpec, Effort};
use serde_json::{Map, Value, json};

use super::made::{current, root};

#[test]
fn the_table_of_keys_is_current() {
    let mut page = String::from(
        "# Keys of an app\n\n\
         Made from the rows of `crates/pm-spec/src/options/`; [the example](../ecosystem.example.json5) shows each key at work.\n\
         Every key may be written in camelCase, and means the same in JSON5, JSON, YAML, TOML and JavaScript. *At once*: a change\n\
         holds without a new run; *new run*: `pm apply` restarts or reloads the app for it. A flag acts on scripts, on the apps of a\n\
         config file and on known apps alike.\n",
    );
    for group in &GROUPS {
        page.extend(["\n## ", group.heading, "\n\n"]);
        if group.keys.iter().all(|key| key.support != Support::Full) {
            page += "| key | why nothing follows from it |\n|---|---|\n";
            for key in group.keys {
                page.extend(["| `", key.name, "` | ", key.doc, " |\n"]);
            }
            continue;
        }
        page += "| key | also | flag | a change takes | default | |\n|---|---|---|---|---|---|\n";
        for key in group.keys {
            page += &line(key);
        }
    }
    current("docs/keys.md", &page);
}

fn line(key: &KeySpec) -> String {
    let also: Vec<_> = key.spellings().filter(|spelling| *spelling != key.name).collect();
    let also = also.iter().map(|spelling| format!("`{spelling}`")).collect::<Vec<_>>().join(", ");
    let takes = match key.effort {
        Effort::Nothing => "nothing",
        Effort::Live => "at once",
        Effort::Renewal => "new run",
    };
    let cells =
        [format!("`{}`", key.name), also, flag(key), takes.into(), usual(key), key.doc.into()];
    format!("| {} |\n", cells.join(" | "))
}

fn flag(key: &KeySpec) -> String {
    let Some(flag) = &key.flag else { return String::new() };
    let short = flag.short.map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let value = match flag.value {
        FlagValue::On | FlagValue::Off => String::new(),
        FlagValue::MaybePath => format!(" [{}]", flag.value_name),
        FlagValue::MaybeWords => format!("[={}]", flag.value_name),
        FlagValue::Word
        | FlagValue::AnyWord
        | FlagValue::Path
        | FlagValue::Seconds
        | FlagValue::Words
        | FlagValue::List => format!(" {}", flag.value_name),
    };
    format!("{short}`{}{value}`", flag.long)
}

/// What it is where nothing is said, if that is the same for every app.
fn usual(key: &KeySpec) -> String {
    let value = key.value(&AppSpec::usual());
    let is_plain = matches!(key.jlist, Jlist::Always | Jlist::Changed) && value.is_set();
    if is_plain { format!("`{value}`") } else { String::new() }
}

const NUMBER: &str = r"^\s*[0-9]+\s*$";
const SPAN: &str =
    r"^\s*[0-9]+(\.[0-9]+)?\s*([mM][sS]|[sS]|[sS][eE][cC]|[mM]|[mM][iI][nN]|[hH]|[dD])?\s*$";
const SIZE: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*([kKmMgGtT]([iI]?[bB])?|[bB])?\s*$";

/// What a key may be in a file; `null` is not set.
fn shape(key: &KeySpec) -> Value {
    let mut any = match &key.kind {
        KeyKind::Switch(_) => vec![json!({ "type": "boolean" })],
        KeyKind::Count(_, least) => vec![
            json!({ "type": "integer", "minimum": least }),
            json!({ "type": "string", "pattern": NUMBER }),
        ],
        KeyKind::Span(_) => vec![
            json!({ "type": "number", "minimum": 0 }),
            json!({ "type": "string", "pattern": SPAN }),
        ],
        KeyKind::Size(_) => vec![
            json!({ "type": "number", "minimum": 0 }),
            json!({ "const": false }),
            json!({ "type": "string", "pattern": SIZE }),
        ],
        KeyKind::Codes(_) => {
            let one = json!({ "type": ["integer", "string"], "minimum": 0, "maximum": 255, "pattern": NUMBER });
            vec![one.clone(), json!({ "type": "array", "items": one })]
        }
        KeyKind::Variables => vec![json!({ "type": "object" })],
        KeyKind::Word(made, ..) | KeyKind::Special(made) if made.choices.is_empty() => {
            vec![json!({ "type": made.types })]
        }
        KeyKind::Word(made, ..) | KeyKind::Special(made) => vec![json!({ "enum": made.choices })],
        KeyKind::Unused => return json!({ "description": format!("no effect: {}", key.doc) }),
    };
    any.push(json!({ "type": "null" }));
    json!({ "description": key.doc, "anyOf": any })
}

/// `killTimeout`.
fn camel(spelling: &str) -> String {
    let mut parts = spelling.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + &part[..1].to_uppercase() + &part[1..])
}

fn schema() -> Value {
    let mut defs = Map::new();
    let mut properties = BTreeMap::new();
    for key in keys() {
        defs.insert(key.name.into(), shape(key));
        let reference = json!({ "$ref": format!("#/$defs/{}", key.name) });
        for spelling in key.spellings() {
            properties.insert(spelling.to_owned(), reference.clone());
            properties.insert(camel(spelling), reference.clone());
        }
    }
    let scripts: Vec<_> = pm_spec::options::key("script").unwrap().spellings().collect();
    let needed: Vec<_> = scripts.iter().map(|name| json!({ "required": [name] })).collect();
    defs.insert("app".into(), json!({
        "type": "object",
        "properties": properties,
        "patternProperties": { "^env_(?!file$)": { "type": ["object", "null"], "description": "laid over `env` by --env NAME" } },
        "additionalProperties": false,
        "anyOf": needed,
    }));
    let app = json!({ "$ref": "#/$defs/app" });
    defs.insert("apps".into(), json!({ "anyOf": [{ "type": "array", "items": app }, app] }));
    let of = |key: &str| {
        json!({
            "if": { "required": [key] },
            "then": { "properties": { key: { "$ref": "#/$defs/apps" } } },
        })
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Apps for pm, and for PM2",
        "$defs": defs,
        "if": { "type": "array" },
        "then": { "items": app },
        "else": {
            "type": "object",
            "if": { "anyOf": [{ "required": ["apps"] }, { "required": ["pm2"] }] },
            "then": {
                "allOf": [of("apps"), of("pm2")],
                "properties": {
                    "alerts": alerts(),
                    "deploy": { "type": "object", "additionalProperties": { "type": "object" } },
                    "hosts": {
                        "type": "object",
                        "additionalProperties": { "type": "array", "items": { "type": "string" } },
                    },
                    "static": { "type": "array", "items": { "type": "object" } },
                },
            },
            "else": app,
        },
    })
}

/// `alerts` beside `apps`.
fn alerts() -> Value {
    let typed = json!({ "type": ["string", "number", "boolean"] });
    let rules = pm_spec::ALERT_RULES.iter().map(|(name, _)| *name);
    let keys = rules.chain(pm_spec::AlertWishes::KEYS);
    let mut properties: Map<String, Value> = keys.map(|key| (key.into(), typed.clone())).collect();
    let parts = pm_spec::AlertChannel::KEYS.into_iter();
    let mut channel: Map<String, Value> = parts.map(|key| (key.into(), typed.clone())).collect();
    let kinds = pm_spec::ChannelKind::ALL.map(pm_spec::ChannelKind::name);
    channel.insert("kind".into(), json!({ "enum": kinds }));
    let channel = json!({
        "type": "object", "properties": channel, "required": ["kind"], "additionalProperties": false,
    });
    properties
        .insert("channels".into(), json!({ "type": "object", "additionalProperties": channel }));
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[test]
fn the_schema_is_current() {
    current("schema/ecosystem.json", &format!("{:#}\n", schema()));
}

/// Reads the schema and what is to be judged, one a line: `good FILE` or `bad JSON5`.
const JUDGE: &str = r#"
import json, sys, tomllib, json5, yaml
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
judge = Validator(schema)
for line in sys.stdin.read().splitlines():
    kind, what = line.split(" ", 1)
    if kind == "bad":
        if judge.is_valid(json5.loads(what)):
            print("taken:", what)
        continue
    text = open(what).read()
    read = tomllib.loads if what.endswith("toml") else yaml.safe_load if "y" in what.rsplit(".")[-1] else json5.loads
    for error in judge.iter_errors(read(text)):
        print(what, error.json_path, error.message)
"#;

/// A venv with validators under `target/`, made once.
pub(crate) fn venv() -> PathBuf {
    let target = root().join("target");
    let lock = File::create(target.join("venv-schema.lock")).unwrap();
    lock.lock().unwrap();
    let venv = target.join("venv-schema");
    if !venv.join("made-2").exists() {
        fs::remove_dir_all(&venv).ok();
        done(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        let packages = ["jsonschema", "json5", "pyyaml", "kubernetes-validate==1.37.0"];
        done(Command::new(venv.join("bin/python")).args(["-m", "pip", "install"]).args(packages));
        fs::write(venv.join("made-2"), "").unwrap();
    }
    venv
}

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("could not run {command:?}: {error}\nthis test needs python3 with venv and pip")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_schema_takes_what_is_right_and_nothing_else() {
    let mut cases = format!("good {}\n", root().join("ecosystem.example.json5").display());
    for entry in fs::read_dir(root().join("fixtures/ecosystem/good")).unwrap() {
        let path = entry.unwrap().path();
        // One shows what is taken with a warning: an editor may say so.
        if path.is_file() && !path.ends_with("warnings.json5") {
            cases.extend(["good ", path.to_str().unwrap(), "\n"]);
        }
    }
    for bad in [
        "3",
        "{}",
        "[{ name: 'a' }]",
        "{ apps: 3 }",
        "{ apps: [{ script: 1 }] }",
        "{ apps: [{ script: 'a', scrpit: 'b' }] }",
        "{ script: 'a', kill_timeout: 'soon' }",
        "{ script: 'a', autorestart: 'yes' }",
        "{ script: 'a', exec_mode: 'clutser' }",
        "{ script: 'a', maxMemoryRestart: '1X' }",
        "{ script: 'a', log_keep: 0 }",
        "{ script: 'a', stop_exit_codes: [256] }",
        "{ script: 'a', env: ['A=1'] }",
        "{ pm2: [{ script: 'a', out: 7 }] }",
        "{ apps: [{ script: 'a' }], deploy: [] }",
    ] {
        cases.extend(["bad ", bad, "\n"]);
    }
    let list = root().join("target").join(format!("schema-{}.txt", std::process::id()));
    fs::write(&list, cases).unwrap();
    let mut python = Command::new(venv().join("bin/python"));
    python.args(["-c", JUDGE]).arg(root().join("schema/ecosystem.json"));
    let output = python.stdin(File::open(&list).unwrap()).output().unwrap();
    fs::remove_file(list).unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
