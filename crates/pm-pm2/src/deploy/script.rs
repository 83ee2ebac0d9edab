//! Shell scripts for a host. Pure. Values of the config stand in them as quoted words only; the hooks and `exec` are the
//! user's own shell lines and stand there as they are, on purpose.

use pm_config::Deployment;

use crate::shell::{RUNNER, shell};

/// A path on the host as one shell word; `~/` is the home of whoever logs in there.
fn place(deployment: &Deployment, below: &str) -> String {
    let path = deployment.path.trim_end_matches('/');
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", shell(&format!("{rest}/{below}"))),
        None if path == "~" => format!("\"$HOME\"/{}", shell(below)),
        None => shell(&format!("{path}/{below}")),
    }
}

/// A folder of the deployment, or the end.
fn enter(deployment: &Deployment, below: &str) -> String {
    let hint = "echo 'hint: deploy setup comes first, once for each host' >&2";
    format!("cd {} || {{ {hint}; exit 1; }}\n", place(deployment, below))
}

fn in_source(deployment: &Deployment, line: &str) -> String {
    enter(deployment, "source") + line
}

/// The folders that setup makes.
pub(super) fn folders(it: &Deployment) -> String {
    let [logs, pids] = ["shared/logs", "shared/pids"].map(|below| place(it, below));
    format!("mkdir -p {logs} {pids}")
}

/// The first clone, at the branch of the configured reference: `origin/main` is `main`.
pub(super) fn clone(it: &Deployment) -> String {
    let branch = it.reference.split_once('/').map_or(it.reference.as_str(), |(_, branch)| branch);
    let depth = if it.fast { " --depth=5" } else { "" };
    let (branch, repo) = (shell(branch), shell(&it.repo));
    format!("git clone{depth} --branch {branch} -- {repo} {}", place(it, "source"))
}

/// `current` leads to `source`.
pub(super) fn link(it: &Deployment) -> String {
    format!("ln -sfn {} {}", place(it, "source"), place(it, "current"))
}

/// New commits and tags.
pub(super) fn fetch(it: &Deployment) -> String {
    let depth = if it.fast { " --depth=5" } else { "" };
    in_source(it, &format!("git fetch{depth} --all --tags"))
}

/// Checks a branch, tag or commit out; nothing of `source` is kept.
pub(super) fn reset(it: &Deployment, reference: &str) -> String {
    in_source(it, &format!("git reset --hard {}", shell(reference)))
}

/// Writes down what was deployed.
pub(super) fn note(it: &Deployment) -> String {
    in_source(it, &format!("git rev-parse HEAD >> {}", place(it, ".deploys")))
}

/// The commit that is checked out.
pub(super) fn current(it: &Deployment) -> String {
    in_source(it, "git rev-parse --short HEAD")
}

/// All deployments, the last one at the end.
pub(super) fn deployments(it: &Deployment) -> String {
    format!("cat {}", place(it, ".deploys"))
}

/// A line of the user's in `current`, which knows `SHARED`; `post-deploy` gets the configured variables, too.
pub(super) fn hook(it: &Deployment, line: &str, env: &[(String, String)]) -> String {
    let mut script = enter(it, "current");
    let mut export = |name: &str, value: &str| {
        script.extend(["export ", name, "=", value, "\n"]);
    };
    export("SHARED", &place(it, "shared"));
    for (name, value) in env {
        let value = shell(value);
        export(name, &value);
        // PM2 exports the name in capitals.
        let upper = name.to_ascii_uppercase();
        if upper != *name {
            export(&upper, &value);
        }
    }
    script + line
}

/// A line of the user's in `current`, and nothing else.
pub(super) fn exec(it: &Deployment, line: &str) -> String {
    enter(it, "current") + line
}

/// The command line for `ssh`: the login shell has to understand nothing but quotes.
pub(super) fn remote(script: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    format!("exec sh -c {} {}", quoted(RUNNER), quoted(script))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn deployment(path: &str) -> Deployment {
        Deployment { path: path.into(), ..Deployment::default() }
    }

    /// What a shell prints when it runs this.
    fn printed(script: &str) -> Vec<u8> {
        Command::new("sh").args(["-c", script]).env("HOME", "/h").output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_value_is_one_word_whatever_is_in_it(value in "[^\0]{0,40}") {
            let script = format!("printf '[%s]' {}", shell(&value));
            prop_assert_eq!(printed(&script), format!("[{value}]").into_bytes());
        }

        #[test]
        fn a_script_arrives_as_it_is(value in "[ -~\n$`\"'\\\\!]{0,60}") {
            let script = format!("printf '[%s]' {}", shell(&value));
            let arrived = printed(&remote(&script));
            prop_assert_eq!(arrived, format!("[{value}]").into_bytes());
        }

        #[test]
        fn a_hostile_config_runs_nothing(evil in "[a-z'\"$`;&|<>(){}\\\\ \n*?~#=%!-]{1,30}") {
            let it = Deployment {
                path: format!("/nosuch{evil}"),
                repo: evil.clone(),
                reference: format!("origin/{evil}"),
                env: vec![("A".into(), evil.clone())],
                ..Deployment::default()
            };
            // Words that a shell would run are printed by a git that only prints.
            let git = "git() { for word in \"$@\"; do printf '<%s>' \"$word\"; done; }\n";
            let told = String::from_utf8(printed(&(git.to_owned() + &clone(&it)))).unwrap();
            prop_assert_eq!(
                told,
                format!("<clone><--branch><{evil}><--><{evil}><{}/source>", it.path.trim_end_matches('/'))
            );
            let script = hook(&it, "printf '[%s]' \"$A\"", &it.env);
            let script = script.replacen("exit 1", ":", 1);
            prop_assert_eq!(printed(&script), format!("[{evil}]").into_bytes());
        }
    }

    #[test]
    fn places_are_below_the_path_or_the_home_over_there() {
        for (path, found) in [
            ("/srv/app", "/srv/app/source"),
            ("/srv/my app/", "/srv/my app/source"),
            ("~/app", "/h/app/source"),
            ("~/my app", "/h/my app/source"),
            ("~", "/h/source"),
        ] {
            let script = format!("printf %s {}", place(&deployment(path), "source"));
            assert_eq!(printed(&script), found.as_bytes(), "{path}");
        }
    }
}
