//! What is run, how many times, and as whom.

use super::Setting;
use super::flag::{Flag, FlagValue};
use super::row::{Jlist, KeySpec, field, special, word};
use crate::{AppSpec, Identifier, Sched, UserChoice};

pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new(
        "name",
        "what the app is called; default: the script's name up to its last dot",
        special!(["string"], |app| Setting::Text(app.name.as_str().into()), |app, from| {
            app.name = from.name.clone();
        }),
    )
    .idle()
    .told_apart()
    .jlist(Jlist::Apart)
    .flag(Flag::word("--name", "NAME", "Name of the app").such_as("given").short('n')),
    KeySpec::new(
        "namespace",
        "the group it belongs to, for `pm stop ns:NAME`",
        special!(["string"], |app| Setting::Text(app.namespace.as_str().into()), |app, from| {
            app.namespace = from.namespace.clone();
        }),
    )
    .idle()
    .told_apart()
    .jlist(Jlist::Apart)
    .flag(
        Flag::word("--namespace", "NAMESPACE", "Group the app belongs to")
            .such_as("group")
            .over_file(),
    ),
    KeySpec::new(
        "script",
        "a file, a program of the venv or of PATH, or a line for the shell",
        special!(["string"], |app| Setting::Text(app.script.clone()), |app, from| {
            app.script = from.script.clone();
        }),
    )
    .aliases(&["exec", "cmd", "command"])
    .told_apart()
    .jlist(Jlist::Never),
    KeySpec::new(
        "args",
        "its arguments: a list, or a string that is split at blanks outside quotes",
        special!(
            ["string", "array", "number"],
            |app| Setting::Words(app.args.clone()),
            |app, from| {
                app.args.clone_from(&from.args);
            }
        ),
    )
    .told_apart(),
    KeySpec::new(
        "cwd",
        "the folder it runs in; default: the folder of the file",
        special!(["string"], |app| Setting::Text(app.cwd.clone()), |app, from| {
            app.cwd = from.cwd.clone();
        }),
    )
    .told_apart()
    .jlist(Jlist::Never)
    .flag(
        Flag::word("--cwd", "DIR", "Folder to run in")
            .such_as("sub")
            .takes(FlagValue::Path)
            .over_file(),
    ),
    KeySpec::new(
        "interpreter",
        "what runs the script, `none`: nothing; default: by its first line, then by its ending",
        special!(["string"], |app| Setting::text(app.interpreter.clone()), |app, from| {
            app.interpreter.clone_from(&from.interpreter);
        }),
    )
    .first("exec_interpreter")
    .told_apart()
    .jlist(Jlist::Never)
    .flag(
        Flag::word("--interpreter", "PROGRAM", "What runs the script; `none` executes it")
            .such_as("bash"),
    ),
    KeySpec::new(
        "interpreter_args",
        "arguments before the script",
        special!(
            ["string", "array", "number"],
            |app| Setting::Words(app.interpreter_args.clone()),
            |app, from| app.interpreter_args.clone_from(&from.interpreter_args)
        ),
    )
    .first("node_args")
    .told_apart()
    .jlist(Jlist::Always)
    .flag(
        Flag::word("--interpreter-args", "ARGS", "Arguments for the interpreter")
            .such_as("-u")
            .takes(FlagValue::AnyWord)
            .aliases(&["node-args"]),
    ),
    KeySpec::new(
        "instances",
        "so many processes; `max`: one for each CPU; -1: one less than CPUs",
        special!(["integer", "string"], |app| Setting::Count(app.instances.into()), |app, from| {
            app.instances = from.instances;
        }),
    )
    .live()
    .told_apart()
    .jlist(Jlist::Always)
    .flag(
        Flag::word("--instances", "N", "How many: a number, `max`, or -1 for one less than CPUs")
            .such_as("2")
            .takes(FlagValue::AnyWord)
            .short('i'),
    ),
    KeySpec::new(
        "exec_mode",
        "`cluster`: Node workers that share their port; the default for Node with `instances`",
        special!(
            ["string"] of ["fork", "cluster", "fork_mode", "cluster_mode"],
            |app| Setting::text(Some(app.serving.mode.as_str())),
            |app, from| app.serving.mode = from.serving.mode
        ),
    )
    .told_apart()
    .jlist(Jlist::Apart),
    KeySpec::new(
        "execute_command",
        "true: no cluster, whatever `exec_mode` and `instances` say",
        special!(["boolean"], |_| Setting::Unset, |app, from| app.serving.mode = from.serving.mode),
    )
    .nowhere()
    .flag(Flag::on("--execute-command", "No cluster, also with several instances").short('x')),
    KeySpec::new(
        "sched",
        "how cluster workers share a port: `rr` in turn, or `slot`: one listening socket each",
        word!(
            serving.sched,
            "\"rr\" or \"slot\"",
            ["rr", "slot"],
            |text| match text {
                "rr" => Some(Sched::RoundRobin),
                "slot" => Some(Sched::Slot),
                _ => None,
            },
            |sched: &Sched| Setting::text(Some(match sched {
                Sched::RoundRobin => "rr",
                Sched::Slot => "slot",
            }))
        ),
    ),
    KeySpec::new(
        "cluster_preload",
        "false: cluster workers are not made to finish their requests before they go",
        field!(Switch, serving.preload),
    )
    .jlist(Jlist::Never)
    .told_apart(),
    KeySpec::new(
        "source_map_support",
        "Node shows errors in the terms of the source that was translated; this is the default",
        special!(["boolean"], |app| Setting::Switch(app.serving.source_maps), |app, from| {
            app.serving.source_maps = from.serving.source_maps;
        }),
    )
    .told_apart()
    .jlist(Jlist::Apart)
    .ousts(&["disable_source_map_support"])
    .flag(
        Flag::on(
            "--source-map-support",
            "Show errors in the terms of the source that was translated (this is the default)",
        )
        .or("disable_source_map_support"),
    ),
    KeySpec::new(
        "disable_source_map_support",
        "true: Node does not",
        special!(["boolean"], |_| Setting::Unset, |app, from| {
            app.serving.source_maps = from.serving.source_maps;
        }),
    )
    .told_apart()
    .jlist(Jlist::Apart)
    .ousts(&["source_map_support"])
    .flag(Flag::on("--disable-source-map-support", "Do not").or("source_map_support")),
    KeySpec::new(
        "channel",
        "Node's channel in NODE_CHANNEL_FD; default: for Node, Bun and Deno, and with `wait_ready`",
        field!(Switch, serving.channel),
    )
    .jlist(Jlist::Never)
    .told_apart(),
];

pub(super) const USER_KEYS: &[KeySpec] = &[
    KeySpec::new(
        "umask",
        "the permissions that files it makes do not get, octal: `022`; default: as the daemon's",
        word!(
            umask,
            "an octal mask such as \"022\"",
            [],
            |text| u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777).map(Some),
            |mask: &Option<u32>| Setting::text(mask.map(|mask| alloc::format!("{mask:03o}")))
        ),
    )
    .flag(
        Flag::word("--umask", "MASK", "Permissions that files it makes do not get").such_as("027"),
    ),
    KeySpec::new(
        "uid",
        "the user it runs as, by name or number, if `pm` runs as root",
        special!(["string", "integer"], |app| identifier(app, |user| &user.uid), |app, from| {
            app.user.clone_from(&from.user);
        }),
    )
    .aliases(&["user"])
    .beside(&["gid"])
    .told_apart()
    .flag(
        Flag::word("--uid", "USER", "User to run as, number or name")
            .such_as("0")
            .shown_alias("user")
            .over_file(),
    ),
    KeySpec::new(
        "gid",
        "the group it runs as; default: the user's own",
        special!(["string", "integer"], |app| identifier(app, |user| &user.gid), |app, from| {
            app.user.clone_from(&from.user);
        }),
    )
    .beside(&["uid"])
    .told_apart()
    .flag(Flag::word("--gid", "GROUP", "Group to run as, number or name").such_as("0").over_file()),
];

fn identifier(app: &AppSpec, part: fn(&UserChoice) -> &Option<Identifier>) -> Setting {
    match app.user.as_ref().map(part) {
        Some(Some(Identifier::Number(number))) => Setting::Count((*number).into()),
        Some(Some(Identifier::Name(name))) => Setting::Text(name.clone()),
        Some(None) | None => Setting::Unset,
    }
}
