//! Every attribute in every spelling: what is written, where it arrives, as what.

use pm_config::supported_keys;
use serde_json::{Value, json};

use crate::desk::Desk;

/// What is written beside `script: "app"`, where it arrives in the spec, and as what.
fn rows() -> Vec<(&'static str, &'static str, Value)> {
    let mut rows = identity();
    rows.extend(dependencies());
    rows.extend(printed());
    rows.extend(hooks());
    rows.extend(sockets_and_checks());
    rows.extend(lifecycle());
    rows.extend(senses());
    rows.extend(logs());
    rows.extend(kernel());
    rows
}

fn hooks() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("on_ready: 'x'", "/hooks/on_ready", json!(["/bin/sh", "-c", "x"])),
        ("on_exit: 'echo x'", "/hooks/on_exit", json!(["/bin/sh", "-c", "echo x"])),
        ("on_gave_up: ['/bin/sh', 'x']", "/hooks/on_gave_up", json!(["/bin/sh", "x"])),
        ("on_flapping: 'x'", "/hooks/on_flapping", json!(["/bin/sh", "-c", "x"])),
        ("on_unhealthy: 'x'", "/hooks/on_unhealthy", json!(["/bin/sh", "-c", "x"])),
        ("on_job_failed: 'x'", "/hooks/on_job_failed", json!(["/bin/sh", "-c", "x"])),
        ("", "/hooks", json!(null)),
    ]
}

fn need(app: &str, condition: &str, (required, restart): (bool, bool)) -> Value {
    json!({ "app": app, "condition": condition, "required": required, "restart": restart })
}

/// What it prints when it is up.
fn printed() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("ready: { log: 'Listening on' }", "/checks/ready/prints/text", json!("Listening on")),
        ("ready: { log: '/^up [0-9]+$/' }", "/checks/ready/prints/regex", json!("^up [0-9]+$")),
        ("ready: { log: '/' }", "/checks/ready/prints/text", json!("/")),
    ]
}

fn outside((within, required): (u64, bool)) -> Value {
    let probe = json!({ "connect": { "tcp": "db.example:5432" } });
    json!({ "question": { "probe": probe, "timeout": 5_000 }, "within": within, "required": required })
}

fn dependencies() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("depends_on: ['db']", "/depends_on/0", need("db", "started", (true, false))),
        ("depends_on: 'db'", "/depends_on/0/app", json!("db")),
        ("dependsOn: { a: {}, b: 'ready' }", "/depends_on/1", need("b", "ready", (true, false))),
        (
            "depends_on: { db: { condition: 'service_completed_successfully', required: false, restart: true } }",
            "/depends_on/0",
            need("db", "completed", (false, true)),
        ),
        ("", "/depends_on", json!(null)),
        ("depends_on: ['db', 'tcp://db.example:5432']", "/outside/0", outside((30_000, true))),
        (
            "depends_on: { db: {}, 'tcp://db.example:5432': { timeout: '1m', required: false } }",
            "/outside/0",
            outside((60_000, false)),
        ),
        (
            "depends_on: ['http://[::1]:80/up?x', '/there', { command: ['a', 'b'] }]",
            "/outside/2/question/probe/exec",
            json!(["a", "b"]),
        ),
        ("depends_on: 'file:///there'", "/outside/0/question/probe/file", json!("/there")),
        ("depends_on: [{ command: 'a b' }]", "/outside/0/question/probe/shell", json!("a b")),
    ]
}

fn identity() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("", "/name", json!("app")),
        ("name: ' web 1 '", "/name", json!("web 1")),
        ("name: '3'", "/name", json!("3")),
        ("name: null", "/name", json!("app")),
        ("", "/namespace", json!("default")),
        ("namespace: 'back'", "/namespace", json!("back")),
        ("args: '-a \"b c\"'", "/args", json!(["-a", "b c"])),
        ("args: ['a b', 5000, true, '']", "/args", json!(["a b", "5000", "true", ""])),
        ("umask: '022'", "/umask", json!(0o22)),
        ("umask: 77", "/umask", json!(0o77)),
        ("nice: 19", "/nice", json!(19)),
        ("nice: -20", "/nice", json!(-20)),
        ("nice: '-5'", "/nice", json!(-5)),
        ("", "/nice", json!(null)),
        ("args: 5", "/args", json!(["5"])),
        ("node_args: '--x --y'", "/interpreter_args", json!(["--x", "--y"])),
        ("interpreter_args: ['--x y']", "/interpreter_args", json!(["--x y"])),
        ("interpreterArgs: '--x'", "/interpreter_args", json!(["--x"])),
        ("nodeArgs: '--x'", "/interpreter_args", json!(["--x"])),
        ("", "/interpreter", json!(null)),
        ("interpreter: 'none'", "/interpreter", json!(null)),
        ("interpreter: 'sh'", "/interpreter", json!("/desk/sys/sh")),
        ("exec_interpreter: '/bin/sh'", "/interpreter", json!("/bin/sh")),
        ("interpreter: 'none', execInterpreter: 'sh'", "/interpreter", json!("/desk/sys/sh")),
        ("cwd: 'sub/.././'", "/cwd", json!("/desk/")),
        ("", "/instances", json!(1)),
        ("instances: 3", "/instances", json!(3)),
        ("instances: '3'", "/instances", json!(3)),
        ("instances: 'max'", "/instances", json!(4)),
        ("instances: 0", "/instances", json!(4)),
        ("instances: -1", "/instances", json!(3)),
        ("instances: -4", "/instances", json!(1)),
        ("instances: '-9'", "/instances", json!(1)),
        ("instances: '2x'", "/instances", json!(2)),
        ("exec_mode: 'fork_mode'", "/instances", json!(1)),
        ("", "/instance_var", json!("NODE_APP_INSTANCE")),
        ("instance_var: 'N'", "/instance_var", json!("N")),
        ("incrementVar: 'PORT'", "/increment_var", json!("PORT")),
        ("env: {A: 1}", "/env/A", json!("1")),
        ("env: {A: 1.50, B: true}", "/env/B", json!("true")),
        ("env: {A: 1.50}", "/env/A", json!("1.5")),
        ("env: {A: null}", "/env/A", json!("null")),
        ("env: {A: [1, 'x']}", "/env/A", json!("[1,\"x\"]")),
        ("env: {A: {command: 'x'}}", "/secret_commands/A/timeout", json!(30_000)),
        ("secrets: {A: {command: 'x'}}", "/secrets/A/printed/timeout", json!(30_000)),
        ("secrets: {A: {file: 'a'}}", "/secrets/A/file", json!("/desk/a")),
        ("env: {A: '', HOME: '/x'}", "/env/HOME", json!("/x")),
        ("env: {B: 1, A: 2}", "/declared_env", json!(["A", "B"])),
        ("port: '3000'", "/env/PORT", json!("3000")),
        ("port: 3000, env: {PORT: 1}", "/env/PORT", json!("3000")),
        ("env_file: ['.env']", "/env/A", json!("from file")),
        ("envFile: '.env', env: {A: 1}", "/env/A", json!("1")),
        ("env_file: '.env'", "/hidden_env", json!(["A"])),
        ("profiles: []", "/name", json!("app")),
        ("project: 'shop'", "/project", json!("shop")),
        ("", "/env/SHELL_ONLY", json!("yes")),
        ("post_update: ['x']", "/post_update", json!(null)),
        ("filter_env: ['SHELL']", "/env/SHELL_ONLY", json!(null)),
        ("filter_env: 'SHELL'", "/env/SHELL_ONLY", json!("yes")),
        ("filterEnv: 'SHELL_ONLY'", "/env/SHELL_ONLY", json!(null)),
        ("filter_env: ['SHELL'], env: {SHELL_ONLY: 2}", "/env/SHELL_ONLY", json!("2")),
        ("", "/user", json!(null)),
        ("uid: 1000", "/user/uid/number", json!(1000)),
        ("user: 'alice', gid: 'staff'", "/user/uid/name", json!("alice")),
        ("user: 'alice', gid: 'staff'", "/user/gid/name", json!("staff")),
        ("gid: '50'", "/user/gid/number", json!(50)),
        ("append_env_to_name: true", "/name", json!("app")),
    ]
}

fn kernel() -> Vec<(&'static str, &'static str, Value)> {
    let both = |number: u64| json!({ "soft": number, "hard": number });
    vec![
        ("", "/kernel", json!(null)),
        ("rlimits: {nofile: 1024}", "/kernel/rlimits/nofile", both(1024)),
        ("rlimits: {nofile: '1024'}", "/kernel/rlimits/nofile", both(1024)),
        ("ulimits: {core: 0, as: '1G'}", "/kernel/rlimits/as", both(1 << 30)),
        ("rlimits: {stack: {soft: '8M'}}", "/kernel/rlimits/stack", json!({ "soft": 8 << 20 })),
        ("rlimits: {nproc: {hard: 9, soft: 8}}", "/kernel/rlimits/nproc/soft", json!(8)),
        ("rlimits: {memlock: 'unlimited'}", "/kernel/rlimits/memlock", both(u64::MAX)),
        ("rlimits: {memlock: -1}", "/kernel/rlimits/memlock", both(u64::MAX)),
        ("rlimits: ['cpu=1m', 'nofile=64:128']", "/kernel/rlimits/nofile/hard", json!(128)),
        ("rlimits: 'cpu=1m'", "/kernel/rlimits/cpu", both(60)),
        ("ioprio: 'idle'", "/kernel/ioprio", json!("idle")),
        ("ioprio: 'best-effort:7'", "/kernel/ioprio/best_effort", json!(7)),
        ("oom_score_adj: -1000", "/kernel/oom_score_adj", json!(-1000)),
        ("oomScoreAdj: '500'", "/kernel/oom_score_adj", json!(500)),
        ("mem_limit: '64M'", "/kernel/mem_limit", json!(64 << 20)),
        ("memoryMax: 0", "/kernel", json!(null)),
        ("cpus: 1.5", "/kernel/cpus", json!(1500)),
        ("cpu_quota: '50%'", "/kernel/cpus", json!(500)),
        ("cpuset: '0-2,4'", "/kernel/cpuset", json!([0, 1, 2, 4])),
        ("cpuset: 3", "/kernel/cpuset", json!([3])),
        ("cpuset: ''", "/kernel", json!(null)),
        ("tasks_max: 9", "/kernel/pids_limit", json!(9)),
        ("pids_limit: 9", "/kernel/pids_limit", json!(9)),
        ("isolate: 'basic'", "/kernel/isolate", json!("basic")),
        ("isolate: 'none'", "/kernel", json!(null)),
        (
            "isolate: 'strict', write_paths: ['sub', '/var/x']",
            "/kernel/write_paths",
            json!(["/desk/sub", "/var/x"]),
        ),
        ("isolate: 'basic', writePaths: '~/a b'", "/kernel/write_paths", json!(["/desk/home/a b"])),
        ("network: false", "/kernel/network", json!(false)),
        ("privateTmp: true", "/kernel/private_tmp", json!(true)),
        ("groups: ['staff', 50]", "/user/groups", json!([{ "name": "staff" }, { "number": 50 }])),
        ("group_add: 'staff'", "/user/groups/0/name", json!("staff")),
        ("groups: 50", "/user/groups/0/number", json!(50)),
        ("groups: []", "/user", json!(null)),
    ]
}

#[test]
fn what_is_no_limit_is_told_with_what_would_be_one() {
    let desk = Desk::new();
    for (written, told) in [
        ("rlimits: 5", "`rlimits` must be an object such as { nofile: 4096, core: 0 }, not `5`"),
        ("rlimits: {nofiles: 5}", "hint: did you mean `nofile`?"),
        ("rlimits: {locks: 5}", "pm marks processes there"),
        ("ulimits: {nofile: 'x'}", "`ulimits.nofile` must be a number, \"unlimited\""),
        ("rlimits: {nofile: {soft: 9, hard: 8}}", "with soft not above hard"),
        ("rlimits: {nofile: {sof: 9}}", "`rlimits.nofile` must be"),
        ("rlimits: {nofile: {}}", "`rlimits.nofile` must be"),
        ("rlimits: {nofile: [1]}", "`rlimits.nofile` must be"),
        ("rlimits: ['nofile']", "NAME=SOFT[:HARD] such as nofile=4096, not `nofile`"),
        ("rlimits: ['nofile=1G']", "`rlimits` must be NAME=a number"),
        ("ioprio: 'best-effort:8'", "with a number from 0 to 7"),
        ("oom_score_adj: 1001", "from -1000 to 1000"),
        ("cpus: 0", "`cpus` must be a number of CPUs from 0.01 on"),
        ("cpuset: '2-1'", "`cpuset` must be CPUs by number such as \"0-2,4\""),
        ("pids_limit: 0", "`pids_limit` must be a whole number, 1 or more"),
        ("groups: ['staf']", "there is no group `staf`"),
        ("isolate: true", "`isolate` must be \"none\", \"basic\" or \"strict\""),
        ("groups: [true]", "`groups` must be a name or a number"),
    ] {
        let problems = desk.problems(&format!("{{script: 'app', {written}}}"));
        assert!(problems.contains(told), "{written}: {problems}");
    }
    let (_, warned) = desk.app("{script: 'app', write_paths: 'x'}");
    assert!(warned.contains("`write_paths` has no effect without `isolate`"), "{warned}");
}

fn sockets_and_checks() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("", "/listen", json!(null)),
        ("listen: 'tcp://:80'", "/listen/0/at/tcp", json!("[::]:80")),
        ("listen: ['tcp://127.0.0.1:80', 'unix://s']", "/listen/1/at/unix", json!("/desk/s")),
        ("listen: ['unix://~/s?mode=600']", "/listen/0/mode", json!(0o600)),
        ("listen: [{url: 'unix:///s', mode: 660, name: 'x'}]", "/listen/0/mode", json!(0o660)),
        ("listen: {url: 'tcp://:80', name: 'x', backlog: 7}", "/listen/0/name", json!("x")),
        ("listen: {url: 'tcp://:80', name: null, backlog: 7}", "/listen/0/backlog", json!(7)),
        (
            "ready: 'tcp://localhost:8000'",
            "/checks/ready/answers/probe/connect/tcp",
            json!("localhost:8000"),
        ),
        ("ready: {exec: 'test -e x'}", "/checks/ready/answers/probe/shell", json!("test -e x")),
        ("ready: 'notify'", "/checks/ready", json!("notifies")),
        ("watchdog: '5s'", "/checks/watchdog", json!(5000)),
        ("ready_timeout: '5s'", "/checks/ready_timeout", json!(5000)),
        (
            "healthcheck: {test: ['CMD', 'a', 'b']}",
            "/checks/health/question/probe/exec",
            json!(["a", "b"]),
        ),
        ("healthcheck: {test: 'a'}, unhealthy: 'none'", "/checks/on_unhealthy", json!("nothing")),
    ]
}

fn lifecycle() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("", "/autostart", json!(true)),
        ("autostart: false", "/autostart", json!(false)),
        ("", "/restart/autorestart", json!(true)),
        ("autorestart: false", "/restart/autorestart", json!(false)),
        ("restart: 'always'", "/restart/max_restarts", json!(u32::MAX)),
        ("restart: 'always', max_restarts: 3", "/restart/max_restarts", json!(3)),
        ("restart: 'on-failure:3'", "/restart/stop_exit_codes", json!([0])),
        ("restart: 'on-failure:3'", "/restart/max_restarts", json!(4)),
        ("restart: false", "/restart/autorestart", json!(false)),
        ("", "/restart/max_restarts", json!(16)),
        ("max_restarts: '5'", "/restart/max_restarts", json!(5)),
        ("maxRestarts: 0", "/restart/max_restarts", json!(0)),
        ("start_retries: 3", "/restart/start_retries", json!(3)),
        ("start_retries: '0'", "/restart/start_retries", json!(0)),
        ("flapping_limit: 3", "/restart/flapping_limit", json!(3)),
        ("min_uptime: '1m'", "/restart/min_uptime", json!(60_000)),
        ("min_uptime: 2000", "/restart/min_uptime", json!(2000)),
        ("", "/restart/delay", json!("automatic")),
        ("restart_delay: '1.5s'", "/restart/delay/fixed", json!(1500)),
        ("restart_delay: 0", "/restart/delay/fixed", json!(0)),
        ("exp_backoff_restart_delay: 100", "/restart/delay/exponential", json!(100)),
        ("exp_backoff_restart_delay: 0", "/restart/delay", json!("automatic")),
        (
            "restart_delay: 9, exp_backoff_restart_delay: 100",
            "/restart/delay/exponential",
            json!(100),
        ),
        ("stop_exit_codes: 0", "/restart/stop_exit_codes", json!([0])),
        ("stop_exit_codes: [3, '0']", "/restart/stop_exit_codes", json!([0, 3])),
        ("max_memory_restart: '1.5G'", "/limits/memory", json!(1_610_612_736_u64)),
        ("maxMemoryRestart: 200", "/limits/memory", json!(200)),
        ("max_memory_restart: '50MB'", "/limits/memory", json!(52_428_800)),
        ("max_memory_restart: 0", "/limits/memory", json!(null)),
        ("", "/stop/signal", json!(2)),
        ("kill_signal: 'SIGTERM'", "/stop/signal", json!(15)),
        ("killSignal: 10", "/stop/signal", json!(10)),
        ("", "/stop/timeout", json!(1600)),
        ("kill_timeout: '3000'", "/stop/timeout", json!(3000)),
        ("kill_timeout: 250.9", "/stop/timeout", json!(250)),
        ("wait_ready: true", "/serving/wait_ready", json!(true)),
        ("wait_ready: true", "/serving/channel", json!(true)),
        ("", "/serving/listen_timeout", json!(3000)),
        ("listen_timeout: '5s'", "/serving/listen_timeout", json!(5000)),
        ("channel: true", "/serving/channel", json!(true)),
        ("cluster_preload: true", "/serving/preload", json!(false)),
        // These are for Node; `programs.rs` looks at them there.
        ("execute_command: true", "/serving/mode", json!("fork")),
        ("source_map_support: true", "/serving/source_maps", json!(null)),
        ("disable_source_map_support: true", "/serving/source_maps", json!(null)),
        ("sched: 'slot'", "/serving/sched", json!("slot")),
        ("preset: 'celery'", "/stop/signal", json!(15)),
        ("preset: 'celery'", "/stop/timeout", json!(30_000)),
        ("preset: 'celery', kill_timeout: '5m'", "/stop/timeout", json!(300_000)),
        ("preset: 'gunicorn'", "/reload_signal", json!(1)),
        ("preset: 'gunicorn', reload_signal: 'none'", "/reload_signal", json!(null)),
        ("reload_monitor: '10s'", "/reload/monitor", json!(10_000)),
        ("reload_order: 'stop-first'", "/reload/order", json!("stop-first")),
        ("reload_parallelism: 3", "/reload/parallelism", json!(3)),
        ("reload_canary: 1", "/reload/canary", json!(1)),
        ("reload_signal: 'USR2'", "/reload_signal", json!(12)),
        ("treekill: false", "/stop/tree", json!(false)),
        ("shutdown_with_message: true", "/stop/by_message", json!(true)),
    ]
}

fn senses() -> Vec<(&'static str, &'static str, Value)> {
    let folder = || json!(["/desk/"]);
    vec![
        ("", "/schedule", json!(null)),
        ("cron_restart: ' 0 3 * * * '", "/schedule/pattern", json!("0 3 * * *")),
        ("cron: '*/5 * * * * *'", "/schedule/pattern", json!("*/5 * * * * *")),
        ("cron_restart: 0", "/schedule", json!(null)),
        ("cron_restart: '0'", "/schedule", json!(null)),
        ("cron: '@daily', cron_timezone: 'UTC'", "/schedule/zone", json!("UTC")),
        ("cron: '@daily', cron_tz: 'UTC'", "/schedule/zone", json!("UTC")),
        ("cron: '@daily', cron_after_stop: true", "/schedule/after_stop", json!(true)),
        ("schedule: '@daily'", "/schedule/job", json!(true)),
        ("schedule: '@daily', catch_up: true", "/schedule/catch_up", json!(true)),
        ("schedule: '@daily', random_delay: '10m'", "/schedule/random_delay", json!(600_000)),
        ("schedule: '@daily'", "/restart/autorestart", json!(false)),
        ("schedule: 0", "/schedule", json!(null)),
        ("pre_start: { command: 'x', timeout: 9000 }", "/pre_start/timeout", json!(9000)),
        ("pre_stop: { command: 'x', timeout: 9000 }", "/staged/pre_stop/timeout", json!(9000)),
        ("post_start: 'x'", "/staged/post_start/timeout", json!(30_000)),
        ("post_stop: 'x'", "/staged/post_stop/timeout", json!(30_000)),
        ("schedule: '@daily', overlap: 'queue'", "/job/overlap", json!("queue")),
        ("schedule: '@daily', time_limit: '2s'", "/job/time_limit", json!(2000)),
        ("schedule: '@daily', time_limit: 0, retries: 3", "/job/time_limit", json!(null)),
        ("autorestart: false, retries: 3", "/job/retries", json!(3)),
        ("schedule: 0, cron: '@daily'", "/schedule/job", json!(null)),
        ("", "/watch", json!(null)),
        ("watch: false", "/watch", json!(null)),
        ("watch: true", "/watch/paths", folder()),
        ("watch: []", "/watch/paths", folder()),
        ("watch: 'a b'", "/watch/paths", json!(["/desk/a b"])),
        ("watch: ['src', '/x', '!src/gen']", "/watch/paths", json!(["/desk/src", "/x"])),
        ("watch: ['src', '!src/gen']", "/watch/ignore", json!([{ "glob": "src/gen" }])),
        ("watch: ['**/*.js'], cwd: 'sub'", "/watch/paths", json!(["/desk/sub/**/*.js"])),
        ("watch: true, ignore_watch: 'a b'", "/watch/ignore/1/glob", json!("b")),
        ("watch: true, ignore_watch: ['a b']", "/watch/ignore/0/glob", json!("a b")),
        ("ignore_watch: ['/tmp.x/i']", "/watch/ignore/0/regex", json!("(?i)tmp.x")),
        (r"ignore_watch: ['[\\/]\\.']", "/watch/ignore/0/regex", json!(r"[\/]\.")),
        ("ignore_watch: ['a']", "/watch/on", json!(false)),
        ("watch: true, ext: 'js,.ts'", "/watch/extensions", json!(["js", "ts"])),
        ("watch: true", "/watch/delay", json!(200)),
        ("watch: true, watch_delay: 1000", "/watch/delay", json!(1000)),
        ("watch: true, watch_delay: '2s'", "/watch/delay", json!(2000)),
        ("watch: true", "/watch/poll", json!(null)),
        ("watch_options: {usePolling: true}", "/watch/poll", json!(1000)),
        ("watch_options: {usePolling: true, interval: 300}", "/watch/poll", json!(300)),
        ("watch_options: {followSymlinks: false}", "/watch/follow_links", json!(false)),
        ("watch_options: {ignored: 'x'}", "/watch/ignore/0/glob", json!("x")),
    ]
}

fn logs() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("name: 'a/b c'", "/logs/out/file", json!("/desk/pm home/logs/a%2Fb c-out.log")),
        ("", "/logs/error/file", json!("/desk/pm home/logs/app-error.log")),
        ("", "/pid_file", json!("/desk/pm home/pids/app.pid")),
        ("", "/logs/combined", json!(null)),
        ("out_file: 'logs/o.log'", "/logs/out/file", json!("/desk/logs/o.log")),
        ("out: '~/o.log'", "/logs/out/file", json!("/desk/home/o.log")),
        ("output: '/x/o'", "/logs/out/file", json!("/x/o")),
        ("out_log: 'o'", "/logs/out/file", json!("/desk/o")),
        ("out_file: '', output: 'o'", "/logs/out/file", json!("/desk/o")),
        ("out_file: 'NULL'", "/logs/out", json!("discard")),
        ("error_file: '/dev/null'", "/logs/error", json!("discard")),
        ("error: 'e'", "/logs/error/file", json!("/desk/e")),
        ("err: 'e'", "/logs/error/file", json!("/desk/e")),
        ("err_file: 'e'", "/logs/error/file", json!("/desk/e")),
        ("err_log: 'e', cwd: 'sub'", "/logs/error/file", json!("/desk/sub/e")),
        ("log_file: true", "/logs/combined", json!("/desk/pm home/logs/app.log")),
        ("log: 'all.log'", "/logs/combined", json!("/desk/all.log")),
        ("log_file: false", "/logs/combined", json!(null)),
        ("disable_logs: true", "/logs/out", json!("discard")),
        ("", "/logs/merge", json!(true)),
        ("instances: 1", "/logs/merge", json!(false)),
        ("instances: 2, merge_logs: true", "/logs/merge", json!(true)),
        ("combine_logs: false", "/logs/merge", json!(false)),
        ("", "/logs/format", json!("raw")),
        ("log_date_format: 'HH:mm'", "/logs/format/stamped", json!("HH:mm")),
        ("log_date_format: false", "/logs/format", json!("raw")),
        ("time: true", "/logs/format/stamped", json!("YYYY-MM-DDTHH:mm:ss")),
        ("log_type: 'json'", "/logs/format/json", json!(null)),
        ("log_type: 'json', log_date_format: 'HH'", "/logs/format/json", json!("HH")),
        ("log_type: 'raw'", "/logs/format", json!("raw")),
        ("", "/logs/rotation/max_size", json!(10 << 20)),
        ("log_max_size: '1M'", "/logs/rotation/max_size", json!(1 << 20)),
        ("log_max_size: false", "/logs/rotation/max_size", json!(null)),
        ("log_keep: 3", "/logs/rotation/keep", json!(3)),
        ("log_compress: false", "/logs/rotation/compress", json!(false)),
        ("log_full: 'block'", "/logs/full", json!("block")),
        ("pid: 'x.pid'", "/pid_file", json!("/desk/x.pid")),
        ("pidFile: 'x.pid'", "/pid_file", json!("/desk/x.pid")),
    ]
}

#[test]
fn every_attribute_arrives() {
    let desk = Desk::new();
    desk.write("sub/x", "");
    desk.write(".env", "A='from file'\n");
    for (written, pointer, expected) in rows() {
        let (spec, _) = desk.app(&format!("{{script: 'app', {written}}}"));
        let spec = desk.plain(&serde_json::to_string(&spec).unwrap());
        let spec = spec
            .replace(&desk.path("").to_str().unwrap().trim_end_matches('/').to_owned(), "/desk/");
        let spec: Value = serde_json::from_str(&spec).unwrap();
        let got = spec.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(got, &expected, "{written:?} at {pointer}");
    }
}

#[test]
fn the_table_above_names_every_supported_key() {
    let written: String =
        rows().into_iter().map(|(written, ..)| written.to_owned() + ",").collect();
    // `script` stands in front of all, `env_NAME` has a test of its own.
    for key in supported_keys().filter(|key| *key != "script") {
        let camel = |text: &str| {
            let mut parts = text.split('_');
            let first = parts.next().unwrap().to_owned();
            parts.fold(first, |all, part| all + &part[..1].to_uppercase() + &part[1..])
        };
        let found =
            written.contains(&format!("{key}:")) || written.contains(&format!("{}:", camel(key)));
        assert!(found, "no row for {key}");
    }
}

#[test]
fn the_script_may_be_called_four_ways_and_the_canonical_one_wins() {
    let desk = Desk::new();
    desk.program("other", "x");
    for written in ["exec", "cmd", "command"] {
        let (spec, warnings) = desk.app(&format!("{{{written}: './app'}}"));
        assert!(spec.script.as_bytes().ends_with(b"/app"), "{written}");
        assert_eq!(warnings, "");
    }
    let (spec, _) = desk.app("{cmd: 'other', script: 'app'}");
    assert!(spec.script.as_bytes().ends_with(b"/app"));
    let (spec, _) = desk.app("{script: '', cmd: 'other'}");
    assert!(spec.script.as_bytes().ends_with(b"/other"));
}

#[test]
fn a_profile_is_laid_over_env_when_it_is_asked_for() {
    let mut desk = Desk::new();
    let text =
        "{script: 'app', env: {A: 1, B: 1}, env_prod: {B: 2, C: 2}, append_env_to_name: true}";
    let (spec, _) = desk.app(text);
    let value = |spec: &pm_spec::AppSpec, name| spec.env.get(name).map(crate::desk::text);
    assert_eq!((value(&spec, "B"), value(&spec, "C")), (Some("1".into()), None));
    desk.overrides.env_name = Some("prod".into());
    let (spec, warnings) = desk.app(text);
    assert_eq!((value(&spec, "A"), value(&spec, "B")), (Some("1".into()), Some("2".into())));
    assert_eq!((value(&spec, "C"), spec.name.as_str()), (Some("2".into()), "app-prod"));
    assert_eq!(crate::desk::texts(&spec.declared_env), ["A", "B", "C"]);
    assert_eq!(warnings, "");
    desk.overrides.env_name = Some("prd".into());
    let (spec, warnings) = desk.app(text);
    assert_eq!(value(&spec, "B"), Some("1".into()));
    assert!(warnings.contains("`env_prd`") && warnings.contains("`--env prod`"), "{warnings}");
}

#[test]
fn what_we_gave_the_calling_app_does_not_leak_into_its_children() {
    let mut desk = Desk::new();
    for name in ["PM_TAG", "PM_GUARDIAN_FD", "PM_HOME"] {
        desk.caller.env.set(name, "x");
    }
    let (spec, _) = desk.app("{script: 'app'}");
    assert!(spec.env.get("PM_TAG").is_none() && spec.env.get("PM_GUARDIAN_FD").is_none());
    assert!(spec.env.get("PM_HOME").is_some());
    // Who is no app of ours has these for reasons of its own.
    desk.caller.env.set("name", "x");
    desk.caller.env.set("PM2_HOME", "x");
    assert!(desk.app("{script: 'app'}").0.env.get("name").is_some());
    desk.caller.env.set("pm_exec_path", "/bin/true");
    let (spec, _) = desk.app("{script: 'app'}");
    for name in ["name", "PM2_HOME", "pm_exec_path"] {
        assert!(spec.env.get(name).is_none(), "{name}");
    }
}

#[test]
fn the_version_is_that_of_the_nearest_package() {
    let desk = Desk::new();
    desk.write("package.json", "{\"version\": \"0.1.0\"}");
    desk.write("a/package.json", "{\"name\": \"x\", \"version\": \"1.2.3\"}");
    desk.program("a/b/run", "x");
    let version = |script: &str| {
        desk.app(&format!("{{script: '{script}'}}")).0.version.as_ref().map(crate::desk::text)
    };
    assert_eq!(version("a/b/run").as_deref(), Some("1.2.3"));
    assert_eq!(version("app").as_deref(), Some("0.1.0"));
    desk.write("a/package.json", "not json");
    assert_eq!(version("a/b/run"), None);
}
