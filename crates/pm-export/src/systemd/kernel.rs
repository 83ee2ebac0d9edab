//! What the kernel is told about a unit's processes.

use pm_spec::{IoPriority, Isolate, ResourceLimit};

use super::quote;
use crate::draft::AppDraft;
use crate::key::ExportKey;

/// Lines of `[Service]`.
pub(super) fn lines(draft: &mut AppDraft<'_>) -> Vec<String> {
    let app = draft.app;
    let kernel = &app.kernel;
    let mut lines = Vec::new();
    lines.extend(app.umask.map(|mask| format!("UMask={mask:04o}")));
    lines.extend(app.nice.map(|nice| format!("Nice={nice}")));
    match kernel.ioprio {
        Some(IoPriority::Realtime(level)) => lines.extend(turn("realtime", level)),
        Some(IoPriority::BestEffort(level)) => lines.extend(turn("best-effort", level)),
        Some(IoPriority::Idle) => lines.push("IOSchedulingClass=idle".into()),
        None => {}
    }
    for (kind, limit) in &kernel.rlimits {
        let name = kind.name().to_ascii_uppercase();
        match (limit.soft, limit.hard) {
            (Some(soft), Some(hard)) => {
                lines.push(format!("Limit{name}={}:{}", number(soft), number(hard)));
            }
            _ => draft.missing(
                ExportKey::Rlimits,
                format!("{}: systemd wants both a soft and a hard limit", kind.name()),
            ),
        }
    }
    lines.extend(kernel.oom_score_adj.map(|score| format!("OOMScoreAdjust={score}")));
    // The kernel's own limit is the harder one.
    let memory = kernel.mem_limit.or(app.limits.memory);
    lines.extend(memory.map(|bytes| format!("MemoryMax={}", bytes.get())));
    lines.extend(kernel.cpus.map(|cpus| {
        let part = cpus.thousandths();
        format!("CPUQuota={}.{}%", part / 10, part % 10)
    }));
    if !kernel.cpuset.is_empty() {
        lines.push(format!("CPUAffinity={}", kernel.cpuset));
    }
    lines.extend(kernel.pids_limit.map(|most| format!("TasksMax={most}")));
    let mut writable: Vec<_> =
        kernel.write_paths.iter().map(|path| quote::path(&path.display())).collect();
    if kernel.isolate != Isolate::None {
        lines.extend(["ProtectSystem=strict", "NoNewPrivileges=true"].map(str::to_owned));
        writable.insert(0, quote::path(&app.cwd.display()));
        writable.extend(["/tmp", "/var/tmp"].map(str::to_owned));
    }
    if kernel.isolate == Isolate::Strict {
        let more = [
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectControlGroups",
            "RestrictSUIDSGID",
        ];
        lines.extend(more.map(|name| format!("{name}=true")));
        lines.push("SystemCallFilter=@system-service".into());
    }
    if !writable.is_empty() {
        lines.push(format!("ReadWritePaths={}", writable.join(" ")));
    }
    if kernel.private_tmp {
        lines.push("PrivateTmp=true".into());
    }
    if !kernel.network {
        lines.push("RestrictAddressFamilies=AF_UNIX".into());
    }
    lines
}

fn turn(class: &str, level: u8) -> [String; 2] {
    [format!("IOSchedulingClass={class}"), format!("IOSchedulingPriority={level}")]
}

fn number(number: u64) -> String {
    if number == ResourceLimit::UNLIMITED { "infinity".into() } else { number.to_string() }
}
