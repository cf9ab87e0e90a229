//! The kernel's scheduling of a thread.
//!
//! Always true here: a thread is changed by itself alone, and only from the policy that every process has unless somebody chose
//! another one for it; its niceness stays. The only unsafe code of the program. Called by the workers.

use std::io;

/// From now on this thread does not interrupt the one that runs when it wakes (`SCHED_BATCH`), unless the process was started under
/// another policy than the usual one.
#[expect(unsafe_code, reason = "no maintained crate sets a policy and leaves the niceness alone")]
pub fn become_batch() -> io::Result<()> {
    const THIS_THREAD: libc::pid_t = 0;
    const USUAL: libc::c_long = libc::SCHED_OTHER as libc::c_long;
    let priority: libc::c_int = 0;
    // By number, since musl's functions of these names do nothing.
    // SAFETY: neither call keeps anything of what it is given; the kernel reads one integer behind the pointer, which is there.
    let set = unsafe {
        match libc::syscall(libc::SYS_sched_getscheduler, THIS_THREAD) {
            USUAL => libc::syscall(
                libc::SYS_sched_setscheduler,
                THIS_THREAD,
                libc::SCHED_BATCH,
                &raw const priority,
            ),
            policy => policy,
        }
    };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
