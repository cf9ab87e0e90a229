//! The server over real sockets, in this process: every sentence of the wire, every code, every limit.
//!
//! Always true here: a store in memory stands behind the server and can be told to fail; ports are free ones
//! of the loopback; each test stops what it starts.

#[cfg(test)]
mod support;

#[cfg(test)]
mod batches;
#[cfg(test)]
mod busy_poll;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod readings;
#[cfg(test)]
mod stopping;
