//! Go programs.

use crate::parcel::Parcel;
use crate::port_files;
use crate::proposal::{Evidence, PortClaim, Proposal, Stack};
use crate::start_line::StartLine;
use crate::terrain::{Terrain, ends, joined, name_of, parent};

/// The programs of a Go module: each folder with `package main`.
pub(crate) fn proposals(terrain: &Terrain, parcel: &Parcel) -> Vec<Proposal> {
    let path = joined(&parcel.folder, "go.mod");
    let module = parcel.files.contains(&path).then(|| terrain.read(&path).ok()).flatten();
    let Some(module) = module else { return Vec::new() };
    let mut lines = module.lines().enumerate();
    let named = lines.find_map(|(at, line)| Some((at + 1, line.strip_prefix("module ")?.trim())));
    let Some((line, name)) = named else { return Vec::new() };
    let mut all: Vec<Proposal> = Vec::new();
    let mut folders: Vec<&str> = Vec::new();
    for file in parcel.files.iter().filter(|file| ends(file, "go")) {
        let folder = parent(file);
        if folders.contains(&folder) || file.ends_with("_test.go") {
            continue;
        }
        let Some(at) = main(&terrain.read(file).unwrap_or_default()) else { continue };
        folders.push(folder);
        let inner = parcel.inner(folder);
        let program = if inner.is_empty() { name_of(name) } else { name_of(inner) };
        let line_of = StartLine { program: format!("bin/{program}"), ..StartLine::default() };
        let mut one = Proposal::new(Stack::Go, line_of, &parcel.folder);
        one.start.port_by_variable = true;
        one.role = (!all.is_empty()).then(|| program.to_owned());
        one.evidence.push(Evidence::new(&path, line, format!("module {name}")));
        one.evidence.push(Evidence::new(file, at, "package main"));
        one.others = vec![if inner.is_empty() { ".".into() } else { format!("./{inner}") }];
        one.port =
            port_files::port(terrain, &parcel.folder).or_else(|| listens(terrain, parcel, folder));
        all.push(one);
    }
    all
}

fn main(text: &str) -> Option<usize> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let found = lines.find(|(_, line)| line.starts_with("package "))?;
    (found.1.split("//").next()?.trim() == "package main").then_some(found.0 + 1)
}

/// `":8080"` in the files of a folder.
fn listens(terrain: &Terrain, parcel: &Parcel, folder: &str) -> Option<PortClaim> {
    let files = parcel.files.iter().filter(|file| parent(file) == folder && ends(file, "go"));
    files.into_iter().find_map(|file| {
        let text = terrain.read(file).ok()?;
        let asks = text.contains("\"PORT\"");
        text.lines().enumerate().find_map(|(at, line)| {
            let code = line.split("//").next().unwrap_or_default();
            let (_, rest) = code.split_once("\":")?;
            let number: u16 = rest.split('"').next()?.parse().ok().filter(|port| *port > 0)?;
            let evidence = Some(Evidence::new(file, at + 1, line.trim()));
            Some(PortClaim { number, evidence, is_fixed: !asks })
        })
    })
}
