//! Which of two sockets on one TCP port gets new connections (`SO_REUSEPORT`, socket(7)): a second one comes to the first
//! without getting any, and then the two share them as they are told to. What waits at the one stays there.
#![expect(
    unsafe_code,
    reason = "programs for the kernel, in its oldest language: nobody wraps that"
)]

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{bind, getsockname, listen, sockopt};

use crate::{listener, listening};

/// The random number of `struct sk_buff` programs (`SKF_AD_OFF + SKF_AD_RANDOM`).
const RANDOM: u32 = 0u32.wrapping_sub(0x1000).wrapping_add(56);

/// A socket at the same address as one that listens there alone, without a caller until [`divide`] says so. `EBUSY`: that
/// one is not alone.
pub fn join(first: impl AsFd, backlog: i32) -> Result<OwnedFd, Errno> {
    let at = SocketAddr::try_from(getsockname(&first)?).map_err(|_| Errno::OPNOTSUPP)?;
    if listening::count(at)? != 1 {
        return Err(Errno::BUSY);
    }
    // A newcomer would be the second, of which one that went before may have had all.
    divide(&first, (0, 1)).ok();
    sockopt::set_socket_reuseport(&first, true)?;
    let second = listener::unbound_tcp(at, at.is_ipv6() && sockopt::ipv6_v6only(&first)?)?;
    sockopt::set_socket_reuseport(&second, true)?;
    bind(&second, &at)?;
    // Whoever calls between these steps is not heard by the second, and the kernel calls again by itself.
    attach(&second, libc::SO_ATTACH_FILTER, &[answer(0)])?;
    listen(&second, backlog)?;
    divide(&second, (0, 1))?;
    set(&second, libc::SO_DETACH_FILTER, &0i32)?;
    Ok(second)
}

/// Of so many new connections each one of two sockets gets, by chance, the second gets so many. Either may be given, as
/// long as both are open; after that the one that is left gets all.
pub fn divide(either: impl AsFd, (second, all): (u32, u32)) -> Result<(), Errno> {
    let fixed = if second == 0 { Some(0) } else { (second >= all).then_some(1) };
    let program = match fixed {
        Some(index) => vec![answer(index)],
        None => vec![
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, RANDOM),
            step(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, all),
            // As much as the second's part, or more: over one step.
            libc::sock_filter {
                jt: 1,
                ..step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, second)
            },
            answer(1),
            answer(0),
        ],
    };
    attach(either, libc::SO_ATTACH_REUSEPORT_CBPF, &program)
}

/// Whether somebody waits to be accepted.
pub fn has_callers(socket: impl AsFd) -> Result<bool, Errno> {
    let mut asked = [PollFd::new(&socket, PollFlags::IN)];
    Ok(poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0)
}

fn step(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt: 0, jf: 0, k }
}

/// The last instruction.
fn answer(k: u32) -> libc::sock_filter {
    step(libc::BPF_RET | libc::BPF_K, k)
}

fn attach(socket: impl AsFd, option: i32, program: &[libc::sock_filter]) -> Result<(), Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    set(socket, option, &libc::sock_fprog { len, filter: program.as_ptr().cast_mut() })
}

fn set<T>(socket: impl AsFd, option: i32, value: &T) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::INVAL)?;
    // SAFETY: the kernel reads `length` bytes of `value`, and of a program as many steps as it says it has; it keeps
    // a copy, writes nothing, and no pointer of ours.
    let result = unsafe {
        let value = std::ptr::from_ref(value).cast();
        libc::setsockopt(socket.as_fd().as_raw_fd(), libc::SOL_SOCKET, option, value, length)
    };
    if result == 0 { Ok(()) } else { Err(crate::errno::last()) }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// How many of so many callers either socket gets.
    fn callers(first: &TcpListener, second: &TcpListener, count: usize) -> (usize, usize) {
        let at = first.local_addr().unwrap();
        let calls: Vec<_> = (0..count).map(|_| TcpStream::connect(at).unwrap()).collect();
        let accepted = |socket: &TcpListener| {
            let waiting = || has_callers(socket).unwrap();
            std::iter::from_fn(|| waiting().then(|| socket.accept().unwrap())).count()
        };
        let both = (accepted(first), accepted(second));
        assert_eq!(both.0 + both.1, calls.len());
        both
    }

    fn first() -> TcpListener {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        listener::tcp(free, 128).unwrap().into()
    }

    #[test]
    fn who_comes_second_gets_nobody_until_it_is_to_and_then_all() {
        let first = first();
        let second = TcpListener::from(join(&first, 128).unwrap());
        assert_eq!(callers(&first, &second, 60), (60, 0));
        assert_eq!(join(&first, 128).unwrap_err(), Errno::BUSY);
        divide(&first, (1, 1)).unwrap();
        assert_eq!(callers(&first, &second, 60), (0, 60));
        divide(&second, (1, 3)).unwrap();
        let (some, others) = callers(&first, &second, 120);
        assert!(some > others && others > 0, "{some} {others}");
    }

    #[test]
    fn one_that_is_left_gets_all_and_another_can_come() {
        let first = first();
        let second = TcpListener::from(join(&first, 128).unwrap());
        divide(&first, (1, 1)).unwrap();
        drop(first);
        let third = TcpListener::from(join(&second, 128).unwrap());
        assert_eq!(callers(&second, &third, 60), (60, 0));
        divide(&third, (1, 1)).unwrap();
        drop(third);
        let at = second.local_addr().unwrap();
        let _caller = TcpStream::connect(at).unwrap();
        assert!(has_callers(&second).unwrap());
    }

    #[test]
    fn nobody_else_gets_the_port() {
        let first = first();
        let at = first.local_addr().unwrap();
        let _second = join(&first, 128).unwrap();
        assert_eq!(listener::tcp(at, 5).unwrap_err(), Errno::ADDRINUSE);
    }
}
