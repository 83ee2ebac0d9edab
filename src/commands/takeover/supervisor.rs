//! A live supervisord: found by its file as `supervisorctl` finds it, spoken to over its socket.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_client::{Deadline, pause};
use pm_config::{
    Caller, Fate, Import, SupervisorProgram, SupervisorSocket, import, supervisor_programs,
};
use pm_protocol::Existing;
use pm_spec::{AppSpec, Span};
use pm_xmlrpc::{RpcCall, RpcCallError, RpcFault, RpcLogin, RpcPlace, RpcSocket, RpcValue, ask};

use super::former::{self, AGAIN, Candidate, Former, LOOK_THERE, ThereProcess, patience};
use super::moving::lasting;
use crate::cli::FormerKind;
use crate::commands::support::settings;
use crate::commands::support::targets::unusable;
use crate::failure::chain;
use crate::prelude::{Failure, Session};
use crate::supervisord;

/// It is started already (Supervisor's faults).
const ALREADY_STARTED: i32 = 60;
/// It is down already.
const NOT_RUNNING: i32 = 70;

/// A supervisord that answers.
pub(super) struct LiveSupervisor {
    file: PathBuf,
    place: RpcPlace,
    pid: u32,
}

/// A process as supervisord tells of it.
struct ToldProcess {
    group: String,
    name: String,
    state: String,
}

impl LiveSupervisor {
    /// The one that runs this file, or the one that lies where Supervisor looks for it.
    pub(super) fn find(session: &Session, file: Option<&Path>) -> Result<Self, Failure> {
        let caller = session.caller()?;
        let named = file.map(Path::to_owned).or_else(|| supervisord::place().map(PathBuf::from));
        let file = named.ok_or_else(|| {
            Failure::input("could not find supervisord.conf where Supervisor looks for it")
                .hint("name it: `pm takeover supervisor -c FILE`")
        })?;
        let file = pm_config::absolute(&file, &caller.cwd);
        let file = if file.is_dir() { file.join("supervisord.conf") } else { file };
        let file = lasting(&file);
        let read = supervisor_programs(&file, &caller);
        let (_, servers) = read.map_err(|diagnosis| unusable(&diagnosis))?;
        let shown = file.display();
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let given = variable("SUPERVISOR_USERNAME").zip(variable("SUPERVISOR_PASSWORD"));
        let server = servers.servers.into_iter().next().ok_or_else(|| {
            Failure::input(format!("could not call supervisord: {shown} has no [unix_http_server] and no [inet_http_server]"))
                .hint("add one and start supervisord anew, or end it and `pm start` the file")
        })?;
        let login = given.or(server.login).map(|(name, password)| RpcLogin::new(name, password));
        let socket = match server.socket {
            SupervisorSocket::Unix { path, .. } => RpcSocket::Unix(path),
            SupervisorSocket::Inet(host, port) => RpcSocket::Tcp(host, port),
        };
        let place = RpcPlace { socket, mode: 0, login };
        let mut found = Self { file, place, pid: 0 };
        let RpcValue::Int(pid) = found.look("supervisor.getPID")? else {
            return Err(found.strange("getPID"));
        };
        found.pid = u32::try_from(pid).unwrap_or(0);
        Ok(found)
    }

    fn call(
        &self,
        method: &str,
        params: Vec<RpcValue>,
        patience: Duration,
    ) -> Result<Result<RpcValue, RpcFault>, Failure> {
        let call = RpcCall { method: method.into(), params };
        ask(&self.place, &call, patience).map_err(|error| self.explained(&error))
    }

    fn look(&self, method: &str) -> Result<RpcValue, Failure> {
        self.call(method, Vec::new(), LOOK_THERE)?.map_err(|fault| {
            Failure::failed(format!(
                "could not ask supervisord at {}: {}",
                self.place.socket, fault.text
            ))
        })
    }

    fn strange(&self, method: &str) -> Failure {
        let message =
            format!("could not understand what {} answers to {method}", self.place.socket);
        Failure::failed(message).hint("is it a supervisord?")
    }

    fn explained(&self, error: &RpcCallError) -> Failure {
        let file = self.file.display();
        let failure = Failure::failed(format!(
            "could not take over from supervisord at {}: could not {}",
            self.place.socket,
            chain(error)
        ));
        match error {
            RpcCallError::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied => failure
                .hint("become the user whose socket it is (`sudo pm takeover ...`), or see `chmod` and `chown` in [unix_http_server]"),
            RpcCallError::Connect(_) => failure.hint(format!(
                "does supervisord run with {file}? Programs that outlived it belong to nobody, and nobody can take them over \
                 without a restart: end them, then `pm start {file}`"
            )),
            RpcCallError::Denied => failure
                .hint("set SUPERVISOR_USERNAME and SUPERVISOR_PASSWORD; of a {SHA} password its file has no more than a digest"),
            RpcCallError::Late(_) => failure
                .hint("it hangs; if its programs have to move anyway: end it, then `pm start` its file"),
            RpcCallError::Io(_) | RpcCallError::Strange(_) => failure,
        }
    }

    fn all(&self) -> Result<Vec<ToldProcess>, Failure> {
        let method = "supervisor.getAllProcessInfo";
        let RpcValue::List(all) = self.look(method)? else { return Err(self.strange(method)) };
        all.iter().map(told).collect::<Option<_>>().ok_or_else(|| self.strange(method))
    }

    /// Does something with a process; a fault of this code says that nothing was to be done.
    fn act(&self, method: &str, one: &ThereProcess, is_so: i32) -> Result<(), Failure> {
        self.settled(one)?;
        let params = vec![one.name.as_str().into(), true.into()];
        match self.call(method, params, patience(one.takes))? {
            Ok(_) => self.settled(one),
            Err(fault) if fault.code == is_so => Ok(()),
            Err(fault) => {
                let verb = if is_so == NOT_RUNNING { "stop" } else { "start" };
                Err(Failure::failed(format!(
                    "could not {verb} {} in Supervisor: {}",
                    one.name, fault.text
                )))
            }
        }
    }

    /// Waits until a process is not being stopped: while it is, Supervisor can't start it.
    fn settled(&self, one: &ThereProcess) -> Result<(), Failure> {
        let limit = patience(one.takes);
        let deadline = Deadline::after(limit);
        loop {
            let method = "supervisor.getProcessInfo";
            let asked = self.call(method, vec![one.name.as_str().into()], LOOK_THERE)?;
            let state = match asked {
                Ok(value) => told(&value).map(|it| it.state),
                Err(fault) => {
                    let why = format!("could not find {} in Supervisor: {}", one.name, fault.text);
                    return Err(Failure::failed(why));
                }
            };
            if state.is_none_or(|state| state != "STOPPING") {
                return Ok(());
            }
            if deadline.is_over() {
                let why =
                    format!("could not stop {} in Supervisor: it is still STOPPING", one.name);
                return Err(Failure::failed(why));
            }
            pause(AGAIN, deadline);
        }
    }

    /// What supervisord sees: its folder and its variables, for its programs inherit both.
    fn surroundings(&self, session: &Session) -> Result<Caller, Failure> {
        let mut caller = session.caller()?;
        let own = PathBuf::from(format!("/proc/{}", self.pid));
        let (cwd, variables) = (fs::read_link(own.join("cwd")), fs::read(own.join("environ")));
        let (Ok(cwd), Ok(variables)) = (cwd, variables) else {
            session.console.talk(&format!(
                "warning: could not see the variables and the folder of supervisord (pid {}); programs get those of this shell",
                self.pid
            ));
            return Ok(caller);
        };
        (caller.cwd, caller.env) = (cwd, former::variables(&variables));
        Ok(caller)
    }
}

impl Former for LiveSupervisor {
    fn kind(&self) -> FormerKind {
        FormerKind::Supervisor
    }

    fn place(&self) -> PathBuf {
        self.file.clone()
    }

    fn programs(&mut self, session: &Session) -> Result<Vec<Candidate>, Failure> {
        let caller = self.surroundings(session)?;
        let read = supervisor_programs(&self.file, &caller);
        let (programs, _) = read.map_err(|diagnosis| unusable(&diagnosis))?;
        let mut read = import(&self.file, &caller).map_err(|diagnosis| unusable(&diagnosis))?;
        settings::lay_over(session, &mut read.specs);
        let mut told = self.all()?;
        let mut all = Vec::new();
        for program in &programs {
            let is_one =
                |it: &ToldProcess| (&it.group, &it.name) == (&program.group, &program.process);
            let app = read.specs.iter().find(|app| app.name.as_str() == program.app);
            let live = told.iter().position(is_one).map(|at| told.remove(at));
            let (Some(app), Some(live)) = (app, live) else { continue };
            let process = process(&live, app);
            let known = all.iter_mut().find(|it: &&mut Candidate| it.name == app.name.as_str());
            if let Some(pool) = known {
                pool.state = format!("{}, {}", pool.state, live.state);
                pool.there.push(process);
                continue;
            }
            all.push(Candidate {
                name: app.name.to_string(),
                namespace: app.namespace.to_string(),
                there: vec![process],
                state: live.state,
                apps: vec![(app.clone(), Existing::Refuse)],
                notes: notes(&read, program),
                stays: None,
                is_here: false,
            });
        }
        all.extend(told.into_iter().map(|it| left(it, &read)));
        Ok(all)
    }

    fn stop(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        self.act("supervisor.stopProcess", one, NOT_RUNNING)
    }

    fn start(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        self.act("supervisor.startProcess", one, ALREADY_STARTED)
    }

    fn farewell(&self) -> Vec<String> {
        vec![
            format!("supervisorctl -c {} shutdown", self.file.display()),
            "systemctl disable supervisor      # or supervisord, or whatever starts it at boot"
                .into(),
        ]
    }
}

fn told(value: &RpcValue) -> Option<ToldProcess> {
    let text = |key: &str| {
        let RpcValue::Text(text) = value.field(key)? else { return None };
        Some(text.clone())
    };
    Some(ToldProcess { group: text("group")?, name: text("name")?, state: text("statename")? })
}

fn namespec(group: &str, process: &str) -> String {
    if group == process { group.to_owned() } else { format!("{group}:{process}") }
}

fn process(live: &ToldProcess, app: &AppSpec) -> ThereProcess {
    // `startsecs` and `stopwaitsecs`.
    let own = app.stop.timeout.as_millis().max(app.restart.min_uptime.as_millis());
    ThereProcess {
        name: format!("{}:{}", live.group, live.name),
        ran: matches!(live.state.as_str(), "RUNNING" | "STARTING"),
        watched: false,
        takes: Span::from_millis(own),
        command: None,
    }
}

/// What is different here of this program's section.
fn notes(read: &Import, program: &SupervisorProgram) -> Vec<String> {
    let is_own = |section: &str| {
        let copy = program.process.strip_prefix(section);
        section == program.group
            || copy.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    let own = read.notes.iter().filter_map(|note| {
        let (section, key) = note.key.strip_prefix('[')?.split_once(']')?;
        let (_, name) = section.split_once(':')?;
        let tells = matches!(note.fate, Fate::Changed(_) | Fate::Unsupported(_));
        (tells && is_own(name)).then(|| format!("{}: {}", key.trim(), note.fate.why()))
    });
    own.collect()
}

/// One that runs there and is nothing here.
fn left(live: ToldProcess, read: &Import) -> Candidate {
    let section = format!(":{}]", live.group);
    let unsupported = read
        .notes
        .iter()
        .find(|note| matches!(note.fate, Fate::Unsupported(_)) && note.key.ends_with(&section));
    let why = unsupported.map_or("its file does not name it (any more)", |note| note.fate.why());
    Candidate {
        name: namespec(&live.group, &live.name),
        namespace: String::new(),
        there: Vec::new(),
        state: live.state,
        apps: Vec::new(),
        notes: Vec::new(),
        stays: Some(why.to_owned()),
        is_here: false,
    }
}
