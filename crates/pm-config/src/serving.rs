//! As what an app's processes run and when they count as up: cluster or fork, the channel, `wait_ready`.

use pm_spec::{Mode, Serving};

use crate::caller::Beside;
use crate::diagnose::{ConfigPlace, Finding};
use crate::fields::AppFields;
use crate::runtime::Runtime;

/// What its rows do not say: the mode, and what follows from the mode and the runtime.
pub(crate) fn settle(
    app: &mut AppFields<'_>,
    runtime: Runtime,
    beside: Beside,
    serving: &mut Serving,
) {
    serving.mode = mode(app, runtime);
    if app.get("channel").is_none() {
        serving.channel = matches!(runtime, Runtime::Node | Runtime::Bun | Runtime::Deno);
    }
    // Without its channel an app could never say that it is ready, nor share a port.
    serving.channel |= serving.wait_ready || serving.mode == Mode::Cluster;
    serving.preload &= runtime == Runtime::Node;
    serving.source_maps = source_maps(app) && runtime == Runtime::Node;
    if let Some(field) = app.get("source_map_support")
        && matches!(field.node.at, ConfigPlace::Flag(_))
        && runtime != Runtime::Node
    {
        let message = "only Node has source maps, and it does not run this app";
        app.findings.add(match beside {
            Beside::All => Finding::error(field.node.at, message),
            Beside::Pm2s => Finding::warning(field.node.at, message),
        });
    }
}

/// PM2 switches them on for all apps of Node, whatever `source_map_support` says, unless told not to.
fn source_maps(app: &mut AppFields<'_>) -> bool {
    let wanted = app.switch("source_map_support") != Some(false);
    app.switch("disable_source_map_support") != Some(true) && wanted
}

/// PM2's rule: cluster where it is asked for, and for Node where a number of instances is given.
fn mode(app: &mut AppFields<'_>, runtime: Runtime) -> Mode {
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
    // Processes that find their sockets open share them without a cluster.
    let has_sockets = app.get("listen").is_some();
    if wanted && has_sockets {
        let message = "cluster workers share their ports by themselves";
        let hint = "leave `listen` out, or write exec_mode: \"fork\"";
        app.findings.add(Finding::error(app.place("listen"), message).hint(hint));
    }
    match runtime {
        Runtime::Node if wanted || (app.get("instances").is_some() && !has_sockets) => {
            Mode::Cluster
        }
        Runtime::Deno if wanted => Mode::Cluster,
        Runtime::Bun if wanted => {
            let message = "Bun can't take sockets from its manager, so the instances run as separate processes";
            let hint = "let the app listen with reusePort, and they share its port";
            app.findings.add(Finding::warning(at, message).hint(hint));
            Mode::Fork
        }
        Runtime::Python | Runtime::Shell | Runtime::Other if wanted => {
            let message = "cluster mode is for Node; the instances run as separate processes";
            app.findings.add(Finding::warning(at, message).hint("write exec_mode: \"fork\""));
            Mode::Fork
        }
        Runtime::Node
        | Runtime::Bun
        | Runtime::Deno
        | Runtime::Python
        | Runtime::Shell
        | Runtime::Other => Mode::Fork,
    }
}
