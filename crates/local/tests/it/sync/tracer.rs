//! A tracer of a few lines (ptrace), so that the test needs no program that may not be installed.

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// A system call that matters to durability.
#[derive(Debug)]
pub(crate) enum Call {
    /// Bytes are about to be written to this file.
    Write(PathBuf),
    /// This file has been synced.
    Synced(PathBuf),
}

/// What a thread asked the kernel for.
#[derive(Clone, Copy)]
struct Asked {
    number: i64,
    descriptor: u64,
}

/// Lets the child go on when it is ready (its first line in `acks`), and watches it to its end.
pub(crate) fn trace(mut child: Child, acks: &Path) -> Vec<Call> {
    wait_until_ready(acks);
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap());
    for thread in threads(process) {
        let seized = ptrace::seize(
            thread,
            Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE,
        );
        assert!(
            seized.is_ok(),
            "this test traces a child process, and the system forbids it ({seized:?}): allow ptrace"
        );
        ptrace::interrupt(thread).unwrap();
    }
    writeln!(child.stdin.take().unwrap(), "go").unwrap();
    let calls = watch(process);
    // It has been waited for already.
    drop(child);
    calls
}

fn wait_until_ready(acks: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !fs::read(acks).is_ok_and(|text| text.ends_with(b"\n")) {
        assert!(Instant::now() < deadline, "the child does not come up");
        std::thread::yield_now();
    }
}

fn threads(process: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| Pid::from_raw(task.unwrap().file_name().to_str().unwrap().parse().unwrap()))
        .collect()
}

fn watch(process: Pid) -> Vec<Call> {
    let mut calls = Vec::new();
    // What the threads that are inside a call asked for.
    let mut inside = BTreeMap::new();
    loop {
        let (thread, signal) = match next_status() {
            WaitStatus::PtraceSyscall(thread) => {
                calls.extend(look(thread, &mut inside));
                (thread, None)
            }
            // A new thread, or one that has just been seized.
            WaitStatus::PtraceEvent(thread, _, _) => (thread, None),
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            WaitStatus::Exited(thread, code) if thread == process => {
                assert_eq!(code, 0, "the child failed");
                return calls;
            }
            WaitStatus::Signaled(thread, signal, _) if thread == process => {
                panic!("the child was ended by {signal}")
            }
            WaitStatus::Exited(..)
            | WaitStatus::Signaled(..)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive => continue,
        };
        match ptrace::syscall(thread, signal) {
            // It has ended meanwhile.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("could not let thread {thread} go on: {error}"),
        }
    }
}

/// The next change of a thread that this thread traces: other tests have children of their own.
fn next_status() -> WaitStatus {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
            Ok(status) => return status,
            Err(Errno::EINTR) => {}
            Err(error) => panic!("could not wait for the child: {error}"),
        }
    }
}

/// Looks at a call where it begins and where it ends.
fn look(thread: Pid, inside: &mut BTreeMap<Pid, Asked>) -> Option<Call> {
    const ENTRY: u8 = 1;
    let info = ptrace::syscall_info(thread).ok()?;
    let registers = ptrace::getregs(thread).ok()?;
    if info.op == ENTRY {
        let asked = asked(&registers);
        inside.insert(thread, asked);
        return is_write(asked.number)
            .then(|| path_of(thread, asked.descriptor))
            .flatten()
            .map(Call::Write);
    }
    let asked = inside.remove(&thread)?;
    let is_done = is_sync(asked.number) && succeeded(&registers);
    is_done
        .then(|| path_of(thread, asked.descriptor))
        .flatten()
        .map(Call::Synced)
}

/// The file behind a descriptor.
fn path_of(thread: Pid, descriptor: u64) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{thread}/fd/{descriptor}")).ok()
}

fn is_write(number: i64) -> bool {
    [
        libc::SYS_write,
        libc::SYS_pwrite64,
        libc::SYS_writev,
        libc::SYS_pwritev,
    ]
    .contains(&number)
}

fn is_sync(number: i64) -> bool {
    [libc::SYS_fsync, libc::SYS_fdatasync].contains(&number)
}

#[cfg(target_arch = "x86_64")]
fn asked(registers: &libc::user_regs_struct) -> Asked {
    Asked {
        number: registers.orig_rax.cast_signed(),
        descriptor: registers.rdi,
    }
}

#[cfg(target_arch = "x86_64")]
fn succeeded(registers: &libc::user_regs_struct) -> bool {
    registers.rax == 0
}

#[cfg(target_arch = "aarch64")]
fn asked(registers: &libc::user_regs_struct) -> Asked {
    let [descriptor, ..] = registers.regs;
    Asked {
        number: registers.regs[8].cast_signed(),
        descriptor,
    }
}

#[cfg(target_arch = "aarch64")]
fn succeeded(registers: &libc::user_regs_struct) -> bool {
    registers.regs[0] == 0
}
