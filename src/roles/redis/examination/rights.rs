//! Which commands this user may run: each is tried as rolegate sends it, on keys of every family.
//!
//! Always true here: nothing tried changes anything. Called by `examination`.

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, RedisError, Value, cmd};

use crate::roles::keys;

use super::{Right, Trouble};

/// No identifier holds a space, so no key of the store is called this.
const NOBODY: &str = "{rolegate doctor}";

/// Tries every command that the link and the reads need but CLIENT TRACKING, which the link itself asks for.
pub async fn try_all(connection: &mut MultiplexedConnection) -> Vec<Right> {
    let family = |prefix: &str| format!("{prefix}{NOBODY}");
    let [header, roles, counter] = ["rg:h:", "rg:r:", "rg:c:"].map(family);
    let [index, memberships] = ["rg:i:", "rg:m:"].map(family);
    let tried: [(&'static str, &[&str]); 11] = [
        ("PING", &[]),
        ("MGET", &[keys::EPOCH, keys::CLOCK, &header, &counter, &roles]),
        ("XRANGE", &[keys::LOG, "-", "+", "COUNT", "1"]),
        ("XREVRANGE", &[keys::LOG, "+", "-", "COUNT", "1"]),
        ("ROLE", &[]),
        ("TIME", &[]),
        ("INFO", &[]),
        ("GET", &[keys::EPOCH]),
        ("EXISTS", &[keys::LOADING, &header]),
        ("ZSCORE", &[&index, "nobody"]),
        ("ZRANGE", &[&memberships, "-", "+", "BYLEX", "LIMIT", "0", "1"]),
    ];
    let mut rights = Vec::with_capacity(tried.len());
    for (command, arguments) in tried {
        let mut question = cmd(command);
        question.arg(arguments);
        rights.push(Right { command, trouble: trouble(connection, &question).await });
    }
    rights
}

/// Whether this user may write role data, by a SET that only replaces, of a key that is not there.
pub async fn may_write(connection: &mut MultiplexedConnection) -> Option<bool> {
    let mut set = cmd("SET");
    set.arg(format!("rg:h:{NOBODY}")).arg("").arg("XX");
    match trouble(connection, &set).await {
        None => Some(true),
        Some(Trouble::Denied(_)) => Some(false),
        Some(_) => None,
    }
}

async fn trouble(connection: &mut MultiplexedConnection, command: &Cmd) -> Option<Trouble> {
    command.query_async::<Value>(connection).await.err().map(|error| of(&error))
}

/// What an error says about the right to a command.
pub fn of(error: &RedisError) -> Trouble {
    let said = error.to_string();
    let is_unknown = || said.contains("unknown command") || said.contains("nknown subcommand");
    match error.code() {
        Some("NOPERM") => Trouble::Denied(said),
        _ if is_unknown() => Trouble::Unknown(said),
        _ => Trouble::Other(said),
    }
}
