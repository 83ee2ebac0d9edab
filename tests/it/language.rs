//! What is said to people follows `pm set lang` and the locale; what programs read never changes.

use std::os::unix::fs::symlink;
use std::process::Command;

use pm_testkit::{Home, Invocation, Run, fixture, pm};

const ZH: &str = "zh_CN.UTF-8";

fn is_chinese(text: &str) -> bool {
    text.chars().any(|letter| ('\u{4e00}'..'\u{a000}').contains(&letter))
}

fn said(run: &Run) -> String {
    run.out() + &run.err
}

#[test]
fn a_locale_of_chinese_is_answered_in_chinese() {
    let home = Home::new();
    let zh = |words: &[&str]| home.pm(words).env("LANG", ZH).run();
    let program = fixture().display().to_string();
    let start: &[&str] = &["start", &program, "--name", "shop", "--", "--live", "forever"];
    for (words, part) in [
        (&["stop", "shop"][..], "无法连接守护进程"),
        (start, "✓ shop (0) 已启动，进程号 "),
        (&["restart", "shop"], "✓ shop (0) 已重启，进程号 "),
        (&["stop", "shpo"], "提示：没有执行任何操作；您是想写 `shop` 吗？"),
        (&["describe", "shop"], "  重启次数    1\n"),
        (&["why", "shop"], "shop (id 0): online（运行中）\n"),
        (&["strat"], "错误：没有命令 strat\n提示：您是想写 `start` 吗？\n用法："),
        (&["start", "--nmae", "x"], "错误：不认识的参数 '--nmae'"),
        (&["--help"], "\n启动与停止：\n  start "),
        (&["stop", "--help"], "停止应用；整个进程树结束后返回\n\n用法：pm stop"),
        (&["start", "true", "--name", "job", "--schedule", "0 3 * * *"], "已添加，未启动，按计划"),
        (&["why", "job"], "（等待计划时间）\n"),
        (&["start", "shop", "-i", "x"], "--instances: error: `instances` 必须是"),
        (&["stop", "shop"], "✓ shop (0) 已停止\n"),
        (&["save"], "已将 2 个实例保存到 "),
        (&["delete", "all"], "✓ shop (0) 已删除\n"),
        (&["kill"], "守护进程已停止\n"),
    ] {
        let run = zh(words);
        assert!(said(&run).contains(part), "{part} is missing:\n{}", said(&run));
    }
}

#[test]
fn what_programs_read_is_the_same_in_each_language() {
    let home = Home::new();
    let program = fixture().display().to_string();
    home.run(["start", &program, "--name", "started", "--", "--live", "forever"]).ok();
    let zh = |words: &[&str]| home.pm(words).env("LC_ALL", ZH).run();
    for words in [
        &["list"][..],
        &["stop", "nobody", "--json"],
        &["jlist"],
        &["id", "started"],
        &["why", "started", "--json"],
        &["completion", "bash"],
        &["logs", "started", "--nostream"],
    ] {
        let (there, here) = (home.run(words), zh(words));
        assert!(!is_chinese(&said(&here)), "{}", said(&here));
        assert_eq!(here.code, there.code, "{words:?}");
    }
    let told = zh(&["restart", "started"]).ok().out();
    assert!(told.contains("✓ started (0) 已重启"), "the name of an app is no word of ours: {told}");
}

#[test]
fn whoever_is_called_as_another_speaks_english() {
    let home = Home::new();
    let called = |name: &str| {
        let link = home.work().join(name);
        symlink(pm(), &link).unwrap();
        link
    };
    let links = [called("pm2"), called("supervisorctl")];
    home.run(["set", "lang", "zh"]).ok();
    for link in links {
        let mut command = Command::new(&link);
        command.args(["stop", "nobody"]).env_clear().env("LANG", ZH);
        command.env("HOME", home.work()).env("PM_HOME", home.home().root());
        let run = Invocation::new(command, home.home().root()).run();
        assert!(!said(&run).is_empty() && !is_chinese(&said(&run)), "{}", said(&run));
    }
    assert!(is_chinese(&said(&home.run(["stop", "nobody"]))));
    home.run(["kill"]);
}

#[test]
fn the_setting_is_stronger_than_the_locale() {
    let home = Home::new();
    let says = |lang: &str| is_chinese(&said(&home.pm(["stop", "x"]).env("LANG", lang).run()));
    assert!(says(ZH) && !says("C.UTF-8"));
    home.run(["set", "lang", "zh"]).ok();
    assert!(says("C.UTF-8"));
    home.run(["set", "lang", "en"]).ok();
    assert!(!says(ZH));
    home.run(["set", "lang", "auto"]).ok();
    assert!(says(ZH) && !says("C.UTF-8"));
    home.run(["set", "lang", "fr"]).ends(2).complains("could not speak `fr`");
    assert_eq!(home.run(["get", "lang"]).ok().out(), "auto\n");
}

/// In a terminal the heads are Chinese, too, and what a script looks for is not.
#[test]
fn a_list_in_a_terminal_has_chinese_heads() {
    let home = Home::new();
    let program = fixture().display().to_string();
    home.run(["start", &program, "--name", "shop", "--", "--live", "forever"]).ok();
    let mut command = Command::new("python3");
    command.args(["-c", "import pty, sys; pty.spawn(sys.argv[1:])"]).arg(pm()).arg("list");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("LANG", ZH);
    command.env("PM_HOME", home.home().root()).env("NO_COLOR", "1");
    let out = Invocation::new(command, home.home().root()).input("").run().out();
    assert!(out.contains("│ 名称 │") && out.contains(" 状态 ") && out.contains("online"), "{out}");
}
