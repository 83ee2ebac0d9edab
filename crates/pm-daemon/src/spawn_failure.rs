//! Why a process is not made: what is refused stays so, what the machine is short of may be there later.

use std::io;

use pm_core::SpawnFailure;
use pm_os::errno;

/// In these words.
pub(crate) fn of(why: String, is_shortage: bool) -> SpawnFailure {
    if is_shortage { SpawnFailure::Short(why) } else { SpawnFailure::Refused(why) }
}

/// Of what the system answered, told without the number of the error, which helps nobody.
pub(crate) fn of_io(error: &io::Error) -> SpawnFailure {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words);
    of(text.to_lowercase(), errno::is_shortage_of(error))
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn what_the_machine_is_short_of_is_tried_again_and_what_is_wrong_is_not() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN] {
            let failure = of_io(&errno.into());
            assert!(matches!(failure, SpawnFailure::Short(_)), "{errno:?}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::ISDIR] {
            let failure = of_io(&errno.into());
            assert!(matches!(failure, SpawnFailure::Refused(_)), "{errno:?}");
        }
        let told = of_io(&Errno::MFILE.into()).told(|why| format!("read it: {why}"));
        assert_eq!(told.words(), "read it: too many open files");
    }
}
