//! Python files of one project become proposals.

use std::collections::BTreeSet;

use crate::port_files;
use crate::proposal::{Doubt, Evidence, PortClaim, Proposal, Stack};
use crate::python_candidates::{AppCandidate, candidates, choose, module_of};
use crate::python_kinds::is_asgi;
use crate::python_look::PythonLook;
use crate::python_servers::{self, served};
use crate::python_source::PySource;
use crate::start_line::StartLine;
use crate::terrain::{joined, name_of, parent};

/// Scripts by their usual names, the likeliest first.
const SCRIPTS: [&str; 9] = [
    "main.py",
    "app.py",
    "bot.py",
    "run.py",
    "server.py",
    "start.py",
    "worker.py",
    "scheduler.py",
    "__main__.py",
];

/// Scripts that run beside a web app.
const COMPANIONS: [&str; 4] = ["bot.py", "worker.py", "scheduler.py", "consumer.py"];

impl PythonLook<'_> {
    /// All apps of the project.
    pub(crate) fn proposals(&self) -> Vec<Proposal> {
        let web = self.django().or_else(|| self.web());
        let mut all: Vec<Proposal> = web.into_iter().collect();
        all.extend(self.streamlit());
        if all.is_empty() {
            all.extend(self.gradio());
        }
        let celery = self.celery();
        if all.is_empty() && celery.is_empty() {
            all.extend(self.script());
        } else {
            let taken: BTreeSet<_> =
                all.iter().map(|one| joined(&one.cwd, &one.start.program)).collect();
            all.extend(self.companions(&taken));
        }
        for one in all.iter_mut().skip(1).filter(|one| one.role.is_none()) {
            one.role = Some(one.stack.name().to_lowercase().replace(' ', "-"));
        }
        all.extend(celery);
        self.lacking(&mut all);
        all
    }

    /// What nobody asks for, although it is needed.
    fn lacking(&self, all: &mut [Proposal]) {
        for one in all.iter_mut() {
            let package = python_servers::package(one.stack);
            if self.ground.is_silent() {
                one.extra.extend(package.map(String::from));
                one.extra.reverse();
            }
            let missing = one.extra.join(" and ");
            if !missing.is_empty() {
                let (are, go) =
                    if one.extra.len() > 1 { ("are", "they go") } else { ("is", "it goes") };
                let text = format!(
                    "{missing} {are} not among the requirements: {go} into the venv, and not into your files"
                );
                one.doubts.push(Doubt::question("server", text, Vec::new()));
            }
        }
        if self.ground.is_silent()
            && let Some(one) = all.first_mut()
        {
            let text = "no file says which packages it needs (requirements.txt, pyproject.toml)";
            one.doubts.push(Doubt::remark("requirements", text));
        }
    }

    fn django(&self) -> Option<Proposal> {
        let manage = joined(&self.parcel.folder, "manage.py");
        let manage = self.sources.iter().find(|source| source.path == manage)?;
        let (settings, line) = manage.settings.as_ref()?;
        let all = candidates(self, |stack| stack == Stack::Django);
        let wants_asgi = ["uvicorn", "daphne", "hypercorn", "granian", "channels"];
        let wants_asgi = wants_asgi.iter().any(|name| self.ground.packages.contains_key(*name))
            && !self.ground.packages.contains_key("gunicorn");
        let of = |name: &str| all.iter().find(|one| name_of(&one.source.path) == name);
        let (wsgi, asgi) = (of("wsgi.py"), of("asgi.py"));
        let chosen = if wants_asgi { asgi.or(wsgi) } else { wsgi.or(asgi) };
        let mut evidence = vec![Evidence::new(&manage.path, *line, settings.clone())];
        let mut one = if let Some(one) = chosen {
            let is_asgi = name_of(&one.source.path) == "asgi.py";
            evidence.push(one.evidence());
            self.serve(one, Stack::Django, is_asgi)
        } else {
            let line = StartLine::of("manage.py runserver --noreload 127.0.0.1:{port}");
            let mut one = Proposal::new(Stack::Django, line, &self.parcel.folder);
            let text =
                "there is neither wsgi.py nor asgi.py: only the server for development can run it";
            one.doubts.push(Doubt::remark("server", text));
            one
        };
        evidence.append(&mut one.evidence);
        one.evidence = evidence;
        one.port = Some(self.port(None, 8000));
        let is_setting = |source: &&PySource| module_of(self, &source.path).name == *settings;
        let debug = self.sources.iter().find(is_setting);
        if let Some((source, line)) = debug.and_then(|source| Some((source, source.debug?))) {
            let text = format!(
                "DEBUG = True in {}:{line}: errors show your code to everybody",
                source.path
            );
            one.doubts.push(Doubt::remark("debug", text));
        }
        let text = "`python manage.py migrate` and `collectstatic` are yours to run";
        one.doubts.push(Doubt::remark("migrate", text));
        Some(one)
    }

    fn web(&self) -> Option<Proposal> {
        let all = candidates(self, |stack| python_servers::usual_port(stack).is_some());
        let chosen = choose(all, self.choice)?;
        let stack = chosen.one.stack;
        let mut one = if matches!(stack, Stack::Aiohttp | Stack::Tornado) {
            self.own_server(&chosen.one)
        } else {
            self.serve(&chosen.one, stack, is_asgi(stack))
        };
        one.evidence.insert(0, chosen.one.evidence());
        if one.port.is_none() {
            let usual = python_servers::usual_port(stack).unwrap_or(8000);
            one.port = Some(self.port(Some(chosen.one.source), usual));
        }
        if !chosen.one.object.needs.is_empty() {
            let (name, needs) = (&chosen.one.object.name, chosen.one.object.needs.join(", "));
            let text = format!(
                "{name} wants {needs}, which no server gives: write a file with `app = {name}(...)`"
            );
            one.doubts.push(Doubt::blocker("objects", text));
        }
        if chosen.is_doubtful {
            let mut choices = vec![chosen.one.spec()];
            choices.extend(chosen.others.iter().cloned());
            let text = format!("{} could be the app: --app says which", choices.join(", "));
            one.doubts.push(Doubt::question("objects", text, choices));
        }
        one.others = chosen.others;
        Some(one)
    }

    /// An app object behind a server of its own.
    fn serve(&self, one: &AppCandidate<'_>, stack: Stack, is_asgi: bool) -> Proposal {
        let (line, extra) = served(self.ground, one, (stack, is_asgi));
        let place = module_of(self, &one.source.path);
        let line = match place.below(&self.parcel.folder) {
            Some(below) if place.is_source_folder => line.with("PYTHONPATH", below),
            Some(_) | None => line,
        };
        let cwd = if place.is_source_folder { &self.parcel.folder } else { &place.base };
        let mut proposal = Proposal::new(stack, line, cwd);
        proposal.extra = extra;
        let server = proposal.start.program.clone();
        proposal.evidence.extend(self.ground.packages.get(&server).cloned());
        proposal
    }

    /// A file that listens by itself.
    fn own_server(&self, one: &AppCandidate<'_>) -> Proposal {
        let runs = |source: &&PySource| source.is_script() && !source.ports.is_empty();
        let file = Some(one.source).filter(|source| source.is_script());
        let file = file.or_else(|| self.sources.iter().find(runs)).unwrap_or(one.source);
        let mut proposal = self.run(file, one.stack);
        let usual = python_servers::usual_port(one.stack).unwrap_or(8000);
        proposal.port = Some(self.own_port(file, usual));
        proposal
    }

    /// A file that is run.
    fn run(&self, source: &PySource, stack: Stack) -> Proposal {
        let inner = self.parcel.inner(&source.path);
        let line = match inner.strip_suffix("/__main__.py") {
            Some(package) => StartLine::of("python -m").and(package.replace('/', ".")),
            None => StartLine::of(inner),
        };
        let line = StartLine { program: line.program, ..line };
        let line = StartLine { port_by_variable: source.reads_port, ..line };
        let line = if inner.contains(' ') && !inner.ends_with("__main__.py") {
            StartLine { program: inner.into(), args: Vec::new(), ..line }
        } else {
            line
        };
        Proposal::new(stack, line, &self.parcel.folder)
    }

    /// A port that is in the code alone, unless that asks for PORT.
    fn own_port(&self, source: &PySource, usual: u16) -> PortClaim {
        let claim = self.port(Some(source), usual);
        PortClaim { is_fixed: !source.reads_port, ..claim }
    }

    fn port(&self, source: Option<&PySource>, usual: u16) -> PortClaim {
        let of_file = port_files::port(self.terrain, &self.parcel.folder);
        let written = || {
            let others = self.sources.iter().filter(|source| source.is_script());
            source.into_iter().chain(others).find_map(|source| {
                let port = source.ports.first()?;
                let evidence = Evidence::new(&source.path, port.line, port.words.clone());
                Some(PortClaim { number: port.number, evidence: Some(evidence), is_fixed: false })
            })
        };
        let usual = PortClaim { number: usual, evidence: None, is_fixed: false };
        of_file.or_else(written).unwrap_or(usual)
    }

    fn streamlit(&self) -> Option<Proposal> {
        let is_page = |path: &str| path.split('/').any(|part| part == "pages");
        let all = self.sources.iter().filter(|it| it.modules.contains("streamlit"));
        let all: Vec<_> = all.filter(|it| !is_page(&it.path)).collect();
        let source = self.likeliest(&all, &["streamlit_app.py", "app.py", "main.py", "Home.py"])?;
        let file = self.parcel.inner(&source.path);
        let line = StartLine::of("streamlit run").and(file);
        let options = "--server.address 127.0.0.1 --server.port {port} --server.headless true --browser.gatherUsageStats false";
        let line = options.split(' ').fold(line, StartLine::and);
        let mut one = Proposal::new(Stack::Streamlit, line, &self.parcel.folder);
        one.evidence.push(Evidence::new(&source.path, 0, "imports streamlit"));
        one.port = Some(self.port(None, 8501));
        one.extra.extend(
            (!self.ground.has("streamlit") && !self.ground.is_silent()).then(|| "streamlit".into()),
        );
        Some(one)
    }

    fn gradio(&self) -> Option<Proposal> {
        let all = candidates(self, |stack| stack == Stack::Gradio);
        let chosen = choose(all, self.choice)?;
        let source = chosen.one.source;
        let mut one = self.run(source, Stack::Gradio);
        one.start = one
            .start
            .with("GRADIO_SERVER_NAME", "127.0.0.1")
            .with("GRADIO_SERVER_PORT", "{port}")
            .with("GRADIO_ANALYTICS_ENABLED", "False");
        one.evidence.push(chosen.one.evidence());
        let port = self.port(Some(source), 7860);
        let is_fixed = port.evidence.as_ref().is_some_and(|it| it.file == source.path);
        one.port = Some(PortClaim { is_fixed, ..port });
        Some(one)
    }

    fn celery(&self) -> Vec<Proposal> {
        let all = candidates(self, |stack| stack == Stack::Celery);
        let Some(chosen) = choose(all, self.choice) else { return Vec::new() };
        let place = module_of(self, &chosen.one.source.path);
        let module = place.name.strip_suffix(".celery").unwrap_or(&place.name);
        let usual = ["app", "celery"].contains(&chosen.one.object.name.as_str());
        let spec = if usual { module.to_owned() } else { chosen.one.spec() };
        let made = |role: &str, timeout| {
            let line = StartLine::of("celery -A").and(spec.clone()).and(role);
            let line = line.and("--loglevel").and("INFO");
            let line = match place.below(&self.parcel.folder) {
                Some(below) if place.is_source_folder => line.with("PYTHONPATH", below),
                Some(_) | None => line,
            };
            let cwd = if place.is_source_folder { &self.parcel.folder } else { &place.base };
            let start = StartLine { kill_timeout: timeout, ..line };
            let mut one = Proposal::new(Stack::Celery, start, cwd);
            one.role = Some(role.into());
            one.evidence.push(chosen.one.evidence());
            one
        };
        // The longest task should end in this time; what is over it is lost.
        let mut all = vec![made("worker", Some("60s"))];
        let schedule = self.sources.iter().find_map(|source| {
            Some(Evidence::new(&source.path, source.schedule?, "beat_schedule"))
        });
        let schedule = schedule.or_else(|| self.ground.packages.get("django-celery-beat").cloned());
        if let Some(schedule) = schedule {
            let mut beat = made("beat", None);
            beat.start = beat.start.and("--pidfile=");
            beat.evidence.push(schedule);
            all.push(beat);
        }
        all
    }

    fn script(&self) -> Option<Proposal> {
        let not_apps = ["setup.py", "manage.py", "noxfile.py", "fabfile.py", "gunicorn.conf.py"];
        let is_app = |source: &&PySource| !not_apps.contains(&name_of(&source.path));
        // What lies deeper is part of something; what has no usual name is looked for at the top.
        let is_one = |source: &&PySource| {
            let inner = self.parcel.inner(&source.path);
            let depth = inner.trim_start_matches("src/").matches('/').count();
            let is_known = SCRIPTS.contains(&name_of(inner));
            (is_known && depth < 2) || (source.is_script() && depth == 0)
        };
        let all: Vec<_> = self.sources.iter().filter(is_app).filter(is_one).collect();
        if let Some(choice) = self.choice
            && let Some(source) =
                all.iter().find(|source| self.parcel.inner(&source.path) == choice)
        {
            return Some(self.as_script(source));
        }
        let source = self.likeliest(&all, &SCRIPTS)?;
        let mut one = self.as_script(source);
        let rank = |it: &PySource| SCRIPTS.iter().position(|name| *name == name_of(&it.path));
        let depth = |it: &PySource| it.path.matches('/').count();
        let alike = |it: &&&PySource| rank(it).is_none() && depth(it) == depth(source);
        if rank(source).is_none() {
            let choices: Vec<_> =
                all.iter().filter(alike).map(|it| self.parcel.inner(&it.path).to_owned()).collect();
            if choices.len() > 1 {
                let text =
                    format!("{} could be what is to run: --app says which", choices.join(", "));
                one.doubts.push(Doubt::question("objects", text, choices));
            }
        }
        let other = |it: &&&PySource| it.path != source.path;
        one.others =
            all.iter().filter(other).map(|it| self.parcel.inner(&it.path).into()).collect();
        Some(one)
    }

    fn as_script(&self, source: &PySource) -> Proposal {
        let mut one = self.run(source, Stack::Script);
        let words = if source.main.is_some() { "__main__" } else { "" };
        let line = source.main.or(source.runs).unwrap_or_default();
        one.evidence.push(Evidence::new(&source.path, line, words));
        if !source.ports.is_empty() || source.reads_port {
            one.port = Some(self.own_port(source, 8000));
        }
        one
    }

    /// Bots and workers of a project that has a web app as well.
    fn companions(&self, taken: &BTreeSet<String>) -> Vec<Proposal> {
        let is_one = |source: &&PySource| {
            COMPANIONS.contains(&name_of(&source.path))
                && source.is_script()
                && !taken.contains(&source.path)
        };
        let made = |source: &PySource| {
            let name = name_of(&source.path).trim_end_matches(".py").to_owned();
            Proposal { role: Some(name), ..self.as_script(source) }
        };
        self.sources.iter().filter(is_one).map(made).collect()
    }

    /// The one with the likeliest name, then the one that lies least deep.
    fn likeliest<'s>(&self, all: &[&'s PySource], names: &[&str]) -> Option<&'s PySource> {
        let rank = |source: &&&PySource| {
            let name = name_of(&source.path);
            let usual = names.iter().position(|usual| *usual == name).unwrap_or(names.len());
            (parent(self.parcel.inner(&source.path)).split('/').count(), usual, !source.is_script())
        };
        all.iter().min_by_key(rank).copied()
    }
}
