//! The texts, read by those who will read them where they are installed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::platform::UnknownPlatform;
use super::*;

fn unit(platform: Platform) -> Unit {
    Unit {
        platform,
        service: "pm-deploy".into(),
        user: "deploy".into(),
        home: "/home/deploy/.pm".into(),
        variables: vec![("PM_HOME", "/home/deploy/.pm".into())],
        program: "/usr/local/bin/pm".into(),
        wait_ip: false,
        config: "/home/deploy/.config".into(),
    }
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok()
}

#[test]
fn p06_p29_p45_the_unit_says_what_it_must() {
    let text = unit(Platform::Systemd).text();
    for line in [
        "Type=notify",
        "OOMPolicy=continue",
        "KillMode=process",
        "Restart=always",
        "User=deploy",
        "Environment=\"PM_HOME=/home/deploy/.pm\"",
        "ExecStart=\"/usr/local/bin/pm\" guardian --foreground --resurrect",
        "WantedBy=multi-user.target",
        "After=network.target",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    for never in ["PIDFile", "PATH=", "ExecStop", "forking"] {
        assert!(!text.contains(never), "{never}");
    }
    let text = Unit { wait_ip: true, ..unit(Platform::Systemd) }.text();
    assert!(text.contains("Wants=network-online.target\nAfter=network-online.target\n"));
    let text = unit(Platform::SystemdUser).text();
    assert!(!text.contains("User=") && text.contains("WantedBy=default.target"));
}

#[test]
fn systemd_accepts_our_units() {
    if !has("systemd-analyze") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Names that every quoting rule has something to say about.
    let home = dir.path().join("a 'b' \"c\" \\d $HOME 100% \u{f6}");
    let bin = dir.path().join("a $HOME 100% \u{f6}");
    std::fs::create_dir(&bin).unwrap();
    let program = bin.join("pm");
    std::os::unix::fs::symlink("/bin/true", &program).unwrap();
    for (platform, scope) in [(Platform::Systemd, "--system"), (Platform::SystemdUser, "--user")] {
        let unit = Unit {
            program: program.clone(),
            variables: vec![("PM2_HOME", home.clone()), ("PM2_LOG_FILE_PATH", home.join("l"))],
            user: "root".into(),
            wait_ip: true,
            ..unit(platform)
        };
        let file = dir.path().join("pm-deploy.service");
        std::fs::write(&file, unit.text()).unwrap();
        let output = Command::new("systemd-analyze")
            .args(["verify", scope])
            .arg(&file)
            .env("XDG_RUNTIME_DIR", dir.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        // It also tells what it thinks of other units of this machine.
        let ours: Vec<_> = told.lines().filter(|line| line.contains("pm-deploy")).collect();
        assert!(ours.is_empty(), "{ours:?}\n{}", unit.text());
    }
}

#[test]
fn a_path_that_systemd_would_refuse_is_known() {
    for (path, fits) in [("/a b%/pm", true), ("/it's/pm", false), ("/a\\b/pm", false)] {
        let unit = Unit { program: path.into(), ..unit(Platform::Systemd) };
        assert_eq!(unit.is_nameable(), fits, "{path}");
        assert!(Unit { platform: Platform::Openrc, ..unit }.is_nameable());
    }
}

#[test]
fn systemd_words_mean_themselves() {
    let path = Path::new(OsStr::from_bytes(b"/a \"b\"\\ 100%\xff\n$x"));
    let quoted = quote::systemd("PM_HOME=", path);
    assert_eq!(quoted, r#""PM_HOME=/a \"b\"\\ 100%%\xff\x0a$x""#);
}

#[test]
fn shells_read_our_scripts_and_get_every_byte() {
    let odd = PathBuf::from(OsStr::from_bytes(b"/opt/it's \"odd\" $HOME/\xff `x`\\n/pm"));
    for platform in [Platform::Openrc, Platform::SystemV] {
        for program in ["/opt/it's \"odd\" $HOME `x`\\n/pm".into(), odd.clone()] {
            let text = Unit { program, ..unit(platform) }.text();
            let line = text.lines().find(|line| line.starts_with("program=")).unwrap();
            let shown = Command::new("sh")
                .args(["-c", &format!("{line}; printf %s \"$program\"")])
                .output()
                .unwrap();
            let given = Path::new(OsStr::from_bytes(&shown.stdout));
            assert!(given.ends_with("pm") && given.starts_with("/opt"), "{given:?}");
            let output = Command::new("sh").args(["-n", "-c", &text]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let line = format!("printf %s {}", quote::shell("", &odd));
    let shown = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert_eq!(shown.stdout, odd.as_os_str().as_bytes());
}

#[test]
fn platforms_have_pm2s_names_and_order() {
    assert_eq!(Platform::parse("ubuntu"), Ok(Platform::Systemd));
    assert_eq!(Platform::parse("centos6"), Ok(Platform::SystemV));
    assert_eq!(Platform::parse("darwin"), Err(UnknownPlatform { is_pm2s: true }));
    assert_eq!(Platform::parse("freebsd"), Err(UnknownPlatform { is_pm2s: true }));
    assert_eq!(Platform::parse("x"), Err(UnknownPlatform { is_pm2s: false }));
    assert_eq!(Platform::find(|tool| tool == "rc-update"), Some(Platform::Openrc));
    let both = |tool: &str| tool == "chkconfig" || tool == "systemctl";
    assert_eq!(Platform::find(both), Some(Platform::Systemd));
    assert_eq!(Platform::find(|_| false), None);
}

#[test]
fn names_that_could_be_more_than_a_name_are_refused() {
    for good in ["pm-root", "pm2-a.b_c", "x@1"] {
        assert!(is_name(good), "{good}");
    }
    for bad in ["", "a/b", "../x", "-x", "a b", "a\nb", "a;b", "a$b"] {
        assert!(!is_name(bad), "{bad}");
    }
}

#[test]
fn lingering_is_part_of_a_user_unit() {
    let steps = unit(Platform::SystemdUser).enabling(|_| true);
    assert_eq!(steps.last().unwrap(), &["loginctl", "enable-linger", "deploy"]);
    assert_eq!(
        unit(Platform::SystemdUser).path(),
        PathBuf::from("/home/deploy/.config/systemd/user/pm-deploy.service")
    );
}
