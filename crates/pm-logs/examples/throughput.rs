//! Prints MB/s of output taken raw and stamped, for lines of 100 bytes (one write each) and for
//! writes of 64 KiB, beside `cat` doing the same in the same run.
//!
//! `cargo run --release -p pm-logs --example throughput [MB]`
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and may give up"
)]

use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Instant;

use pm_logs::stamp::StampFormat;
use pm_logs::{
    LineFormat, LogDestination, LogRotation, LogWriter, LogWriterPlan, Notice, Sink, Stream,
    StreamKey, WhenFull, WriterLimits,
};

const LINE: usize = 100;
const CHUNK: usize = 64 << 10;

/// The writer is a process of its own, as an app is: this program again.
fn writer(size: usize, total: usize, pipe: PipeWriter) -> std::process::Child {
    Command::new(std::env::current_exe().expect("own path"))
        .args(["write", &size.to_string(), &total.to_string()])
        .stdout(pipe)
        .spawn()
        .expect("a writer")
}

fn write(size: usize, total: usize) {
    let mut bytes = vec![b'x'; size];
    bytes.iter_mut().skip(LINE - 1).step_by(LINE).for_each(|byte| *byte = b'\n');
    let mut out = std::fs::File::from(rustix::io::dup(std::io::stdout()).expect("stdout"));
    for _ in 0..total / size {
        out.write_all(&bytes).expect("written");
    }
}

fn cat(read: PipeReader, folder: &Path, start: impl FnOnce() -> std::process::Child) {
    let log = std::fs::File::create(folder.join("cat.log")).expect("a log");
    let mut cat =
        Command::new("cat").stdin(read).stdout(Stdio::from(log)).spawn().expect("cat is there");
    let mut child = start();
    child.wait().expect("waited");
    cat.wait().expect("waited");
}

fn log_writer(
    format: LineFormat,
    read: PipeReader,
    folder: &Path,
    start: impl FnOnce() -> std::process::Child,
) {
    let (sender, notices) = channel();
    let plan = LogWriterPlan { state_dir: folder.join("state"), limits: WriterLimits::STANDARD };
    let tell = Box::new(move |notice| sender.send(notice).expect("heard"));
    let (writer, thread) = LogWriter::start(&plan, tell).expect("a writer");
    let key = StreamKey { tag: 1, stream: Stream::Out };
    let sink = Sink {
        place: LogDestination::File(folder.join("pm.log").into()),
        format,
        combined: None,
        rotation: LogRotation::STANDARD,
        full: WhenFull::Drop,
        owner: None,
    };
    let fd = writer.prepare(key, &sink).expect("a log");
    writer.attach(key, OwnedFd::from(read), fd, sink);
    let mut child = start();
    while !matches!(notices.recv().expect("a notice"), Notice::Ended { .. }) {}
    child.wait().expect("waited");
    writer.stop();
    thread.join().expect("ended");
}

fn processor() -> f64 {
    let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::try_from(usage).expect("a time").as_secs_f64()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize| args.get(at).and_then(|text| text.parse::<usize>().ok());
    if let (Some("write"), Some(size), Some(total)) =
        (args.get(1).map(String::as_str), number(2), number(3))
    {
        return write(size, total);
    }
    let total = number(1).unwrap_or(100) * 1_000_000;
    let stamp = StampFormat::new("YYYY-MM-DD HH:mm:ss.SSS");
    let shapes: [(&str, Option<LineFormat>); 4] = [
        ("cat", None),
        ("raw", Some(LineFormat::Raw)),
        ("stamped", Some(LineFormat::Stamped(stamp))),
        ("json", Some(LineFormat::Json { app: "app".into(), instance: 0, stamp: None })),
    ];
    println!("{:<8} {:>12} {:>10} {:>16}", "what", "write bytes", "MB/s", "own CPU ms/MB");
    for size in [LINE, CHUNK / LINE * LINE] {
        for (name, format) in &shapes {
            let mut runs: Vec<(f64, f64)> = (0..5)
                .map(|_| {
                    let folder = tempfile::tempdir().expect("a folder");
                    let (read, write) = std::io::pipe().expect("a pipe");
                    let (began, used) = (Instant::now(), processor());
                    let start = || writer(size, total, write);
                    match format {
                        None => cat(read, folder.path(), start),
                        Some(format) => log_writer(format.clone(), read, folder.path(), start),
                    }
                    (began.elapsed().as_secs_f64(), processor() - used)
                })
                .collect();
            runs.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (wall, used) = runs[runs.len() / 2];
            #[expect(clippy::cast_precision_loss, reason = "megabytes")]
            let megabytes = total as f64 / 1e6;
            println!(
                "{name:<8} {size:>12} {:>10.0} {:>16.2}",
                megabytes / wall,
                used * 1000.0 / megabytes
            );
        }
    }
}
