//! `LISTEN_PID`: a variable whose value only the child knows. It has room for any number, and the child fills it in.

use std::ffi::c_char;
use std::sync::atomic::{AtomicU8, Ordering};

const NAME: &[u8] = b"LISTEN_PID=";
/// The highest pid has seven digits (`PID_MAX_LIMIT`), the highest number ten.
const DIGITS: usize = 10;
const LENGTH: usize = NAME.len() + DIGITS + 1;

/// `LISTEN_PID=`, a number, and a zero.
#[derive(Debug)]
pub(super) struct PidVariable([AtomicU8; LENGTH]);

impl PidVariable {
    /// Without a number yet.
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|at| AtomicU8::new(NAME.get(at).copied().unwrap_or(0))))
    }

    /// For the environment.
    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// Says the number of whoever calls this; does not allocate.
    pub(super) fn fill_in(&self) {
        self.write(rustix::process::getpid().as_raw_nonzero().get());
    }

    fn write(&self, pid: i32) {
        let mut digits = [0; DIGITS];
        let mut rest = pid.unsigned_abs();
        let mut count = 0;
        for digit in &mut digits {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            count += 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let backwards = digits.iter().take(count).rev();
        for (place, digit) in self.0.iter().skip(NAME.len()).zip(backwards) {
            place.store(*digit, Ordering::Relaxed);
        }
        if let Some(end) = self.0.get(NAME.len() + count) {
            end.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_written_and_a_shorter_one_over_a_longer() {
        let variable = PidVariable::new();
        for pid in [i32::MAX, 4_194_304, 7, 10] {
            variable.write(pid);
            let bytes: Vec<u8> =
                variable.0.iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
            let text = bytes.split(|byte| *byte == 0).next().unwrap();
            assert_eq!(String::from_utf8_lossy(text), format!("LISTEN_PID={pid}"));
        }
    }
}
