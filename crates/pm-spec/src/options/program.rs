//! What is run, how many times, and as whom.

use super::Setting;
use super::flag::{
    FlagValue::{AnyWord, List, Path, Words},
    flag, on,
};
use super::row::{
    Jlist::{Always, Apart, Never},
    KeySpec, field, key, made, special, via, word,
};
use crate::{AppName, ByteString, Identifier, Sched, UserChoice};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("name", "what the app is called; default: the script's name up to its last dot", made!(["string"], name))
        .idle().told_apart().jlist(Apart)
        .flag(flag("--name", "NAME", "Name of the app").short('n').such_as("given")),
    key("namespace", "the group it belongs to, for `pm stop ns:NAME`", made!(["string"], namespace))
        .idle().told_apart().jlist(Apart)
        .flag(flag("--namespace", "NAMESPACE", "Group the app belongs to").such_as("group").over_file()),
    key("project", "the project it belongs to, for `pm down` and `pm list project:NAME`; default: `name` beside `apps`, else the name of the folder of the file",
        word!(project, "a name", |name| AppName::parse(name).ok().map(|name| Some(name.as_str().into())), |name: &Option<ByteString>| name.into()))
        .live(),
    key("profiles", "it is left out unless one of these is on, by `--profile` or PM_PROFILES, or `--only` names it",
        special!(["string", "array"], |_| Setting::Unset, |_, _| ()))
        .idle().nowhere(),
    key("script", "a file, a program of the venv or of PATH, or a line for the shell", made!(["string"], script))
        .aliases(&["exec", "cmd", "command"]).told_apart().jlist(Never),
    key("args", "its arguments: a list, or a string that is split at blanks outside quotes", made!(["string", "array", "number"], args))
        .told_apart(),
    key("cwd", "the folder it runs in; default: the folder of the file", made!(["string"], cwd))
        .told_apart().jlist(Never)
        .flag(flag("--cwd", "DIR", "Folder to run in").takes(Path).such_as("sub").over_file()),
    key("interpreter", "what runs the script, `none`: nothing; default: by its first line, then by its ending", made!(["string"], interpreter))
        .first("exec_interpreter").told_apart().jlist(Never)
        .flag(flag("--interpreter", "PROGRAM", "What runs the script; `none` executes it").such_as("bash")),
    key("interpreter_args", "arguments before the script", made!(["string", "array", "number"], interpreter_args))
        .first("node_args").told_apart().jlist(Always)
        .flag(flag("--interpreter-args", "ARGS", "Arguments for the interpreter").takes(AnyWord).aliases(&["node-args"]).such_as("-u")),
    key("instances", "so many processes; `max`: one for each CPU; -1: one less than CPUs", made!(["integer", "string"], instances))
        .live().told_apart().jlist(Always)
        .flag(flag("--instances", "N", "How many: a number, `max`, or -1 for one less than CPUs").takes(AnyWord).short('i').such_as("2")),
    key("exec_mode", "`cluster`: Node workers that share their port; the default for Node with `instances`",
        special!(["string"] of ["fork", "cluster", "fork_mode", "cluster_mode"],
            |app| Setting::text(Some(app.serving.mode.as_str())), |app, from| app.serving.mode = from.serving.mode))
        .told_apart().jlist(Apart),
    key("execute_command", "true: no cluster, whatever `exec_mode` and `instances` say", via!(["boolean"], serving.mode))
        .nowhere()
        .flag(on("--execute-command", "No cluster, also with several instances").short('x')),
    key("sched", "how cluster workers share a port: `rr` in turn, or `slot`: one listening socket each",
        word!(serving.sched, "\"rr\" or \"slot\"", ["rr" = Sched::RoundRobin, "slot" = Sched::Slot])),
    key("cluster_preload", "false: cluster workers are not made to finish their requests before they go", field!(Switch, serving.preload))
        .nowhere(),
    key("source_map_support", "Node shows errors in the terms of the source that was translated; this is the default", made!(["boolean"], serving.source_maps))
        .ousts(&["disable_source_map_support"]).told_apart().jlist(Apart)
        .flag(on("--source-map-support", "Show errors in the terms of the source that was translated (this is the default)").or("disable_source_map_support")),
    key("disable_source_map_support", "true: Node does not", via!(["boolean"], serving.source_maps))
        .ousts(&["source_map_support"]).told_apart().jlist(Apart)
        .flag(on("--disable-source-map-support", "Show errors as Node does by itself").or("source_map_support")),
    key("listen", "sockets it finds open at descriptor 3 and on (LISTEN_FDS): `tcp://HOST:PORT`, `unix://PATH`, with `?name=`, `?mode=`, `?backlog=`; all its processes share them, and a reload closes none",
        special!(["string", "array", "object"], |app| Setting::Words(app.listen.iter().map(Into::into).collect()),
            |app, from| app.listen.clone_from(&from.listen)))
        .flag(flag("--listen", "URL", "Socket the app finds open, such as `tcp://127.0.0.1:8000`").takes(Words).such_as("tcp://127.0.0.1:8099")),
    key("channel", "Node's channel in NODE_CHANNEL_FD; default: for Node, Bun and Deno, and with `wait_ready`", field!(Switch, serving.channel))
        .nowhere(),
];

#[rustfmt::skip]
pub(super) const USER_KEYS: &[KeySpec] = &[
    key("umask", "the permissions that files it makes do not get, octal: `022`; default: as the daemon's",
        word!(umask, "an octal mask such as \"022\"",
            |text| u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777).map(Some),
            |mask: &Option<u32>| Setting::text(mask.map(|mask| alloc::format!("{mask:03o}")))))
        .flag(flag("--umask", "MASK", "Permissions that files it makes do not get").such_as("027")),
    key("nice", "how readily it leaves the CPU to others: -20 (least) to 19; less than the daemon's needs root; default: as the daemon's",
        word!(nice, "a whole number from -20 to 19",
            |text: &str| text.parse().ok().filter(|nice| (-20..=19).contains(nice)).map(Some),
            |nice: &Option<i32>| nice.map_or(Setting::Unset, |nice| Setting::Integer(nice.into()))))
        .flag(flag("--nice", "N", "How readily it leaves the CPU to others: -20 to 19").takes(AnyWord).such_as("5")),
    key("uid", "the user it runs as, by name or number, if `pm` runs as root",
        special!(["string", "integer"], |app| identifier(app.user.as_ref(), |user| &user.uid), |app, from| app.user.clone_from(&from.user)))
        .aliases(&["user"]).beside(&["gid", "groups"]).told_apart()
        .flag(flag("--uid", "USER", "User to run as, number or name").such_as("0").shown_alias("user").over_file()),
    key("gid", "the group it runs as; default: the user's own",
        special!(["string", "integer"], |app| identifier(app.user.as_ref(), |user| &user.gid), |app, from| app.user.clone_from(&from.user)))
        .beside(&["uid", "groups"]).told_apart()
        .flag(flag("--gid", "GROUP", "Group to run as, number or name").such_as("0").over_file()),
    key("groups", "groups it is in besides those of its user, by name or number; those the daemon is not in need root",
        special!(["array", "string", "integer"], |app| groups(app.user.as_ref()), |app, from| app.user.clone_from(&from.user)))
        .aliases(&["group_add"]).beside(&["uid", "gid"])
        .flag(flag("--groups", "LIST", "Groups besides those of its user, such as docker,video").takes(List).such_as("0").aliases(&["group-add"])),
];

fn identifier(user: Option<&UserChoice>, part: fn(&UserChoice) -> &Option<Identifier>) -> Setting {
    match user.map(part) {
        Some(Some(Identifier::Number(number))) => Setting::Count((*number).into()),
        Some(Some(Identifier::Name(name))) => Setting::Text(name.clone()),
        Some(None) | None => Setting::Unset,
    }
}

fn groups(user: Option<&UserChoice>) -> Setting {
    let word = |group: &Identifier| match group {
        Identifier::Number(number) => alloc::format!("{number}").into(),
        Identifier::Name(name) => name.clone(),
    };
    Setting::Words(user.iter().flat_map(|user| user.groups.iter().map(word)).collect())
}
