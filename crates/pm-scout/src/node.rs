//! Node projects: what `package.json` says is started.

use serde::Serialize;
use serde_json::Value;

use crate::parcel::Parcel;
use crate::port_files;
use crate::proposal::{Doubt, Evidence, PortClaim, Proposal, Stack};
use crate::start_line::StartLine;
use crate::terrain::{Terrain, joined};

/// What installs packages of Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "programs by their names")]
pub enum PackageManager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

/// What a Node project needs before it can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeProject {
    /// Which installs its packages.
    pub manager: PackageManager,
    /// Whether a lock file says which versions.
    pub is_locked: bool,
    /// Whether it needs packages and `node_modules` is not there.
    pub lacks_packages: bool,
}

/// Servers for development, which nobody should meet.
const DEVELOPMENT: [&str; 12] = [
    "react-scripts start",
    "vue-cli-service serve",
    "ng serve",
    "vite",
    "webpack serve",
    "webpack-dev-server",
    "parcel",
    "gatsby develop",
    "next dev",
    "nuxt dev",
    "nodemon",
    "astro dev",
];

/// The app of a project, if it has one.
pub(crate) fn proposal(
    terrain: &Terrain,
    parcel: &Parcel,
) -> Option<(NodeProject, Result<Proposal, Doubt>)> {
    let path = joined(&parcel.folder, "package.json");
    let text = parcel.files.contains(&path).then(|| terrain.read(&path))?;
    let has = |name: &str| terrain.has(&joined(&parcel.folder, name));
    let (manager, lock) = [
        (PackageManager::Pnpm, "pnpm-lock.yaml"),
        (PackageManager::Yarn, "yarn.lock"),
        (PackageManager::Bun, "bun.lock"),
        (PackageManager::Npm, "package-lock.json"),
    ]
    .into_iter()
    .find(|(_, lock)| has(lock))
    .unzip();
    let manager = manager.unwrap_or(PackageManager::Npm);
    let unreadable = |why: &str| {
        let node = NodeProject { manager, is_locked: lock.is_some(), lacks_packages: false };
        let doubt = Doubt::blocker("package.json", format!("{path} can't be read: {why}"));
        Some((node, Err(doubt)))
    };
    let text = match text {
        Ok(text) => text,
        Err(why) => return unreadable(why.words()),
    };
    let package: Value = match serde_json::from_str(&text) {
        Ok(package) => package,
        Err(error) => return unreadable(&error.to_string()),
    };
    let has_packages = package["dependencies"].as_object().is_some_and(|it| !it.is_empty());
    let is_there = terrain.path.join(&parcel.folder).join("node_modules").is_dir();
    let lacks_packages = has_packages && !is_there;
    let node = NodeProject { manager, is_locked: lock.is_some(), lacks_packages };
    let at = |key: &str| {
        let found = text.lines().position(|line| line.contains(&format!("\"{key}\"")));
        found.map_or(0, |line| line + 1)
    };
    let start = package["scripts"]["start"].as_str();
    let mut one = match (start, package["main"].as_str()) {
        (Some(start), _) if is_development(start) => {
            let text = format!(
                "{path}: `{start}` is a server for development; what it builds can be served as files"
            );
            return Some((node, Err(Doubt::remark("development", text))));
        }
        (Some(start), _) => {
            let line = started(start, manager, &has);
            let mut one = Proposal::new(Stack::Node, line, &parcel.folder);
            one.evidence.push(Evidence::new(&path, at("start"), format!("start: {start}")));
            one
        }
        (None, main) => {
            let file = main.filter(|main| has(main) && !main.starts_with('-')).or_else(|| {
                ["server.js", "index.js", "app.js", "index.mjs"].into_iter().find(|name| has(name))
            })?;
            // A package to be used by others is no app.
            if main.is_some() && !listens(terrain, &joined(&parcel.folder, file)) {
                return None;
            }
            let line = StartLine { program: file.into(), ..StartLine::default() };
            let mut one = Proposal::new(Stack::Node, line, &parcel.folder);
            let line = if main.is_some() { at("main") } else { 0 };
            one.evidence.push(Evidence::new(&path, line, format!("main: {file}")));
            one
        }
    };
    one.start.port_by_variable = true;
    if package["scripts"]["build"].is_string() {
        let text = format!("{path}: `npm run build` is yours to run, if it needs that");
        one.doubts.push(Doubt::remark("build", text));
    }
    one.port = Some(port(terrain, parcel, &one.start.program));
    Some((node, Ok(one)))
}

fn is_development(start: &str) -> bool {
    let is_it =
        |known: &&str| start.trim().ends_with(*known) || start.contains(&format!("{known} "));
    DEVELOPMENT.iter().any(is_it) && !start.contains("preview")
}

/// `node server.js --x` is run as such; what a shell has to understand is left to the package manager.
fn started(start: &str, manager: PackageManager, has: &dyn Fn(&str) -> bool) -> StartLine {
    let words: Vec<_> = start.split(' ').filter(|word| !word.is_empty()).collect();
    let is_plain = !start.contains(['&', '|', ';', '$', '"', '\'', '=', '>', '<', '`']);
    match words.as_slice() {
        ["node", file, args @ ..]
            if is_plain && !file.starts_with('-') && has(file.trim_start_matches("./")) =>
        {
            let program = file.trim_start_matches("./").to_owned();
            let args = args.iter().map(|it| (*it).to_owned()).collect();
            StartLine { program, args, ..StartLine::default() }
        }
        _ => StartLine::of(match manager {
            PackageManager::Npm => "npm start",
            PackageManager::Pnpm => "pnpm start",
            PackageManager::Yarn => "yarn start",
            PackageManager::Bun => "bun run start",
        }),
    }
}

fn listens(terrain: &Terrain, path: &str) -> bool {
    terrain.read(path).is_ok_and(|text| text.contains(".listen(") || text.contains("createServer"))
}

/// `.listen(3000` and `process.env.PORT || 3000` in the file that is started, else Node's usual one.
fn port(terrain: &Terrain, parcel: &Parcel, program: &str) -> PortClaim {
    let path = joined(&parcel.folder, program);
    let text = terrain.read(&path).unwrap_or_default();
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let number = |text: &str| {
        let text = text.trim_start_matches([' ', '|', '?', '(', ')', '\'', '"']);
        let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse::<u16>().ok().filter(|port| *port > 0)
    };
    let find = |mark: &str| {
        lines.clone().filter(|(_, line)| !line.starts_with("//")).find_map(|(at, line)| {
            let (_, rest) = line.split_once(mark)?;
            Some((number(rest)?, Evidence::new(&path, at, line)))
        })
    };
    let asks = text.contains("env.PORT");
    let of_code = find("env.PORT").or_else(|| find(".listen("));
    let of_code = of_code.map(|(number, evidence)| PortClaim {
        number,
        evidence: Some(evidence),
        is_fixed: !asks,
    });
    let usual = || PortClaim { number: 3000, evidence: None, is_fixed: false };
    port_files::port(terrain, &parcel.folder).or(of_code).unwrap_or_else(usual)
}
