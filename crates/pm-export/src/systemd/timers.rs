//! Timers for what the clock begins.

use super::calendar;
use super::words::{ABOUT, time};
use crate::draft::AppDraft;
use crate::files::TargetFiles;
use crate::key::ExportKey;

/// The timer of an app, and for a restart by the clock the service that restarts it.
pub(super) fn write(draft: &mut AppDraft<'_>, exported: &mut TargetFiles) {
    let Some(schedule) = &draft.app.schedule else { return };
    let key = if schedule.job { ExportKey::Schedule } else { ExportKey::CronRestart };
    let Some(times) = calendar::of(&schedule.pattern) else {
        let why = format!("`{}` has no words in systemd.time(7)", schedule.pattern);
        return draft.missing(key, why);
    };
    let zone = schedule.zone.as_ref().map(|zone| format!(" {zone}")).unwrap_or_default();
    let mut lines: Vec<_> = times.iter().map(|at| format!("OnCalendar={at}{zone}")).collect();
    lines.push("AccuracySec=1s".into());
    lines.push(format!("Persistent={}", schedule.catch_up));
    if schedule.random_delay.as_millis() > 0 {
        lines.push(format!("RandomizedDelaySec={}", time(schedule.random_delay)));
    }
    let several = draft.app.instances > 1;
    let name = &draft.name;
    let unit_name = match (schedule.job, several) {
        (true, false) => name.clone(),
        (true, true) => {
            lines.push(format!("Unit={name}.target"));
            name.clone()
        }
        (false, _) => {
            let unit =
                if several { format!("{name}@*.service") } else { format!("{name}.service") };
            let text = format!(
                "# {ABOUT}\n[Unit]\nDescription=Restart {name}\n\n[Service]\nType=oneshot\nExecStart=/bin/systemctl try-restart {unit}\n"
            );
            exported.file(format!("{name}-restart.service"), text);
            format!("{name}-restart")
        }
    };
    let text =
        format!("# {ABOUT}\n[Timer]\n{}\n\n[Install]\nWantedBy=timers.target\n", lines.join("\n"));
    exported.file(format!("{unit_name}.timer"), text);
}
