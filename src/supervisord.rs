//! Called as `supervisord`: its file is run by `pm`, in the foreground with `-n`.

use std::ffi::OsString;
use std::path::Path;

/// Where Supervisor looks for its file if nobody names one.
const PLACES: [&str; 4] = [
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
];

/// The first of them that is there.
pub(crate) fn place() -> Option<&'static str> {
    PLACES.into_iter().find(|path| Path::new(path).is_file())
}

/// Supervisor's options that are followed by a value; what they say is a matter of its own daemon.
const WITH_VALUE: [&str; 20] = [
    "-u",
    "--user",
    "-m",
    "--umask",
    "-d",
    "--directory",
    "-l",
    "--logfile",
    "-y",
    "--logfile_maxbytes",
    "-z",
    "--logfile_backups",
    "-e",
    "--loglevel",
    "-j",
    "--pidfile",
    "-i",
    "--identifier",
    "-q",
    "--childlogdir",
];

/// The same as a command line of ours.
pub(crate) fn argv(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let (mut file, mut stays) = (None, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "-n" | "--nodaemon" => stays = true,
            "-c" | "--configuration" => file = words.next(),
            "-v" | "--version" => return ["pm", "--version"].map(OsString::from).to_vec(),
            "-h" | "--help" => return ["pm", "start", "--help"].map(OsString::from).to_vec(),
            option
                if WITH_VALUE.contains(&option)
                    || matches!(option, "-a" | "--minfds" | "--minprocs") =>
            {
                words.next();
            }
            long => {
                let named = long.strip_prefix("--configuration=").map(str::to_owned);
                file = named.or(file);
            }
        }
    }
    let file = file.unwrap_or_else(|| place().unwrap_or(PLACES[0]).to_owned());
    let verb = if stays { "runtime" } else { "start" };
    let how = if stays { "--supervisor-rpc" } else { "--no-wait" };
    ["pm", verb, file.as_str(), how].into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_supervisord_are_a_command_of_ours() {
        for (words, expected) in [
            ("-c a.conf", "pm start a.conf --no-wait"),
            ("-n -c a.conf -l x.log", "pm runtime a.conf --supervisor-rpc"),
            ("--nodaemon --configuration=b.conf -e debug -s", "pm runtime b.conf --supervisor-rpc"),
            ("-v", "pm --version"),
        ] {
            let argv = argv(words.split(' ').map(OsString::from));
            let argv: Vec<_> = argv.iter().map(|word| word.to_string_lossy()).collect();
            assert_eq!(argv.join(" "), expected);
        }
    }
}
