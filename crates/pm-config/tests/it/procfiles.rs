//! Procfiles as they stand: ports, variables and what is told of lines that are none.

use std::path::Path;

use pm_config::{Diagnosis, import};
use pm_spec::{Signal, Span};

use crate::desk::{Desk, text, texts};

#[test]
fn a_line_is_an_app_with_a_port_of_its_own() {
    let desk = Desk::new();
    desk.program("bin/work", "\x7fELF");
    desk.write("Procfile", "# all of it\nweb: app --port $PORT\n\nworker: work\nrelease: serve\n");
    desk.write(".env", "PORT=4000\nTOKEN=\"s3cret\"\n");
    let read = desk.load("Procfile").unwrap();
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    let names: Vec<_> = read.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["web", "worker", "release"]);
    let [web, worker, release] = read.apps.as_slice() else { panic!() };
    assert_eq!(texts(&web.args), ["-c", "app --port $PORT"]);
    assert_eq!(text(&worker.script), desk.path("bin/work").to_str().unwrap());
    let ports: Vec<_> =
        read.apps.iter().map(|app| app.env.get("PORT").map(text).unwrap()).collect();
    assert_eq!(ports, ["4000", "4100", "4200"]);
    assert_eq!(web.increment_var.as_ref().map(text).as_deref(), Some("PORT"));
    assert_eq!(web.env.get("TOKEN").map(text).as_deref(), Some("s3cret"));
    assert!(web.hidden_env.iter().any(|name| text(name) == "TOKEN"), "it is nobody's business");
    assert_eq!((web.stop.signal, web.stop.timeout), (Signal::TERM, Span::from_secs(5)));
    assert_eq!(text(&web.cwd), desk.path("").to_str().unwrap().trim_end_matches('/'));
    assert_eq!(texts(&release.args), ["-c", "exec serve"], "no server of ours");
    assert!(!release.autostart && !release.restart.autorestart);
    assert!(web.autostart && web.restart.autorestart);
}

#[test]
fn ports_of_a_procfile_begin_with_the_shells_or_5000() {
    let mut desk = Desk::new();
    desk.write("Procfile", "web: app\nworker: app\n");
    let ports = |desk: &Desk| -> Vec<String> {
        let apps = desk.load("Procfile").unwrap().apps;
        apps.iter().map(|app| app.env.get("PORT").map(text).unwrap()).collect()
    };
    assert_eq!(ports(&desk), ["5000", "5100"]);
    desk.caller.env.set("PORT", "700");
    assert_eq!(ports(&desk), ["700", "800"]);
}

#[test]
fn what_is_no_process_of_a_procfile_is_told() {
    let mut desk = Desk::new();
    let told = |desk: &Desk| match desk.load("Procfile") {
        Ok(read) => read.warnings.iter().map(|it| it.to_string() + "\n").collect::<String>(),
        Err(Diagnosis { diagnostics, .. }) => {
            diagnostics.iter().map(|it| it.to_string() + "\n").collect()
        }
    };
    desk.write("Procfile", "web: app\nweb worker\n: x\n");
    let warnings = told(&desk);
    for line in ["Procfile:2:1: warning: this is no process", "Procfile:3:1: warning: this is no"] {
        assert!(warnings.contains(line), "{warnings}");
    }
    desk.overrides.strict = true;
    assert!(told(&desk).contains("Procfile:2:1: error: this is no process"));
    desk.overrides.strict = false;
    desk.write("Procfile", "web: app\nweb: app\n\tx: nowhere\nw: nowhere\n");
    let errors = told(&desk);
    for line in ["Procfile:2:1: error: the name `web` is taken", "Procfile:4:4: error: there is no"]
    {
        assert!(errors.contains(line), "{line}\n{errors}");
    }
    let many: Vec<_> = (0..700).map(|number| format!("p{number}: app")).collect();
    desk.write("Procfile", many.join("\n"));
    assert!(told(&desk).contains("Procfile:607:1: error: `p606` has no port"), "{}", told(&desk));
    desk.write("Procfile", "web: app\n");
    desk.write(".env", "TOKEN='s3cret\n");
    let errors = told(&desk);
    assert!(errors.contains(".env:1:") && !errors.contains("s3cret"), "{errors}");
    desk.write("Procfile", "w\u{0}b: app\nweb: a\u{0}b c\n");
    assert!(told(&desk).contains("error"), "{}", told(&desk));
}

#[test]
fn a_procfile_is_imported() {
    let desk = Desk::new();
    desk.write("Procfile", "web: app\n");
    let read = import(Path::new("Procfile"), &desk.caller).unwrap();
    let keys: Vec<_> = read.apps[0].iter().map(|(key, _)| *key).collect();
    assert_eq!(
        keys,
        [
            "name",
            "script",
            "cwd",
            "env_file",
            "port",
            "increment_var",
            "kill_signal",
            "kill_timeout"
        ]
    );
    let [note] = read.notes.as_slice() else { panic!("{:?}", read.notes) };
    assert_eq!((note.place.as_str(), note.fate.word()), ("Procfile:1", "changed"));
}
