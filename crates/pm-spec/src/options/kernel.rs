//! What the kernel is told about its processes.

use alloc::format;

use super::Setting;
use super::flag::{
    FlagValue::{AnyWord, Words},
    flag, off,
};
use super::row::{KeySpec, field, key, made, special, word};
use crate::{ByteString, CpuSet, IoPriority, Isolate, KernelRules};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("rlimits", "what each process may use: `{ nofile: 4096, core: 0, as: { soft: \"1G\", hard: \"2G\" } }`; names of `prlimit`; what is not set is as the daemon's",
        special!(["object", "array", "string"], |app| rlimits(&app.kernel), |app, from| app.kernel.rlimits.clone_from(&from.kernel.rlimits)))
        .aliases(&["ulimits"])
        .flag(flag("--rlimit", "NAME=SOFT[:HARD]", "What each process may use, such as nofile=4096").takes(Words).aliases(&["ulimit"]).such_as("nofile=4096")),
    key("ioprio", "its turn at disks: `best-effort:0` (first) to `best-effort:7`, `idle`, or `realtime:0` to `realtime:7` (root); default: as the daemon's",
        word!(kernel.ioprio, "\"idle\", or \"best-effort\" or \"realtime\" with a number from 0 to 7, such as \"best-effort:7\"",
            |text: &str| IoPriority::parse(text).map(Some),
            |turn: &Option<IoPriority>| Setting::text(turn.map(|turn| format!("{turn}")))))
        .flag(flag("--ioprio", "CLASS[:N]", "Its turn at disks: idle, best-effort:7").such_as("idle")),
    key("oom_score_adj", "how early it is killed when memory is short: -1000 (never) to 1000; less than the daemon's needs root; default: as the daemon's",
        word!(kernel.oom_score_adj, "a whole number from -1000 to 1000",
            |text: &str| text.parse().ok().filter(|score| (-1000..=1000).contains(score)).map(Some),
            |score: &Option<i16>| score.map_or(Setting::Unset, |score| Setting::Integer(score.into()))))
        .flag(flag("--oom-score-adj", "N", "How early it is killed when memory is short: -1000 to 1000").takes(AnyWord).such_as("500")),
    key("mem_limit", "memory of all its processes together, files they write in memory included; the kernel kills who takes more", field!(Size, kernel.mem_limit))
        .aliases(&["memory_max"])
        .flag(flag("--mem-limit", "SIZE", "Memory of all its processes together; the kernel kills who takes more").such_as("512M")),
    key("cpus", "CPU time of all its processes together: 0.5 is half a CPU, 2 are two",
        special!(["number", "string"], |app| Setting::text(app.kernel.cpus.map(|cpus| format!("{cpus}"))), |app, from| app.kernel.cpus = from.kernel.cpus))
        .aliases(&["cpu_quota"])
        .flag(flag("--cpus", "N", "CPU time of all its processes together: 0.5 is half a CPU").such_as("0.5")),
    key("cpuset", "on which CPUs its processes run, by number: `0-2,4`; default: as the daemon's",
        word!(kernel.cpuset, "CPUs by number such as \"0-2,4\"", CpuSet::parse,
            |cpus: &CpuSet| Setting::text((!cpus.is_empty()).then(|| format!("{cpus}")))))
        .flag(flag("--cpuset", "LIST", "On which CPUs its processes run, such as 0-2,4").such_as("0")),
    key("pids_limit", "how many processes and threads it may have",
        word!(kernel.pids_limit, "a whole number, 1 or more",
            |text: &str| text.parse().ok().filter(|most| *most > 0).map(Some),
            |most: &Option<u32>| most.map_or(Setting::Unset, |most| Setting::Count(most.into()))))
        .aliases(&["tasks_max"])
        .flag(flag("--pids-limit", "N", "How many processes and threads it may have").such_as("100")),
    key("isolate", "`basic`: it changes no file outside its folder, /tmp and `write_paths`, and gets no other user's rights; `strict`: and it does nothing to the machine or to others",
        word!(kernel.isolate, "\"none\", \"basic\" or \"strict\"",
            ["none" = Isolate::None, "basic" = Isolate::Basic, "strict" = Isolate::Strict]))
        .flag(flag("--isolate", "LEVEL", "Keep it from the rest of the machine: basic or strict").such_as("basic")),
    key("write_paths", "what an isolated app may change besides: files and folders, which must be there",
        made!(["array", "string"], kernel.write_paths)),
    key("private_tmp", "true: /tmp and /var/tmp are its own, empty at each start and in memory", field!(Switch, kernel.private_tmp)),
    key("network", "false: it makes local sockets only", field!(Switch, kernel.network))
        .flag(off("--no-network", "It makes local sockets only")),
];

fn rlimits(rules: &KernelRules) -> Setting {
    let word = |(kind, limit): (&crate::ResourceKind, _)| -> ByteString {
        format!("{}={limit}", kind.name()).into()
    };
    Setting::Words(rules.rlimits.iter().map(word).collect())
}
