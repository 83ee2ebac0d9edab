//! What an error about a missing program, folder or interpreter says to do, and whose venv a script has.

use crate::desk::{Desk, one, text};

/// A desk with a Python in PATH that does nothing.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.program("bin/python3", "");
    desk
}

#[test]
fn a_script_from_elsewhere_has_no_venv_of_the_callers_folder() {
    let mut desk = desk();
    desk.venv("proj/.venv");
    desk.write("other/x.py", "");
    desk.write("proj/sub/y.py", "");
    desk.caller.cwd = desk.path("proj");
    let python = |desk: &Desk, script: &str| {
        let (app, _) = one(desk.script(script));
        desk.plain(&text(app.interpreter.as_ref().unwrap()))
    };
    assert_eq!(python(&desk, "../other/x.py"), "/desk/bin/python3");
    assert_eq!(python(&desk, "sub/y.py"), "/desk/proj/.venv/bin/python");
    // Who names the folder means its venv.
    let proj = desk.path("proj").to_str().unwrap().to_owned();
    desk.give("cwd", &[&proj]);
    assert_eq!(python(&desk, "../other/x.py"), "/desk/proj/.venv/bin/python");
}

#[test]
fn what_is_missing_is_told_with_the_next_step() {
    let desk = desk();
    desk.write("requirements.txt", "flask\nGunicorn==23.0 # server\n");
    desk.write("shop/readme", "");
    desk.write("a", "#!/usr/bin/pyhton3\n");
    desk.venv("moved");
    desk.write("moved/bin/tool", "#!/old/place/bin/python3\n");
    for (written, hint) in [
        ("[{script: 'gunicorn'}]", "makes one, or `python3 -m venv .venv && .venv/bin/pip"),
        (
            "[{script: 'uvicorn'}]",
            "`python3 -m venv .venv && .venv/bin/python -m pip install uvicorn`",
        ),
        ("[{script: 'caddy'}]", "a venv in another folder than the app's"),
        ("[{script: 'shop'}]", "`pm add /desk/shop` finds the apps in it"),
        ("[{script: 'a', cwd: 'shpo'}]", "did you mean /desk/shop?"),
        ("[{script: 'a'}]", "did you mean `python3`?"),
        ("[{script: 'moved/bin/tool'}]", "can't be moved"),
        ("[{script: 'a', interpreter: 'pyhton3'}]", "did you mean `python3`?"),
        ("[{script: 'a', interpreter: 'nobody', enviroment: {A: 1}}]", "here it is `env"),
    ] {
        let told = desk.problems(written);
        assert!(told.contains(hint), "{written}: {told}");
    }
}
