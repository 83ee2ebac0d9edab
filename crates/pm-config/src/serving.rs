//! As what an app's processes run and when they count as up: cluster or fork, the channel, `wait_ready`.

use pm_spec::{Environment, Mode, Sched, Serving, Span};

use crate::diagnose::Finding;
use crate::fields::App;
use crate::interpreter::Runtime;

/// All of it. `env` is the caller's, where PM2's knobs stand.
pub(crate) fn serving(app: &mut App<'_>, runtime: Runtime, env: &Environment) -> Serving {
    let wait_ready = app.switch("wait_ready").unwrap_or(false);
    let speaks = matches!(runtime, Runtime::Node | Runtime::Bun | Runtime::Deno);
    let mode = mode(app, runtime);
    // Without its channel an app could never say that it is ready, nor share a port.
    let needed = wait_ready || mode == Mode::Cluster;
    let preload = app.switch("cluster_preload").unwrap_or(true);
    let knob = env.get("PM2_GRACEFUL_LISTEN_TIMEOUT").map(|text| text.display().into_owned());
    let patience = knob.and_then(|text| text.trim().parse().ok()).map(Span::from_millis);
    let patience = patience.unwrap_or(Serving::default().listen_timeout);
    Serving {
        mode,
        sched: sched(app),
        channel: app.switch("channel").unwrap_or(speaks) || needed,
        preload: preload && runtime == Runtime::Node,
        wait_ready,
        listen_timeout: app.span("listen_timeout").unwrap_or(patience),
        source_maps: source_maps(app) && runtime == Runtime::Node,
        monitored: None,
    }
}

/// PM2 switches them on for all apps of Node, whatever `source_map_support` says, unless told not to.
fn source_maps(app: &mut App<'_>) -> bool {
    let wanted = app.switch("source_map_support") != Some(false);
    app.switch("disable_source_map_support") != Some(true) && wanted
}

/// PM2's rule: cluster where it is asked for, and for Node where a number of instances is given.
fn mode(app: &mut App<'_>, runtime: Runtime) -> Mode {
    // It wins over `exec_mode`, too.
    if app.switch("execute_command") == Some(true) {
        return Mode::Fork;
    }
    let wanted = match app.text("exec_mode") {
        Some("fork" | "fork_mode") => return Mode::Fork,
        Some("cluster" | "cluster_mode") => true,
        Some(_) => {
            if let Some(field) = app.get("exec_mode") {
                app.refuse::<()>(field, "\"fork\" or \"cluster\"");
            }
            return Mode::Fork;
        }
        None => false,
    };
    let at = app.place("exec_mode");
    match runtime {
        Runtime::Node if wanted || app.get("instances").is_some() => Mode::Cluster,
        Runtime::Deno if wanted => Mode::Cluster,
        Runtime::Bun if wanted => {
            let message = "Bun can't take sockets from its manager, so the instances run as separate processes";
            let hint = "let the app listen with reusePort, and they share its port";
            app.findings.add(Finding::warning(at, message).hint(hint));
            Mode::Fork
        }
        Runtime::Python | Runtime::Other if wanted => {
            let message = "cluster mode is for Node; the instances run as separate processes";
            app.findings.add(Finding::warning(at, message).hint("write exec_mode: \"fork\""));
            Mode::Fork
        }
        Runtime::Node | Runtime::Bun | Runtime::Deno | Runtime::Python | Runtime::Other => {
            Mode::Fork
        }
    }
}

fn sched(app: &mut App<'_>) -> Sched {
    match app.text("sched") {
        None | Some("rr") => Sched::RoundRobin,
        Some("slot") => Sched::Slot,
        Some(_) => {
            if let Some(field) = app.get("sched") {
                app.refuse::<()>(field, "\"rr\" or \"slot\"");
            }
            Sched::RoundRobin
        }
    }
}
