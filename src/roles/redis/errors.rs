//! What each Redis error reply means, decided once: try later, an operator must act, or the change lost a race.
//!
//! Called wherever the Redis store awaits a reply. The table of replies stands in `docs/operations.md`.

use ::redis::RedisError;

use crate::roles::{CommitError, StoreError};

/// The meaning of a failed read.
pub fn of_read(error: &RedisError) -> StoreError {
    let said = || error.to_string();
    // Of a pipeline, each command has an error of its own, and the whole has no code.
    let of_parts = error.clone().into_server_errors();
    let code = of_parts.as_ref().and_then(|parts| parts.first()).map(|(_, error)| error.code());
    match code.or(error.code()) {
        Some("NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED") => StoreError::Refused(said()),
        Some("WRONGTYPE") => StoreError::Broken { key: "a key of the store".into(), why: said() },
        _ if error.kind() == ::redis::ErrorKind::AuthenticationFailed => StoreError::Refused(said()),
        // LOADING, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, BUSY, MISCONF, READONLY, OOM, NOREPLICAS, MOVED, ASK, and
        // everything about the connection itself: the same question may succeed later.
        _ => StoreError::Unavailable(said()),
    }
}

/// Whether Redis refused because its memory is used up. Nothing was written.
pub fn is_out_of_memory(error: &RedisError) -> bool {
    error.code() == Some("OOM")
}

/// The meaning of a failed write. A reply that was lost is ambiguous; one that refused wrote nothing.
pub fn of_write(error: &RedisError) -> CommitError {
    match error.code() {
        Some("CONFLICT") => CommitError::Conflict,
        Some("MALFORMED") => CommitError::Malformed(error.detail().unwrap_or_default().to_owned()),
        Some("EPOCH") => StoreError::NotInitialised.into(),
        Some("BROKEN") => {
            let (key, why) = error.detail().and_then(|said| said.split_once(' ')).unwrap_or_default();
            StoreError::Broken { key: key.to_owned(), why: why.to_owned() }.into()
        }
        Some(_) => of_read(error).into(),
        None if error.is_connection_refusal() => of_read(error).into(),
        None => CommitError::Ambiguous(error.to_string()),
    }
}
