//! Procfile: the lines its author wrote say what is run.

use crate::parcel::Parcel;
use crate::port_files;
use crate::proposal::{Doubt, Evidence, PortClaim, Proposal, Stack};
use crate::start_line::StartLine;
use crate::terrain::{Terrain, joined};

/// The processes of a Procfile, `web` without a role. The program is a line for the shell.
pub(crate) fn proposals(terrain: &Terrain, parcel: &Parcel) -> Vec<Proposal> {
    let path = joined(&parcel.folder, "Procfile");
    let text = parcel.files.contains(&path).then(|| terrain.read(&path).ok()).flatten();
    let Some(text) = text else { return Vec::new() };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let lines = lines.filter_map(|(at, line)| Some((at + 1, line.split_once(':')?)));
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || "-_".contains(it))
    };
    let lines: Vec<_> = lines.filter(|(_, (name, _))| is_name(name.trim())).collect();
    let release = lines.iter().find(|(_, (name, _))| name.trim() == "release");
    let mut all: Vec<_> = lines
        .iter()
        .filter(|(_, (name, _))| name.trim() != "release")
        .map(|(at, (name, command))| {
            let (name, command) = (name.trim(), command.trim());
            let line = StartLine { program: command.into(), ..StartLine::default() };
            let mut one = Proposal::new(Stack::Procfile, line, &parcel.folder);
            one.evidence.push(Evidence::new(&path, *at, format!("{name}: {command}")));
            let is_web = name == "web";
            if is_web || command.contains("$PORT") || command.contains("${PORT") {
                one.start.port_by_variable = true;
                let usual = || PortClaim { number: 5000, evidence: None, is_fixed: false };
                let written = port_files::port(terrain, &parcel.folder);
                one.port = Some(written.unwrap_or_else(usual));
            }
            one.role = (!is_web).then(|| name.to_owned());
            one
        })
        .collect();
    if let (Some(one), Some((_, (_, command)))) = (all.first_mut(), release) {
        let text = format!("release: `{}` is yours to run", command.trim());
        one.doubts.push(Doubt::remark("release", text));
    }
    all
}
