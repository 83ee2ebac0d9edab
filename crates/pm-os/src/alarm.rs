//! An alarm by the wall clock that also tells when that clock was set (`timerfd_create(2)`), so that nobody has to look
//! at the clock from time to time (pain 36).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// An alarm. Its descriptor becomes readable when it has something to say.
#[derive(Debug)]
pub struct WallAlarm(OwnedFd);

/// What an alarm has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmEvent {
    /// Nothing yet.
    Nothing,
    /// The time has come.
    Time,
    /// The wall clock was set, or the machine was asleep: times have to be worked out anew.
    ClockSet,
}

impl WallAlarm {
    /// An alarm that is not set.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        Ok(Self(timerfd_create(TimerfdClockId::Realtime, flags)?))
    }

    /// Sets it to this time in ms since 1970; `None`: never.
    pub fn set(&self, at: Option<u64>) -> io::Result<()> {
        // A value of zero switches a timer off; nobody wants to be woken in 1970.
        let at = at.map_or(0, |at| at.max(1));
        let time = Itimerspec { it_interval: span(0), it_value: span(at) };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        match timerfd_settime(&self.0, flags, &time) {
            // "The clock was set meanwhile" is said by `read`, too, and the alarm is set all the same.
            Ok(_) | Err(Errno::CANCELED) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What it has to say; once each.
    pub fn read(&self) -> AlarmEvent {
        let mut count = [0; 8];
        match rustix::io::read(&self.0, &mut count) {
            Ok(_) => AlarmEvent::Time,
            Err(Errno::CANCELED) => AlarmEvent::ClockSet,
            Err(_) => AlarmEvent::Nothing,
        }
    }
}

fn span(millis: u64) -> Timespec {
    let never = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
    Timespec::try_from(Duration::from_millis(millis)).unwrap_or(never)
}

impl AsFd for WallAlarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for WallAlarm {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    #[test]
    fn it_rings_once_when_its_time_has_come_and_not_before() {
        let alarm = WallAlarm::new().unwrap();
        assert_eq!(alarm.read(), AlarmEvent::Nothing);
        alarm.set(Some(u64::MAX / 2_000_000)).unwrap();
        assert_eq!(alarm.read(), AlarmEvent::Nothing);
        // A moment long past, so that nobody has to wait for it.
        alarm.set(Some(1_000_000_000_000)).unwrap();
        let mut ready = [PollFd::new(&alarm, PollFlags::IN)];
        assert_eq!(poll(&mut ready, None).unwrap(), 1);
        assert_eq!(alarm.read(), AlarmEvent::Time);
        assert_eq!(alarm.read(), AlarmEvent::Nothing);
        alarm.set(Some(1_000_000_000_000)).unwrap();
        alarm.set(None).unwrap();
        assert_eq!(alarm.read(), AlarmEvent::Nothing, "switched off");
    }
}
