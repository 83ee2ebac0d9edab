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

#[test]
fn a_venv_whose_python_is_gone_is_told_and_no_other_python_runs() {
    let desk = desk();
    desk.write("app.py", "");
    desk.write("tool", "#!/usr/bin/env python3\n");
    desk.write("plain/app.py", "");
    desk.write("requirements.txt", "gunicorn\n");
    desk.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
    desk.link(".venv/bin/python3", "/usr/bin/python3.0");
    desk.link(".venv/bin/python", "python3");
    desk.write(".venv/bin/gunicorn", "#!/desk/.venv/bin/python3\n");
    let gone = "the Python of the virtual environment /desk/.venv is gone: /usr/bin/python3.0 is not there";
    let cure = "`python3 -m venv --clear /desk/.venv && /desk/.venv/bin/python -m pip install -r /desk/requirements.txt` makes it anew";
    for script in [
        "app.py",
        "tool",
        "gunicorn",
        ".venv/bin/gunicorn",
        "app.py', interpreter: '.venv/bin/python",
    ] {
        let told = desk.problems(&format!("[{{script: '{script}'}}]"));
        assert!(told.contains(gone) && told.contains(cure), "{script}: {told}");
    }
    // Who names another one means that, and one that is alive is taken.
    let runs = |written: &str| {
        let (app, _) = one(desk.parse(written));
        desk.plain(&text(app.interpreter.as_ref().unwrap()))
    };
    assert_eq!(runs("[{script: 'app.py', interpreter: 'python3'}]"), "/desk/bin/python3");
    desk.venv("venv");
    assert_eq!(runs("[{script: 'app.py'}]"), "/desk/venv/bin/python");
    std::fs::remove_dir_all(desk.path("venv")).unwrap();
    desk.write(".venv/pyvenv.cfg", "home = /usr/bin\nuv = 0.8.1\n");
    let told = desk.problems("[{script: 'app.py'}]");
    assert!(
        told.contains(
            "`uv venv --clear /desk/.venv && uv pip install --python /desk/.venv/bin/python -r"
        ),
        "{told}"
    );
    desk.write("uv.lock", "");
    assert!(desk.problems("[{script: 'app.py'}]").contains("`uv sync` in "));
}

#[test]
fn a_program_of_a_moved_venv_is_told_by_its_name_too() {
    let desk = desk();
    desk.venv(".venv");
    desk.program(".venv/bin/gunicorn", "");
    desk.write(".venv/bin/gunicorn", "#!/old/.venv/bin/python3\n");
    let told = desk.problems("[{script: 'gunicorn'}]");
    assert!(told.contains("there is no `/old/.venv/bin/python3`"), "{told}");
    assert!(
        told.contains("can't be moved: `python3 -m venv --clear /desk/.venv` makes it anew"),
        "{told}"
    );
}
