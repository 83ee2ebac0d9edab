//! What becomes of each setting of a unit; whatever is not here, nobody knows.

use super::calendar;
use super::hooks;
use super::values;
use crate::import_note::Fate::{self, Changed, Idle, Same, Unsupported};

const PEOPLE: &str = "it is for people to read";
const BOOT: &str = "`pm startup` and `pm save` bring apps back after a boot";
const ORDER: &str = "`depends_on`, among the units that are read together; what else it names is the machine's business";
const NO_UNITS: &str =
    "there are no units here; `depends_on` and hooks such as `on_gave_up` are what there is";
const NOT_ASKED: &str =
    "nothing is asked before a start; `pre_start` runs a command whose failure stops it";
const JOURNAL: &str = "the output goes to a file of `pm`: `pm logs`";
const RATE: &str = "`max_restarts` runs in a row shorter than `min_uptime`, and it is given up";
const ISOLATED: &str = "nothing of the kind is done; `isolate`, `private_tmp`, `network` and `write_paths` are what there is";
const CGROUP: &str = "`mem_limit`, `cpus` and `pids_limit` are what there is";
const FOLDERS: &str = "no folder is made; make it before, or by `pre_start`";
const MONOTONIC: &str = "only dates can be said: `schedule: \"*/15 * * * *\"`";
const STOPPED: &str = "`post_stop`: it has PM_EXIT_CODE, PM_SIGNAL and PM_WHY instead of SERVICE_RESULT and EXIT_STATUS";
const READY: &str =
    "`post_start`, whose failure fails no start; of a oneshot it is part of its work";
const NO_CREDENTIAL: &str = "only `NAME:/PATH/OF/A/FILE` is read, as `secrets`";
const RELOADED: &str = "`pm reload` makes a new run; only `kill` of the main process can be said here, as `reload_signal`";
const NONE_LEFT: &str = "none of its processes is left behind";

/// A setting with this value; `None`: systemd has no such setting.
pub(super) fn of(section: &str, key: &str, value: &str) -> Option<Fate> {
    if key.starts_with("X-") || value.is_empty() {
        return Some(Same);
    }
    match section {
        "Unit" => unit(key),
        "Install" => install(key),
        "Timer" => timer(key, value),
        "Service" => service(key, value)
            .or_else(|| endings(key, value))
            .or_else(|| kernel(key, value))
            .or_else(|| others(key)),
        _ => None,
    }
}

/// Whether sections of this name are systemd's; those of units that are not read here are not.
pub(super) fn is_section(section: &str) -> bool {
    matches!(section, "Unit" | "Install" | "Timer" | "Service") || section.starts_with("X-")
}

fn unit(key: &str) -> Option<Fate> {
    Some(match key {
        "Description" | "Documentation" | "SourcePath" => Idle(PEOPLE),
        "After" | "Before" | "Requires" | "Wants" | "BindsTo" | "Requisite" => Changed(ORDER),
        "StartLimitIntervalSec" | "StartLimitInterval" | "StartLimitBurst" => Changed(RATE),
        "DefaultDependencies"
        | "RequiresMountsFor"
        | "WantsMountsFor"
        | "IgnoreOnIsolate"
        | "RefuseManualStart"
        | "RefuseManualStop"
        | "AllowIsolate"
        | "StopWhenUnneeded"
        | "CollectMode"
        | "SurviveFinalKillSignal" => Idle(NO_UNITS),
        "PartOf"
        | "Conflicts"
        | "OnFailure"
        | "OnSuccess"
        | "OnFailureJobMode"
        | "Upholds"
        | "OnSuccessJobMode"
        | "PropagatesReloadTo"
        | "ReloadPropagatedFrom"
        | "JoinsNamespaceOf"
        | "PropagatesStopTo"
        | "StopPropagatedFrom"
        | "JobTimeoutSec"
        | "JobRunningTimeoutSec"
        | "JobTimeoutAction"
        | "JobTimeoutRebootArgument"
        | "StartLimitAction"
        | "FailureAction"
        | "SuccessAction"
        | "FailureActionExitStatus"
        | "SuccessActionExitStatus"
        | "RebootArgument" => Unsupported(NO_UNITS),
        _ if key.starts_with("Condition") || key.starts_with("Assert") => Unsupported(NOT_ASKED),
        _ => return None,
    })
}

fn install(key: &str) -> Option<Fate> {
    let known = ["WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also", "DefaultInstance"];
    known.contains(&key).then_some(Idle(BOOT))
}

fn timer(key: &str, value: &str) -> Option<Fate> {
    const PATTERN: &str =
        "no cron pattern says it; `schedule` takes one, with seconds first if there are six fields";
    Some(match key {
        "OnCalendar" if calendar::cron(value).is_some() => Changed("a cron pattern, `schedule`"),
        "OnCalendar" => Unsupported(PATTERN),
        "OnActiveSec" | "OnBootSec" | "OnStartupSec" | "OnUnitActiveSec" | "OnUnitInactiveSec" => {
            Unsupported(MONOTONIC)
        }
        "Persistent" | "RandomizedDelaySec" | "Unit" => Same,
        "AccuracySec" => Idle("times are exact"),
        "FixedRandomDelay"
        | "OnClockChange"
        | "OnTimezoneChange"
        | "WakeSystem"
        | "RandomizedOffsetSec"
        | "DeferReactivation" => Unsupported(MONOTONIC),
        "RemainAfterElapse" => Idle(NO_UNITS),
        _ => return None,
    })
}

fn service(key: &str, value: &str) -> Option<Fate> {
    Some(match key {
        "Type" => match value {
            "dbus" => Changed("it is up once it runs"),
            "forking" => Unsupported("what leaves its first process can't be watched"),
            _ => Same,
        },
        "ExecStart"
        | "ExecStartPre"
        | "WorkingDirectory"
        | "Environment"
        | "EnvironmentFile"
        | "User"
        | "Group"
        | "SupplementaryGroups"
        | "UMask"
        | "RestartSec"
        | "TimeoutStopSec"
        | "TimeoutStartSec"
        | "TimeoutSec"
        | "KillSignal"
        | "WatchdogSec"
        | "ReloadSignal" => Same,
        "Restart" => match value {
            "on-success" => Unsupported(
                "nothing is started again for ending well; `schedule` and `autorestart: true` are what there is",
            ),
            "on-abort" | "on-abnormal" | "on-watchdog" => {
                Changed("started again after the end by any signal that nobody here sent")
            }
            "on-failure" => {
                Changed("also after the end by a signal such as SIGTERM that nobody here sent")
            }
            _ => Same,
        },
        "StartLimitInterval" | "StartLimitBurst" | "StartLimitIntervalSec" => Changed(RATE),
        "SuccessExitStatus" | "RestartPreventExitStatus" if has_names(value) => {
            Unsupported("signals and names can't be said; the numbers in it are `stop_exit_codes`")
        }
        "SuccessExitStatus" | "RestartPreventExitStatus" => Changed("`stop_exit_codes`"),
        "RestartForceExitStatus" | "RestartMode" | "RestartSteps" | "RestartMaxDelaySec" => {
            Unsupported(
                "`exp_backoff_restart_delay` grows; `stop_exit_codes` says what is no failure",
            )
        }
        _ => return None,
    })
}

/// What is run beside the program, and how it ends.
fn endings(key: &str, value: &str) -> Option<Fate> {
    let is_kill = value.contains("kill ") && value.contains("MAINPID");
    Some(match key {
        "ExecStartPost" => Changed(READY),
        "ExecStopPost" => Changed(STOPPED),
        "ExecStop" if is_kill => Same,
        "ExecStop" => Changed("`pre_stop`: not after an end that nobody asked for"),
        "LoadCredential" if hooks::credential(value).is_some() => Same,
        "LoadCredential"
        | "LoadCredentialEncrypted"
        | "SetCredential"
        | "SetCredentialEncrypted"
        | "ImportCredential" => Unsupported(NO_CREDENTIAL),
        "ExecReload" if is_kill => Changed("`reload_signal`"),
        "ExecReload" => Unsupported(RELOADED),
        "ExecCondition" => Unsupported(NOT_ASKED),
        "KillMode" => match value {
            "control-group" => Changed("children are told once the main process has gone"),
            "mixed" => Same,
            _ => Unsupported(NONE_LEFT),
        },
        "SendSIGKILL" if values::boolean(value) == Some(false) => Unsupported(NONE_LEFT),
        "SendSIGKILL" | "NotifyAccess" | "RemainAfterExit" | "GuessMainPID" | "PIDFile"
        | "BusName" => Idle("nothing follows from it here"),
        "SendSIGHUP"
        | "FinalKillSignal"
        | "RestartKillSignal"
        | "WatchdogSignal"
        | "TimeoutAbortSec"
        | "TimeoutStartFailureMode"
        | "TimeoutStopFailureMode"
        | "FileDescriptorStoreMax"
        | "FileDescriptorStorePreserve"
        | "NonBlocking"
        | "Sockets"
        | "OpenFile"
        | "ExitType"
        | "USBFunctionDescriptors"
        | "USBFunctionStrings" => Unsupported(
            "`kill_signal` and then SIGKILL, and sockets by `listen`, are what there is",
        ),
        "RuntimeMaxSec" | "RuntimeRandomizedExtraSec" => {
            Unsupported("`time_limit` is for what is to end, `cron_restart` for what is to stay up")
        }
        _ => return None,
    })
}

/// Whether a list of codes has something else in it.
fn has_names(value: &str) -> bool {
    value.split_whitespace().any(|word| word.parse::<u8>().is_err())
}

fn kernel(key: &str, value: &str) -> Option<Fate> {
    Some(match key {
        "LimitLOCKS" => Unsupported("`pm` marks processes there"),
        "Nice" | "OOMScoreAdjust" | "IOSchedulingClass" | "IOSchedulingPriority" | "PrivateTmp" => {
            Same
        }
        _ if super::limits::limit(key).is_some() => Same,
        "MemoryMax" | "MemoryLimit" | "TasksMax" if value.contains('%') => {
            Unsupported("a part of the machine can't be said; write the size, or the number")
        }
        "CPUAffinity" if value == "numa" => Unsupported("write the numbers of the CPUs"),
        "MemoryMax" | "MemoryLimit" | "TasksMax" | "CPUQuota" | "CPUAffinity" => Same,
        "RestrictAddressFamilies" if value.trim() == super::limits::LOCAL => Same,
        "PrivateNetwork" => Changed("it makes local sockets only"),
        "StandardOutput" | "StandardError" => match value.split(':').next() {
            Some("file" | "append" | "truncate") => {
                Changed("it is written at its end, and rotated by size")
            }
            Some("null") => Same,
            _ => Changed(JOURNAL),
        },
        "StandardInput" if value == "null" => Same,
        "SyslogIdentifier"
        | "SyslogFacility"
        | "SyslogLevel"
        | "SyslogLevelPrefix"
        | "LogLevelMax"
        | "LogExtraFields"
        | "LogRateLimitIntervalSec"
        | "LogRateLimitBurst"
        | "LogFilterPatterns"
        | "LogNamespace" => Idle(JOURNAL),
        "PassEnvironment" => Idle("the variables of who starts it are there"),
        _ => return None,
    })
}

const ISOLATING: [&str; 17] = [
    "Protect",
    "Restrict",
    "Private",
    "Capabilit",
    "Ambient",
    "SystemCall",
    "ReadWrite",
    "ReadOnly",
    "Inaccessible",
    "Exec",
    "NoExec",
    "Bind",
    "Root",
    "Mount",
    "Temporary",
    "Secure",
    "Lock",
];
const WEIGHING: [&str; 16] = [
    "CPU",
    "Memory",
    "IO",
    "BlockIO",
    "Tasks",
    "IPAddress",
    "IPAccounting",
    "IPIngress",
    "IPEgress",
    "Device",
    "Allowed",
    "Startup",
    "Managed",
    "Slice",
    "Delegate",
    "SocketBind",
];
const REST: [&str; 31] = [
    "NoNewPrivileges",
    "DynamicUser",
    "RemoveIPC",
    "AppArmorProfile",
    "SELinuxContext",
    "SmackProcessLabel",
    "Personality",
    "KeyringMode",
    "NetworkNamespacePath",
    "IPCNamespacePath",
    "PAMName",
    "UtmpIdentifier",
    "UtmpMode",
    "TTYPath",
    "TTYReset",
    "TTYVHangup",
    "TTYVTDisallocate",
    "TTYColumns",
    "TTYRows",
    "NUMAPolicy",
    "NUMAMask",
    "CoredumpFilter",
    "TimerSlackNSec",
    "SetLoginEnvironment",
    "ExtensionImages",
    "ExtensionDirectories",
    "OOMPolicy",
    "Accounting",
    "IgnoreSIGPIPE",
    "StandardInput",
    "SetCPUAffinity",
];
const MADE: [&str; 5] = ["Runtime", "State", "Cache", "Logs", "Configuration"];

/// What is known and not done.
fn others(key: &str) -> Option<Fate> {
    let begins = |with: &[&str]| with.iter().any(|part| key.starts_with(part));
    Some(match key {
        _ if begins(&MADE) && key.contains("Directory") => Unsupported(FOLDERS),
        "StandardInputText" | "StandardInputData" | "StandardInput" => {
            Unsupported("standard input is empty")
        }
        "UnsetEnvironment" => Unsupported("`filter_env` drops variables that are inherited"),
        _ if begins(&WEIGHING) => Unsupported(CGROUP),
        _ if begins(&ISOLATING) && !key.starts_with("ExecS") && key != "Exec" => {
            Unsupported(ISOLATED)
        }
        _ if REST.contains(&key) => Unsupported(ISOLATED),
        _ => return None,
    })
}

/// What a slip of the finger may have meant.
pub(super) const OFTEN: [&str; 30] = [
    "Description",
    "After",
    "Before",
    "Requires",
    "Wants",
    "Type",
    "ExecStart",
    "ExecStartPre",
    "ExecStartPost",
    "ExecStop",
    "ExecReload",
    "Restart",
    "RestartSec",
    "User",
    "Group",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFile",
    "KillSignal",
    "KillMode",
    "TimeoutStopSec",
    "TimeoutStartSec",
    "LimitNOFILE",
    "UMask",
    "Nice",
    "MemoryMax",
    "CPUQuota",
    "TasksMax",
    "OnCalendar",
    "Persistent",
];
