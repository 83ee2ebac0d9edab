//! The commands that make a project ready: venv, packages, builds.

use std::path::{Path, PathBuf};

use pm_scout::{
    NodeProject, PackageManager, PythonProject, RequirementFile, RequirementForm, ScoutedProject,
    Stack,
};

use super::pythons::{self, program};
use crate::render::added::SetupStep;

/// Lies in a venv as long as it is not finished: whoever finds it makes the venv anew.
pub(super) const UNFINISHED: &str = "made-by-pm-and-not-finished";

/// The steps of a project, and what stands in their way.
#[derive(Debug, Default)]
pub(super) struct Setup {
    pub(super) steps: Vec<SetupStep>,
    pub(super) blockers: Vec<String>,
    pub(super) remarks: Vec<String>,
}

impl Setup {
    fn step(&mut self, folder: &Path, argv: &[&str]) -> &mut SetupStep {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        self.steps.push(SetupStep { argv, folder: folder.into(), makes: None });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// What makes this project ready.
    pub(super) fn of(root: &Path, project: &ScoutedProject, python: Option<&str>) -> Self {
        let mut setup = Self::default();
        // Without a slash at its end.
        let folder: PathBuf = root.join(&project.folder).components().collect();
        if let Some(needs) = &project.python {
            let mut extra: Vec<&str> = Vec::new();
            for name in project.proposals.iter().flat_map(|one| &one.extra) {
                if !extra.contains(&name.as_str()) {
                    extra.push(name);
                }
            }
            setup.python((root, &folder), needs, (&extra, python));
        }
        if let Some(node) = project.node.as_ref().filter(|node| node.lacks_packages) {
            setup.node(&folder, node);
        }
        for one in project.proposals.iter().filter(|one| one.stack == Stack::Go) {
            if program("go").is_none() {
                setup.blockers.push("`go` is not in PATH: install it".into());
            }
            let package = one.others.first().map_or(".", String::as_str);
            setup.step(&folder, &["go", "build", "-o", &one.start.program, package]);
        }
        setup
    }

    fn python(
        &mut self,
        (root, folder): (&Path, &Path),
        needs: &PythonProject,
        (extra, asked): (&[&str], Option<&str>),
    ) {
        let is_needed = needs.requirements.is_some() || needs.wish.is_some() || !extra.is_empty();
        if needs.venv.is_none() && asked.is_none() && !is_needed {
            self.remarks.push("it needs no packages that are known: it runs without a venv".into());
            return;
        }
        let uv = program("uv").is_some();
        let there = needs.venv.as_ref().map(|venv| root.join(&venv.path));
        let broken = there.clone().filter(|venv| venv.join(UNFINISHED).exists());
        let kept = there.filter(|_| broken.is_none());
        let venv = kept.clone().or(broken).unwrap_or_else(|| folder.join(".venv"));
        let shown = venv.strip_prefix(folder).unwrap_or(&venv).display().to_string();
        if kept.is_some() {
            if asked.is_some() {
                self.blockers.push(format!("{shown} is there: --python would need another venv"));
            }
            self.remarks.push(format!("{shown} is taken as it is"));
        } else {
            let python = match pythons::choose(asked, needs.wish.as_ref(), uv) {
                Ok(python) => python,
                Err(why) => return self.blockers.push(why),
            };
            let argv: &[&str] = if uv {
                &["uv", "venv", "--python", &python, &shown]
            } else {
                &[&python, "-m", "venv", &shown]
            };
            self.step(folder, argv).makes = Some(venv);
        }
        let in_venv = format!("{shown}/bin/python");
        let pip: Vec<&str> = if uv {
            vec!["uv", "pip", "install", "--python", &in_venv]
        } else {
            vec![&in_venv, "-m", "pip", "install", "--no-input"]
        };
        if let Some(file) = needs.requirements.as_ref().filter(|_| kept.is_none()) {
            self.install(root, folder, (file, &pip, uv));
        }
        if !extra.is_empty() {
            self.step(folder, &[&pip, extra].concat());
        }
    }

    fn install(
        &mut self,
        root: &Path,
        folder: &Path,
        (file, pip, uv): (&RequirementFile, &[&str], bool),
    ) {
        let path = root.join(&file.path);
        let path = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let wanted: Vec<&str> = file.wanted.iter().map(String::as_str).collect();
        match file.form {
            RequirementForm::UvLock if uv => {
                self.step(folder, &["uv", "sync", "--frozen"]);
            }
            RequirementForm::Requirements => {
                self.step(folder, &[pip, &["-r", &path]].concat());
            }
            RequirementForm::SetupPy => {
                self.step(folder, &[pip, &["."]].concat());
            }
            RequirementForm::Conda => {}
            RequirementForm::UvLock
            | RequirementForm::Project
            | RequirementForm::Poetry
            | RequirementForm::Pipfile
            | RequirementForm::SetupCfg => {
                if file.form == RequirementForm::UvLock {
                    self.remarks.push(format!(
                        "{path} needs uv, which is not here: versions are chosen anew"
                    ));
                }
                if !wanted.is_empty() {
                    self.step(folder, &[pip, &wanted].concat());
                }
            }
        }
    }

    fn node(&mut self, folder: &Path, node: &NodeProject) {
        let argv: &[&str] = match (node.manager, node.is_locked) {
            (PackageManager::Npm, true) => &["npm", "ci"],
            (PackageManager::Npm, false) => &["npm", "install"],
            (PackageManager::Pnpm, _) => &["pnpm", "install", "--frozen-lockfile"],
            (PackageManager::Yarn, _) => &["yarn", "install", "--frozen-lockfile"],
            (PackageManager::Bun, _) => &["bun", "install"],
        };
        if program(argv[0]).is_none() {
            self.blockers.push(format!("`{}` is not in PATH: install it", argv[0]));
        }
        self.step(folder, argv).makes = Some(folder.join("node_modules"));
    }
}
