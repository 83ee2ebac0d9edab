//! Where what an instance wrote lies, as those who read logs want to know it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_logs::stamp::StampFormat;
use pm_logs::{LineTimes, Stream};
use pm_protocol::{LogShape, LogSource};
use pm_spec::ByteString;

/// The files of both outputs, or the one of both together where they have none of their own.
pub fn log_files(source: &LogSource) -> impl Iterator<Item = (Stream, PathBuf)> {
    let alone = source.out.is_none() && source.error.is_none();
    let both = source.combined.as_ref().filter(|_| alone);
    let out = source.out.as_ref().or(both).map(|path| (Stream::Out, path));
    let all = out.into_iter().chain(source.error.as_ref().map(|path| (Stream::Err, path)));
    all.map(|(stream, path): (Stream, &ByteString)| {
        (stream, PathBuf::from(OsStr::from_bytes(path.as_bytes())))
    })
}

/// How to know when their lines were written; `state` is where a home keeps the times of raw logs.
pub fn line_times(state: &Path, shape: &LogShape) -> LineTimes {
    match shape {
        LogShape::Raw => LineTimes::Index(state.to_path_buf()),
        LogShape::Stamped(format) => LineTimes::Stamped(StampFormat::new(format)),
        LogShape::Json => LineTimes::Json(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_both_is_read_where_there_are_no_others() {
        let source = |out: &str, error: Option<&str>, combined: Option<&str>| LogSource {
            id: 1,
            name: "web".into(),
            namespace: "default".into(),
            out: (!out.is_empty()).then(|| out.into()),
            error: error.map(ByteString::from),
            combined: combined.map(ByteString::from),
            shape: LogShape::Raw,
        };
        let streams =
            |source: &LogSource| log_files(source).map(|(stream, _)| stream).collect::<Vec<_>>();
        assert_eq!(streams(&source("/o", Some("/e"), Some("/c"))), [Stream::Out, Stream::Err]);
        assert_eq!(streams(&source("", None, Some("/c"))), [Stream::Out]);
        assert_eq!(streams(&source("", Some("/e"), Some("/c"))), [Stream::Err]);
        assert_eq!(streams(&source("", None, None)), []);
    }
}
