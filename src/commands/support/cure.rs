//! What the last words of an app mean, or how it ended where it said nothing, and what would cure it.

use crate::called;
use crate::commands::support::engine_cure::engine;
use crate::commands::support::failing::{Failing, cwd, quoted};
use crate::commands::support::permission_cure::permission;
use crate::commands::support::port_conflict;
use crate::commands::support::program_cure::{program, unfound};
use crate::commands::support::python_cure::{
    python_attribute, python_broker, python_kind, python_module, python_nothing, run_by,
};
use crate::render::outcomes::Explanation;
use pm_client::Client;
use pm_config::ContainerFront;
use pm_pm2::shell;
use pm_protocol::Description;
use pm_spec::ByteString;

/// What a line means; nothing if it means something else.
type Symptom = fn(&Failing<'_>, &str) -> Option<String>;

/// Symptoms by their class, what says most first.
const SYMPTOMS: [(&str, Symptom); 22] = [
    ("pidfile", pidfile),
    ("python module", python_module),
    ("python attribute", python_attribute),
    ("python module", python_broker),
    ("python app", python_nothing),
    ("server kind", python_kind),
    ("npm script", npm_script),
    ("node module", node_module),
    ("module kind", module_kind),
    ("interpreter", python_two),
    ("syntax", syntax),
    ("variable", variable),
    ("watches", watches),
    ("disk full", disk_full),
    ("descriptors", descriptors),
    ("memory", memory),
    ("low port", low_port),
    ("refused", refused),
    ("permission", permission),
    ("file", file),
    ("library", library),
    ("program", program),
];

/// Those of who runs in a container.
const IN_CONTAINER: [(&str, Symptom); 3] =
    [("engine", engine), ("disk full", disk_full), ("descriptors", descriptors)];

/// What explains these lines and does not stand in them or, without any, the end of who wrote them.
pub(crate) fn explain(
    client: &mut Client,
    one: &Description,
    lines: &[Vec<u8>],
) -> Option<Explanation> {
    let port = port_conflict::told(client, one, lines);
    let port = port.map(|text| Explanation { class: "port", text });
    // What the kernel says counts for more than what it wrote before.
    port.or_else(|| out_of_memory(one)).or_else(|| of_lines(one, lines)).or_else(|| of_end(one))
}

fn of_lines(one: &Description, lines: &[Vec<u8>]) -> Option<Explanation> {
    let lines: Vec<String> =
        lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let case = Failing { one, lines: &lines };
    // Of what runs in a container nothing of this machine would cure it.
    let all = if ContainerFront::of(&one.spec).is_some() { &IN_CONTAINER[..] } else { &SYMPTOMS };
    all.iter().find_map(|(class, symptom)| {
        // The last line that can be read is the one that ended it.
        let text = lines.iter().rev().find_map(|line| symptom(&case, line))?;
        Some(Explanation { class, text })
    })
}

/// What the engine said before there was a container.
pub(crate) fn of_engine(one: &Description, line: &str) -> Option<Explanation> {
    let text = engine(&Failing { one, lines: &[] }, line)?;
    Some(Explanation { class: "engine", text })
}

/// The kernel killed it, or one of its processes, for it had more memory than its cgroup may have.
fn out_of_memory(one: &Description) -> Option<Explanation> {
    let end = one.ends.last().filter(|end| end.why.contains("more than its mem_limit of "))?;
    end.code.is_none_or(|code| code != 0).then(|| Explanation {
        class: "memory limit",
        text: "`mem_limit` says what all its processes together may take: allow more, or set `max_memory_restart` to a little \
               less than that, which restarts it in good order"
            .into(),
    })
}

/// What its last end means, if nobody ordered it.
pub(crate) fn of_end(one: &Description) -> Option<Explanation> {
    let end = one.ends.last()?;
    let by_itself = end.why.starts_with("killed by") || end.why.starts_with("exited with");
    let told = |class, text: &str| Some(Explanation { class, text: text.into() });
    let is_contained = ContainerFront::of(&one.spec).is_some();
    match (end.signal.as_deref(), end.code) {
        _ if !by_itself => None,
        (_, Some(125)) if is_contained => told(
            "engine",
            "125 is the engine's word for a container that it could not make; what it said stands in the log",
        ),
        (_, Some(126 | 127)) if is_contained => told(
            "engine",
            "126 and 127 are the engine's words for a program that can't be run, or is not in the image: `command` says which",
        ),
        (Some("SIGKILL"), _) => told(
            "killed",
            "somebody killed it, or the kernel for want of memory: `dmesg | grep -i oom` tells which",
        ),
        (Some("SIGSEGV" | "SIGBUS" | "SIGILL" | "SIGABRT" | "SIGFPE"), _) => told(
            "crash",
            "it broke in native code: the program itself, an extension module or a library",
        ),
        (_, Some(127)) => told(
            "program",
            &unfound(one).unwrap_or_else(|| {
                "127 is a shell's word for a program that is not in PATH".into()
            }),
        ),
        (_, Some(126)) => told(
            "program",
            "126 is a shell's word for a file that can't be executed: `chmod +x` it, and look at its first line",
        ),
        _ => None,
    }
}

/// What it means that one that is to be up ended well.
pub(crate) fn of_good_end(one: &Description) -> Option<Explanation> {
    /// As gunicorn, celery, nginx, redis and docker have them.
    const BACKGROUND: [&str; 6] =
        ["-D", "--daemon", "--daemonize", "--detach", "-d", "--background"];
    one.ends.last().filter(|end| end.code == Some(0) && end.why.starts_with("exited with"))?;
    let is_it = |arg: &&ByteString| BACKGROUND.iter().any(|word| arg.as_bytes() == word.as_bytes());
    let text = match one.spec.args.iter().find(is_it) {
        Some(arg) => format!(
            "`{}` may send it into the background, where nobody looks after it: start it without",
            arg.display()
        ),
        None if one.spec.restart.autorestart => "a job that ends by itself: `--no-autorestart` (`autorestart: false`); a program that goes \
             into the background: without what sends it there"
            .into(),
        None => "it ended well before it was up: a program that goes into the background is started without what sends it there"
            .into(),
    };
    Some(Explanation { class: "ran to its end", text })
}

/// npm and pnpm.
fn npm_script(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let name = quoted(line, "Missing script:")?;
    let file = cwd(&one.spec).join("package.json");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let scripts = package["scripts"].as_object();
    let scripts: Vec<_> = scripts.into_iter().flat_map(|all| all.keys()).take(10).collect();
    let (pm, file) = (called::name(), file.display());
    Some(match scripts.first() {
        Some(first) => {
            let all: Vec<_> = scripts.iter().map(|name| format!("`{name}`")).collect();
            let all = all.join(", ");
            format!(
                "{file} has no script `{name}`, but {all}: `{pm} start npm -- run {}`",
                shell(first)
            )
        }
        None => format!("{file} has no `scripts` with a `{name}`"),
    })
}

fn node_module(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let name =
        quoted(line, "Cannot find module").or_else(|| quoted(line, "Cannot find package"))?;
    if name.starts_with(['.', '/']) {
        return Some(format!("{name} is not there; who asks for it stands below the error"));
    }
    let (cwd, package) = (cwd(&one.spec), name.split('/').next().unwrap_or(name));
    let listed = std::fs::read_to_string(cwd.join("package.json"));
    let is_listed = listed.is_ok_and(|text| text.contains(&format!("\"{package}")));
    let what = if is_listed { "npm install".into() } else { format!("npm install {name}") };
    Some(format!("`{name}` is not in node_modules: `{what}` in {}", cwd.display()))
}

fn module_kind(_: &Failing<'_>, line: &str) -> Option<String> {
    let text = if line.contains("Cannot use import statement outside a module")
        || line.contains("Unexpected token 'export'")
    {
        "it is an ES module: `\"type\": \"module\"` in its package.json, or call it .mjs"
    } else if line.contains("is not defined in ES module scope") {
        "it is a CommonJS module in a package of ES modules: call it .cjs"
    } else {
        return None;
    };
    Some(text.into())
}

fn python_two(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let two = line.contains("Missing parentheses in call to 'print'");
    two.then(|| {
        format!("it is written for Python 2, and {}: `interpreter` says by what", run_by(&one.spec))
    })
}

/// Python says `File "PLACE", line N` above it, Node `PLACE:N`.
fn syntax(Failing { lines, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let kinds = ["SyntaxError", "IndentationError", "TabError"];
    kinds.iter().find(|kind| line.trim_start().starts_with(**kind))?;
    let of_python = |line: &String| {
        let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
        Some(format!("{file}:{}", rest.split(',').next()?))
    };
    let of_node = |line: &String| {
        let (file, number) = line.strip_prefix("file://").unwrap_or(line).rsplit_once(':')?;
        let is_place = file.starts_with('/') && number.parse::<u32>().is_ok();
        is_place.then(|| format!("{file}:{number}"))
    };
    let place = lines.iter().rev().find_map(|line| of_python(line).or_else(|| of_node(line)))?;
    Some(format!("what is written in {place} can't be read; nothing of it ran"))
}

fn variable(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let name = quoted(line, "KeyError")?;
    let is_like_one = name.bytes().all(|it| matches!(it, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    let unset = is_like_one && one.spec.env.get(name).is_none();
    unset.then(|| format!("the variable {name} is not set: `env: {{ {name}: ... }}` sets it"))
}

fn watches(_: &Failing<'_>, line: &str) -> Option<String> {
    line.contains("file watchers reached").then(|| {
        "the machine watches as many files as it may: `sysctl fs.inotify.max_user_watches=524288`".into()
    })
}

fn disk_full(_: &Failing<'_>, line: &str) -> Option<String> {
    let is_full = line.contains("No space left on device") || line.contains("ENOSPC");
    is_full.then(|| {
        format!("a disk is full: `df -h` tells which; `{} flush` empties logs", called::name())
    })
}

fn descriptors(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let out = line.contains("Too many open files") || line.contains("EMFILE");
    let may = || {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", one.row.pid)).ok()?;
        let line = limits.lines().find(|line| line.starts_with("Max open files"))?.to_owned();
        line.split_whitespace().nth(3).map(|soft| format!(" ({soft})"))
    };
    out.then(|| {
        format!(
            "it has as many files and connections open as it may{}: it leaks them, or `ulimit -n` is low",
            may().unwrap_or_default()
        )
    })
}

fn memory(_: &Failing<'_>, line: &str) -> Option<String> {
    let text = if line.contains("JavaScript heap out of memory") {
        "Node's heap has a limit of its own: `node_args: \"--max-old-space-size=4096\"` (in MB)"
    } else if line.trim_start().starts_with("MemoryError")
        || line.contains("Cannot allocate memory")
        || line.contains("std::bad_alloc")
    {
        "it asked for more memory than it may have: `free -h` tells what there is"
    } else {
        return None;
    };
    Some(text.into())
}

/// celery and gunicorn do not begin where a file says that they run.
fn pidfile(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let of_celery = || line.split_once("Pidfile (")?.1.split_once(") already exists");
    let of_gunicorn = || line.split_once("(or pid file '")?.1.split_once("' is stale");
    let (name, _) = of_celery().or_else(of_gunicorn)?;
    let file = cwd(&one.spec).join(name);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let (pid, file) = (text.trim().parse::<u32>().ok(), file.display());
    let command = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Some(match (pid, command) {
        (Some(pid), Some(command)) => format!(
            "{file} names {} (pid {pid}), which runs: stop it, or give this app another file (`--pidfile`)",
            command.trim_end()
        ),
        _ => format!("{file} was left by one that does not run any more: remove it"),
    })
}

fn low_port(Failing { one, lines }: &Failing<'_>, line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let denied = lower.contains("permission denied") || lower.contains("eacces");
    let binds = ["bind", "listen", "address", "port"].iter().any(|word| lower.contains(word));
    // Python names neither: where it was refused stands in the lines before.
    let bare = line.trim_end() == "PermissionError: [Errno 13] Permission denied";
    let python = bare && lines.iter().any(|line| line.contains(".bind("));
    let is_low = |port: &u16| (1..1024).contains(port) && ![13, 98].contains(port);
    let said = port_conflict::numbers(line.as_bytes());
    let mut ports = said.into_iter().chain(port_conflict::given(&one.spec));
    let port = ports.find(is_low).or_else(|| python.then_some(80));
    let port = port.filter(|_| denied && (binds || python))?;
    Some(format!(
        "ports below 1024 such as {port} are root's: use one above, with a proxy before it, or let everybody have them from there \
         on: `sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port}`"
    ))
}

fn refused(_: &Failing<'_>, line: &str) -> Option<String> {
    let refused = line.contains("ECONNREFUSED") || line.contains("Connection refused");
    if !refused {
        return None;
    }
    let is_here = ["127.0.0.1", "localhost", "::1"].iter().any(|host| line.contains(host));
    // What is less is a part of an address, or the error's own number (111).
    let silent = |port: &u16| *port > 255 && pm_os::listening::holder(*port).is_none();
    let port = port_conflict::numbers(line.as_bytes()).into_iter().find(silent);
    Some(match port.filter(|_| is_here) {
        Some(port) => format!("nobody listens on port {port}: what it needs there is not up"),
        None => "what it needs does not answer there: is it up, and is the address right?".into(),
    })
}

fn file(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let path = quoted(line, "no such file or directory, open")
        .or_else(|| quoted(line, "No such file or directory:"))
        .or_else(|| quoted(line, "can't open file"))?;
    Some(if path.starts_with('/') {
        format!("{path} is not there")
    } else {
        let cwd = one.spec.cwd.display();
        format!("{path} is looked for in {cwd}, where it runs, and is not there: `cwd` says where")
    })
}

fn library(_: &Failing<'_>, line: &str) -> Option<String> {
    let missing = quoted(line, "error while loading shared libraries");
    let missing =
        missing.map(|name| format!("the library {} is not installed", name.trim_end_matches(':')));
    missing.or_else(|| {
        let newer = line.contains("version `GLIBC_") && line.contains("not found");
        newer.then(|| "it was built on a newer system than this one: build it here".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::EndView;

    use crate::commands::support::failing::described;

    /// Classes, what programs say, and a part of what is told.
    const SAYINGS: [(&str, &str, &str); 36] = [
        ("pidfile", "ERROR: Pidfile (no-such.pid) already exists.", "no-such.pid was left by"),
        (
            "pidfile",
            "Error: Already running on PID 7 (or pid file 'no-such.pid' is stale)",
            "no-such.pid was left by",
        ),
        ("python module", "ModuleNotFoundError: No module named 'flask_cors.x'", "it was run by"),
        ("python module", "/usr/bin/python3: No module named gunicorn", "it was run by"),
        (
            "python attribute",
            "Failed to find attribute 'application' in 'app'.",
            "`app` has no `application`",
        ),
        (
            "python attribute",
            r#"ERROR:    Error loading ASGI app. Attribute "api" not found in module "web.main"."#,
            "`web.main` has no `api`",
        ),
        (
            "python module",
            "AttributeError: 'NoneType' object has no attribute 'Redis'",
            "-m pip install redis`",
        ),
        ("python app", "Error: Missing argument 'APP'.", "`uvicorn MODULE:NAME`"),
        ("python app", "Error: No application module specified.", "`gunicorn MODULE:NAME`"),
        (
            "server kind",
            "TypeError: FastAPI.__call__() missing 1 required positional argument: 'send'",
            "-k uvicorn.workers.UvicornWorker",
        ),
        (
            "server kind",
            "TypeError: Flask.__call__() missing 1 required positional argument: 'start_response'",
            "gunicorn",
        ),
        (
            "server kind",
            "TypeError: WSGIHandler.__call__() takes 3 positional arguments but 4 were given",
            "gunicorn",
        ),
        ("npm script", "npm error Missing script: \"start\"", "has no `scripts` with a `start`"),
        ("node module", "Error: Cannot find module 'express'", "`npm install express` in "),
        (
            "node module",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'ws' imported from /a.mjs",
            "`npm install ws`",
        ),
        ("node module", "Error: Cannot find module './db'", "./db is not there"),
        ("module kind", "SyntaxError: Cannot use import statement outside a module", ".mjs"),
        (
            "module kind",
            "ReferenceError: require is not defined in ES module scope, you can use import instead",
            ".cjs",
        ),
        (
            "interpreter",
            "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
            "Python 2",
        ),
        ("variable", "KeyError: 'DATABASE_URL'", "the variable DATABASE_URL is not set"),
        (
            "watches",
            "Error: ENOSPC: System limit for number of file watchers reached, watch '/srv'",
            "max_user_watches",
        ),
        ("disk full", "OSError: [Errno 28] No space left on device: '/var/x'", "`df -h`"),
        ("disk full", "Error: ENOSPC: no space left on device, write", "`df -h`"),
        ("descriptors", "OSError: [Errno 24] Too many open files: '/etc/hosts'", "`ulimit -n`"),
        (
            "memory",
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "--max-old-space-size",
        ),
        ("memory", "MemoryError", "free -h"),
        ("low port", "Error: listen EACCES: permission denied 0.0.0.0:80", "such as 80"),
        (
            "low port",
            "[ERROR] Can't bind to ('0.0.0.0', 443): [Errno 13] Permission denied",
            "such as 443",
        ),
        (
            "refused",
            "redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.",
            "is it up",
        ),
        (
            "permission",
            "PermissionError: [Errno 13] Permission denied: '/etc/shadow'",
            "no right to /etc/shadow",
        ),
        (
            "permission",
            "Error: EACCES: permission denied, open '/etc/shadow'",
            "no right to /etc/shadow",
        ),
        (
            "file",
            "FileNotFoundError: [Errno 2] No such file or directory: 'conf/app.ini'",
            "conf/app.ini is looked for in ",
        ),
        (
            "file",
            "Error: ENOENT: no such file or directory, open '/srv/x.json'",
            "/srv/x.json is not there",
        ),
        (
            "library",
            "./app: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file or directory",
            "the library libpq.so.5 is not installed",
        ),
        (
            "library",
            "./app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./app)",
            "newer system",
        ),
        ("program", "sh: 1: gunicorn: not found", "`gunicorn` is not in PATH"),
    ];

    #[test]
    fn what_programs_say_is_understood() {
        for (class, line, text) in SAYINGS {
            let told = of_lines(&described(), &[line.as_bytes().to_vec()]);
            let told = told.unwrap_or_else(|| panic!("not understood: {line}"));
            assert!(told.class == class && told.text.contains(text), "{line}\n{told:?}");
        }
        for line in ["KeyError: 'user'", "ready", "GET /listen 200", "SyntaxError: no place"] {
            assert_eq!(of_lines(&described(), &[line.as_bytes().to_vec()]), None, "{line}");
        }
    }

    #[test]
    fn a_port_that_python_may_not_have_is_understood_by_what_it_called() {
        let lines = |call: &str| {
            [
                "Traceback (most recent call last):",
                call,
                "PermissionError: [Errno 13] Permission denied",
            ]
            .map(|line| line.as_bytes().to_vec())
        };
        let told = of_lines(&described(), &lines("    self.socket.bind(self.server_address)"));
        assert_eq!(told.map(|it| it.class), Some("low port"));
        assert_eq!(of_lines(&described(), &lines("    os.setuid(0)")), None);
    }

    #[test]
    fn an_end_without_words_is_understood() {
        let ended = |why: &str, signal: Option<&str>, code| {
            let (signal, why) = (signal.map(Into::into), why.into());
            let end = EndView { at: 1, lived: 1, pid: 1, code, signal, why };
            of_end(&Description { ends: vec![end], ..described() }).map(|told| told.class)
        };
        assert_eq!(ended("killed by SIGKILL", Some("SIGKILL"), None), Some("killed"));
        assert_eq!(ended("killed by SIGSEGV, core dumped", Some("SIGSEGV"), None), Some("crash"));
        assert_eq!(ended("exited with code 127", None, Some(127)), Some("program"));
        assert_eq!(ended("exited with code 1", None, Some(1)), None);
        assert_eq!(ended("stopped by a command", Some("SIGKILL"), None), None);
    }
}
