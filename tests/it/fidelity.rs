//! What reaches the app is what was meant: arguments, environment, folder, user, and settings that stay (pains 11, 12,
//! 32, 38, 44, 45, 50, 51, 62, 71, 77).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;

use pm_testkit::{Home, fixture};

use crate::apps::{log, start, up};

/// The lines of an app's standard output once there are as many.
fn lines(home: &Home, name: &str, count: usize) -> Vec<String> {
    let file = home.home().logs().join(format!("{name}-out.log"));
    let bytes =
        home.wait_file(file, |bytes| bytes.iter().filter(|b| **b == b'\n').count() >= count);
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn p71_p32_arguments_after_two_dashes_are_byte_exact_and_stay() {
    let home = Home::new();
    let script = home
        .script("app", "for arg; do printf '%s\\0' \"$arg\"; done; printf '\\n'; exec sleep 1000");
    let words: [&[u8]; 10] = [
        b"--name",
        b"x",
        b"",
        b" ",
        b"a b",
        b"'q' \"r\" $HOME `id` \\",
        b"\xff\xfe",
        b"--",
        b"-s",
        b"--json",
    ];
    let mut line: Vec<OsString> =
        ["start", script.to_str().unwrap(), "--"].map(OsString::from).to_vec();
    line.extend(words.iter().map(|word| OsStr::from_bytes(word).to_owned()));
    home.run(&line).ok();
    let mut expected = words.map(|word| [word, b"\0"].concat()).concat();
    expected.push(b'\n');
    let file = home.home().logs().join("app-out.log");
    home.wait_file(&file, |bytes| bytes == expected);
    // Restart, death of the daemon, save and resurrect use the same record.
    home.run(["restart", "app"]).ok();
    home.wait_file(&file, |bytes| bytes == expected.repeat(2));
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    home.run(["resurrect"]).ok();
    home.wait_file(&file, |bytes| bytes == expected.repeat(3));
}

#[test]
fn p51_files_with_blanks_in_their_names_are_files() {
    let home = Home::new();
    home.script("my app.sh", "echo \"$0|$1|$(pwd)\"; exec sleep 1000");
    fs::create_dir(home.work().join("my folder")).unwrap();
    home.run(["start", "my app.sh", "--cwd", "my folder", "--", "one two"]).ok();
    let said = lines(&home, "my app", 1);
    let work = home.work().display().to_string();
    assert_eq!(said, [format!("{work}/my app.sh|one two|{work}/my folder")]);
    // In a config, too, with quotes and letters beyond ASCII.
    home.script("\u{e4} 'b\"", "echo here; exec sleep 1000");
    home.file("apps.json5", "{ name: 'c', script: './\u{e4} \\'b\"' }");
    home.run(["start", "apps.json5"]).ok();
    assert_eq!(lines(&home, "c", 1), ["here"]);
}

#[test]
fn a_script_whose_name_is_no_text_runs() {
    let home = Home::new();
    let name = OsString::from_vec(b"b\xffd".to_vec());
    home.script(&name, "echo here; exec sleep 1000");
    home.run([
        OsStr::new("start"),
        OsStr::from_bytes(b"./b\xffd"),
        "--name".as_ref(),
        "bad".as_ref(),
    ])
    .ok();
    assert_eq!(lines(&home, "bad", 1), ["here"]);
}

#[test]
fn p51_a_line_for_the_shell_is_one() {
    let home = Home::new();
    home.run(["start", "echo $((6*7)) && exec sleep 1000", "--name", "line"]).ok();
    assert_eq!(lines(&home, "line", 1), ["42"]);
}

#[test]
fn p77_the_environment_is_the_callers_and_nothing_else() {
    let home = Home::new();
    let script = home
        .script("app", "env -0 | tr '\\n' '_' | tr '\\0' '\\n' | sort; echo end; exec sleep 1000");
    home.pm(["start", script.to_str().unwrap()]).env("MINE", "a b\n=c").run().ok();
    home.wait_file(home.home().logs().join("app-out.log"), |bytes| bytes.ends_with(b"end\n"));
    let said = String::from_utf8(log(&home, "app-out.log")).unwrap();
    assert!(said.contains("MINE=a b_=c\n"), "{said}");
    let names: Vec<_> =
        said.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let added: Vec<_> = names
        .iter()
        .filter(|name| {
            ![
                "PATH",
                "HOME",
                "PM_HOME",
                "XDG_RUNTIME_DIR",
                "RUST_BACKTRACE",
                "LD_LIBRARY_PATH",
                "MINE",
                "PWD",
                "OLDPWD",
                "SHLVL",
                "_",
            ]
            .contains(*name)
        })
        .collect();
    // PM2's words for its children, the cookie by which a tree is known, and what makes Python print at once.
    let known = [
        "NODE_APP_INSTANCE",
        "PM2_HOME",
        "PM_TAG",
        "PYTHONUNBUFFERED",
        "name",
        "namespace",
        "pm_cwd",
        "pm_err_log_path",
        "pm_exec_path",
        "pm_id",
        "pm_out_log_path",
        "pm_pid_path",
        "restart_time",
    ];
    assert!(added.iter().all(|name| known.contains(name)), "{added:?}");
}

#[test]
fn p11_the_environment_changes_when_asked_to_and_only_then() {
    let home = Home::new();
    let steps = ["--print-env", "COLOUR", "--live", "forever"];
    let words = ["start", fixture().to_str().unwrap(), "--name", "app", "--"].map(str::to_owned);
    home.pm(words.iter().map(String::as_str).chain(steps)).env("COLOUR", "red").run().ok();
    home.pm(["restart", "app"]).env("COLOUR", "blue").run().ok();
    home.pm(["restart", "app", "--update-env"]).env("COLOUR", "green").run().ok();
    home.run(["restart", "app"]).ok();
    assert_eq!(lines(&home, "app", 4), ["red", "red", "green", "green"]);
    home.run(["env", "app"]).ok().says("COLOUR: green");
}

#[test]
fn p12_p65_a_changed_file_is_taken_over_by_restart() {
    let home = Home::new();
    let write = |args: &str, env: &str, instances: u32| {
        let text = format!(
            "{{ name: 'app', script: {:?}, args: '{args} --print-env A --live forever', env: {{ {env} }}, \
             instances: {instances}, merge_logs: true }}",
            fixture()
        );
        home.file("app.json5", text);
    };
    write("--bytes 310a", "A: 1", 1);
    home.run(["start", "app.json5"]).ok();
    assert_eq!(lines(&home, "app", 2), ["1", "1"]);
    write("--bytes 320a", "", 1);
    home.run(["restart", "app.json5"]).ok();
    assert_eq!(lines(&home, "app", 4)[2..], ["2", "<unset>"], "removed variables stay removed");
    write("--bytes 320a", "", 3);
    home.run(["start", "app.json5"]).ok();
    home.wait_rows("three instances", |rows| rows.iter().filter(|row| row.pid != 0).count() == 3);
    write("--bytes 320a", "", 1);
    home.run(["start", "app.json5"]).ok();
    home.wait_rows("one instance", |rows| rows.len() == 1);
}

#[test]
fn numbers_and_booleans_are_fine_as_values() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'app', script: {:?}, args: '--print-env A --print-env B --print-env C --live forever', \
         env: {{ A: 1.5, B: true, C: 0x10 }} }}",
        fixture()
    );
    home.file("app.json5", text);
    home.run(["start", "app.json5"]).ok();
    assert_eq!(lines(&home, "app", 3), ["1.5", "true", "16"]);
}

#[test]
fn p50_slots_keep_their_numbers_and_ports() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'app', script: {:?}, instances: 2, merge_logs: true, increment_var: 'PORT', env: {{ PORT: 5100 }}, \
         args: '--print-env PORT --print-env NODE_APP_INSTANCE --live forever' }}",
        fixture()
    );
    home.file("app.json5", text);
    home.run(["start", "app.json5"]).ok();
    let sorted = |count| {
        let mut lines = lines(&home, "app", count);
        lines.sort();
        lines
    };
    assert_eq!(sorted(4), ["0", "1", "5100", "5101"]);
    home.run(["flush"]).ok();
    home.run(["scale", "app", "3"]).ok();
    assert_eq!(sorted(2), ["2", "5102"]);
    home.run(["flush"]).ok();
    let id = home.rows().iter().find(|row| row.slot == 1).unwrap().id;
    home.run(["restart", &format!("id:{id}")]).ok();
    assert_eq!(sorted(2), ["1", "5101"]);
}

#[test]
fn files_an_app_makes_have_the_permissions_its_mask_leaves() {
    let home = Home::new();
    home.script("app", "umask; exec sleep 1000");
    home.run(["start", "./app", "--umask", "027"]).ok();
    assert_eq!(lines(&home, "app", 1), ["0027"]);
    home.run(["restart", "app", "--umask", "077"]).ok();
    assert_eq!(lines(&home, "app", 2), ["0027", "0077"]);
    home.run(["describe", "app"]).ok().says("umask").says("077");
    home.run(["restart", "app", "--umask", "1000"]).ends(2).complains("--umask: error: `umask`");
}

#[test]
fn an_app_and_its_children_are_as_nice_as_it_says() {
    let home = Home::new();
    home.script("app", "sh -c nice; exec sleep 1000");
    home.run(["start", "./app", "--nice", "7"]).ok();
    assert_eq!(lines(&home, "app", 1), ["7"]);
    home.run(["restart", "app", "--nice", "12"]).ok();
    assert_eq!(lines(&home, "app", 2), ["7", "12"]);
    home.run(["describe", "app"]).ok().says("nice").says("12");
    assert_eq!(home.run(["jlist"]).ok().json()[0]["pm2_env"]["nice"], 12);
    for bad in ["20", "-21", "low", "1.5"] {
        home.run(["restart", "app", "--nice", bad]).ends(2).complains("from -20 to 19");
    }
}

#[test]
fn p44_a_flipped_release_link_runs_the_new_code() {
    let home = Home::new();
    for release in ["one", "two"] {
        home.script(
            format!("{release}/app"),
            &format!("echo {release} in $(pwd -P); exec sleep 1000"),
        );
    }
    let current = home.work().join("current");
    symlink("one", &current).unwrap();
    home.run(["start", "current/app", "--cwd", "current"]).ok();
    fs::remove_file(&current).unwrap();
    symlink("two", &current).unwrap();
    home.run(["restart", "app"]).ok();
    let work = home.work().canonicalize().unwrap().display().to_string();
    assert_eq!(
        lines(&home, "app", 2),
        [format!("one in {work}/one"), format!("two in {work}/two")]
    );
}

#[test]
fn a_relative_folder_is_seen_from_the_file() {
    let home = Home::new();
    fs::create_dir_all(home.work().join("sub/project")).unwrap();
    let text = format!(
        "{{ name: 'app', script: {:?}, cwd: './project', args: '--print-cwd --live forever', out_file: 'o.log' }}",
        fixture()
    );
    home.file("sub/app.json5", text);
    home.pm(["start", home.work().join("sub/app.json5").to_str().unwrap()]).dir("/").run().ok();
    let folder = home.work().join("sub/project");
    home.wait_file(folder.join("o.log"), |bytes| {
        bytes == format!("{}\n", folder.display()).as_bytes()
    });
}

#[test]
fn p38_secrets_are_masked_wherever_they_are_not_asked_for() {
    let home = Home::new();
    let secret = "hunter2-very-secret";
    let text = format!(
        "{{ name: 'app', script: {:?}, args: '--live forever', env: {{ API_TOKEN: '{secret}', DATABASE_URL: '{secret}', COLOUR: 'visible' }} }}",
        fixture()
    );
    home.file("app.json5", text);
    home.pm(["start", "app.json5"]).env("MY_PASSWORD", secret).run().ok();
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["jlist"],
        &["describe", "app"],
        &["describe", "app", "--json"],
        &["start", "app", "--json"],
        &["save", "--json"],
        &["logs", "--nostream", "--daemon"],
    ] {
        let run = home.run(words).ok();
        assert!(!(run.out() + &run.err).contains(secret), "{words:?} shows a secret");
    }
    home.run(["describe", "app"]).ok().says("visible");
    home.run(["env", "app"]).ok().says(secret);
    home.run(["env", "app", "--json"]).ok().says(secret);
}

#[test]
fn p62_an_app_of_another_user_has_all_of_that_user() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    let script = home.script("app", "echo $(id -u) $(id -g) $HOME $USER $LOGNAME; echo to-stdout > /dev/stdout; exec sleep 1000");
    home.open_to_others();
    home.run(["start", script.to_str().unwrap(), "--uid", "nobody"]).ok();
    let said = lines(&home, "app", 2);
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let entry: Vec<_> =
        passwd.lines().find(|line| line.starts_with("nobody:")).unwrap().split(':').collect();
    assert_eq!(said[0], format!("{} {} {} nobody nobody", entry[2], entry[3], entry[5]));
    assert_eq!(said[1], "to-stdout");
    assert_eq!(home.row("app").user.as_deref(), Some("nobody"));
}

#[test]
fn p22_the_interpreter_is_chosen_by_exact_ending_and_first_line() {
    let home = Home::new();
    fs::create_dir(home.work().join("ubuntu.bun.py")).unwrap();
    home.file("ubuntu.bun.py/app.py", "import sys; print('python', sys.version_info[0]); sys.stdin.read\nimport time; time.sleep(1000)\n");
    home.run(["start", "ubuntu.bun.py/app.py", "--name", "by-ending"]).ok();
    assert_eq!(lines(&home, "by-ending", 1), ["python 3"]);
    home.script("odd.py", "echo shell; exec sleep 1000");
    home.run(["start", "odd.py", "--name", "by-line"]).ok();
    assert_eq!(lines(&home, "by-line", 1), ["shell"]);
    home.file("app.sh", "echo no x-bit needed; exec sleep 1000\n");
    home.run(["start", "app.sh", "--name", "sh"]).ok();
    assert_eq!(lines(&home, "sh", 1), ["no x-bit needed"]);
}

#[test]
fn p52_a_file_named_like_an_app_does_not_get_in_its_way() {
    let home = Home::new();
    up(&home, "web");
    home.file("web", "not a program");
    fs::create_dir(home.work().join("all")).unwrap();
    home.run(["stop", "web"]).ok();
    home.run(["restart", "web"]).ok();
    start(&home, "other", &[], &["--live", "forever"]).ok();
    home.run(["stop", "all"]).ok();
    assert!(home.rows().iter().all(|row| row.status.as_str() == "stopped"));
}
