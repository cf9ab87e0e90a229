//! The kernel's scheduling of a thread.
//!
//! Always true here: a thread is changed by itself alone, and its niceness stays. Calls go by number, since musl's functions of these
//! names do nothing. The only unsafe code of the program. Called by the workers.

#![expect(unsafe_code, reason = "no maintained crate sets a policy and leaves the niceness alone")]

use std::io;

const THIS_THREAD: libc::pid_t = 0;

/// Whether somebody chose a policy for this thread, or for the process that it began with: any but the usual one, or that no thread
/// inherits it.
pub fn is_chosen() -> bool {
    // SAFETY: the call takes no pointer. Where it fails, nothing is known of a choice.
    unsafe { libc::syscall(libc::SYS_sched_getscheduler, THIS_THREAD) > libc::SCHED_OTHER.into() }
}

/// From now on this thread does not interrupt the one that runs when it wakes (`SCHED_BATCH`).
pub fn become_batch() -> io::Result<()> {
    let priority: libc::c_int = 0;
    // SAFETY: the kernel reads one integer behind the pointer, which is there, and keeps nothing of it.
    let set = unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, THIS_THREAD, libc::SCHED_BATCH, &raw const priority)
    };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
