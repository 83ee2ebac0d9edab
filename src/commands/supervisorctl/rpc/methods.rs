//! The methods there are, and what they say of themselves.

use pm_xmlrpc::{RpcFault, RpcValue};

use super::fault::FaultCode;
use super::params::Params;

/// One of them.
pub(super) struct RpcMethod {
    pub(super) name: &'static str,
    /// What it gives, then what it takes.
    types: &'static str,
    help: &'static str,
}

impl RpcMethod {
    pub(super) fn params(&self) -> impl Iterator<Item = &'static str> {
        self.types.split(' ').skip(1)
    }
}

const fn m(name: &'static str, types: &'static str, help: &'static str) -> RpcMethod {
    RpcMethod { name, types, help }
}

/// By name.
const METHODS: [RpcMethod; 41] = [
    m(
        "supervisor.addProcessGroup",
        "boolean string",
        "Add a group of the file and start what starts by itself",
    ),
    m("supervisor.clearAllProcessLogs", "array", "Empty the logs of all processes"),
    m("supervisor.clearLog", "boolean", "Empty the main log"),
    m("supervisor.clearProcessLog", "boolean string", "Empty the logs of a process"),
    m("supervisor.clearProcessLogs", "boolean string", "Empty the logs of a process"),
    m("supervisor.getAPIVersion", "string", "The version of this interface"),
    m("supervisor.getAllConfigInfo", "array", "What the file says of each process"),
    m("supervisor.getAllProcessInfo", "array", "Where each process stands"),
    m("supervisor.getIdentification", "string", "The identifier of the file"),
    m("supervisor.getPID", "int", "The pid of the daemon"),
    m("supervisor.getProcessInfo", "struct string", "Where a process stands"),
    m("supervisor.getState", "struct", "Where the daemon stands"),
    m("supervisor.getSupervisorVersion", "string", "The version of pm"),
    m("supervisor.getVersion", "string", "The version of this interface"),
    m("supervisor.readLog", "string int int", "A part of the main log"),
    m("supervisor.readMainLog", "string int int", "A part of the main log"),
    m("supervisor.readProcessLog", "string string int int", "A part of what a process wrote"),
    m(
        "supervisor.readProcessStderrLog",
        "string string int int",
        "A part of what a process wrote to standard error",
    ),
    m("supervisor.readProcessStdoutLog", "string string int int", "A part of what a process wrote"),
    m(
        "supervisor.reloadConfig",
        "array",
        "Read the file again; tells which groups are new, changed, and gone",
    ),
    m("supervisor.removeProcessGroup", "boolean string", "Forget a group that is stopped"),
    m("supervisor.restart", "boolean", "Stop everything, and start what the file says"),
    m(
        "supervisor.sendProcessStdin",
        "boolean string string",
        "Write to the standard input of a process",
    ),
    m("supervisor.sendRemoteCommEvent", "boolean string string", "Tell event listeners something"),
    m("supervisor.shutdown", "boolean", "Stop everything and end"),
    m("supervisor.signalAllProcesses", "array string", "Send a signal to all processes"),
    m("supervisor.signalProcess", "boolean string string", "Send a signal to a process"),
    m(
        "supervisor.signalProcessGroup",
        "array string string",
        "Send a signal to the processes of a group",
    ),
    m("supervisor.startAllProcesses", "array boolean", "Start all processes"),
    m("supervisor.startProcess", "boolean string boolean", "Start a process"),
    m("supervisor.startProcessGroup", "array string boolean", "Start the processes of a group"),
    m("supervisor.stopAllProcesses", "array boolean", "Stop all processes"),
    m("supervisor.stopProcess", "boolean string boolean", "Stop a process"),
    m("supervisor.stopProcessGroup", "array string boolean", "Stop the processes of a group"),
    m(
        "supervisor.tailProcessLog",
        "array string int int",
        "The end of what a process wrote, and where it ends",
    ),
    m(
        "supervisor.tailProcessStderrLog",
        "array string int int",
        "The end of what a process wrote to standard error, and where it ends",
    ),
    m(
        "supervisor.tailProcessStdoutLog",
        "array string int int",
        "The end of what a process wrote, and where it ends",
    ),
    m("system.listMethods", "array", "The methods there are"),
    m("system.methodHelp", "string string", "What a method does"),
    m("system.methodSignature", "array string", "What a method gives, then what it takes"),
    m("system.multicall", "array array", "Several calls at once"),
];

pub(super) fn find(name: &str) -> Option<&'static RpcMethod> {
    METHODS.iter().find(|method| method.name == name)
}

/// `system.listMethods` and its like.
pub(super) fn told(name: &str, params: &mut Params) -> Result<RpcValue, RpcFault> {
    if name == "system.listMethods" {
        return Ok(RpcValue::List(METHODS.iter().map(|method| method.name.into()).collect()));
    }
    let method = find(&params.text()?).ok_or_else(|| FaultCode::SignatureUnsupported.plain())?;
    if name == "system.methodHelp" {
        return Ok(method.help.into());
    }
    Ok(RpcValue::List(method.types.split(' ').map(RpcValue::from).collect()))
}
