//! Logs in parts, as clients ask for them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pm_config::path_of;
use pm_protocol::Flush;
use pm_spec::Select;
use pm_xmlrpc::{RpcFault, RpcValue};

use super::acts::told;
use super::fault::FaultCode;
use super::params::Params;
use super::{RpcAnswer, RpcDesk};
use crate::prelude::quick;

impl RpcDesk {
    pub(super) fn log_call(&self, name: &str, params: &mut Params) -> RpcAnswer {
        let channel = if name.contains("Stderr") { "stderr" } else { "stdout" };
        match name {
            "readLog" | "readMainLog" => {
                part(Some(self.session.home.diary()), params.number()?, params.number()?)
            }
            "clearLog" => {
                let log = self.session.home.diary();
                let cleared = OpenOptions::new().write(true).open(log).and_then(|it| it.set_len(0));
                cleared.map(|()| true.into()).map_err(|_| FaultCode::Failed.plain())
            }
            "clearAllProcessLogs" => {
                let all = self.all()?;
                let select = all.iter().map(|one| Select::Id(one.id)).collect();
                if !all.is_empty() {
                    quick(&mut self.client()?, &Flush { select })?;
                }
                Ok(RpcValue::List(all.iter().map(|one| told(one, Ok(()))).collect()))
            }
            "clearProcessLog" | "clearProcessLogs" => {
                let one = self.one(&params.text()?)?;
                quick(&mut self.client()?, &Flush { select: vec![Select::Id(one.id)] })?;
                Ok(true.into())
            }
            _ => {
                let log = self.log_file(&params.text()?, channel)?;
                let (offset, length) = (params.number()?, params.number()?);
                if name.starts_with("tail") {
                    return Ok(end(log, offset, length));
                }
                part(log, offset, length)
            }
        }
    }

    /// Where a stream of a process goes, if to a file.
    pub(super) fn log_file(&self, name: &str, channel: &str) -> Result<Option<PathBuf>, RpcFault> {
        let one = self.one(name)?;
        let log = match channel {
            "stdout" => one.out,
            "stderr" => one.error,
            _ => None,
        };
        Ok(log.map(|path| path_of(&path).to_owned()))
    }
}

/// So much from there on, or so much of the end if the offset is negative (Supervisor's `readFile`).
fn part(log: Option<PathBuf>, offset: i64, length: i64) -> RpcAnswer {
    let log = log.ok_or_else(|| FaultCode::NoFile.plain())?;
    if !log.exists() {
        return Err(FaultCode::NoFile.because(log.display()));
    }
    let (start, most) = match (u64::try_from(offset), u64::try_from(length)) {
        (Err(_), Ok(0)) => (Err(offset.unsigned_abs()), u64::MAX),
        (Ok(start), Ok(0)) => (Ok(start), u64::MAX),
        (Ok(start), Ok(most)) => (Ok(start), most),
        _ => return Err(FaultCode::BadArguments.plain()),
    };
    let read = || -> io::Result<Vec<u8>> {
        let size = log.metadata()?.len();
        between(&log, start.unwrap_or_else(|last| size.saturating_sub(last)), most)
    };
    let bytes = read().map_err(|_| FaultCode::Failed.plain())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn between(log: &Path, start: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// So much from there on, or of the end where more has come meanwhile; where the log ends, and whether more had come
/// (Supervisor's `tailFile`, to the byte).
fn end(log: Option<PathBuf>, mut offset: i64, mut length: i64) -> RpcValue {
    let answer = |bytes: &[u8], offset: i64, has_more: bool| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        RpcValue::List(vec![text.into(), RpcValue::capped(offset), has_more.into()])
    };
    let Some(log) = log.filter(|path| path.exists()) else { return answer(&[], 0, false) };
    let Ok(meta) = log.metadata() else { return answer(&[], offset, false) };
    let size = i64::try_from(meta.len()).unwrap_or(i64::MAX);
    let has_more = size > offset.saturating_add(length);
    if has_more {
        offset = size - 1;
    }
    if offset.saturating_add(length) > size {
        if offset > size - 1 {
            length = 0;
        }
        offset = size - length;
    }
    let (start, most) = (offset.max(0).unsigned_abs(), length.max(0).unsigned_abs());
    match between(&log, start, most) {
        Ok(bytes) => answer(&bytes, size, has_more),
        Err(_) => answer(&[], offset, false),
    }
}
