//! The scripts that write, whole as Redis gets them: what anybody who writes roles calls.
//!
//! Always true here: each text is the files of `scripts` in a fixed order, with nothing between them. Called by the Redis
//! store; printed by `rolegate scripts` for writers in other languages.

use std::sync::OnceLock;

use ::redis::ScriptInvocation;

macro_rules! text {
    ($flags:literal, $($file:literal),+) => {
        concat!($flags, include_str!("scripts/prelude.lua"), $(include_str!(concat!("scripts/", $file))),+)
    };
}

pub static ACCEPT: Script = Script::new("accept", text!("", "accept.lua"));
pub static RESERVE: Script = Script::new("reserve", text!("", "reserve.lua"));
pub static COMMIT: Script = Script::new("commit", text!("", "shape.lua", "commit.lua"));
/// The same where Redis is out of memory, for what takes away.
pub static COMMIT_LEAN: Script =
    Script::new("commit-lean", text!("#!lua flags=allow-oom\n", "shape.lua", "lean.lua", "commit.lua"));
pub static STAGE: Script = Script::new("stage", text!("", "shape.lua", "stage.lua"));
pub static FLIP: Script = Script::new("flip", text!("", "shape.lua", "flip.lua"));
pub static DELETE: Script = Script::new("delete", text!("", "delete.lua"));
pub static SWEEP: Script = Script::new("sweep", text!("", "sweep.lua"));

/// All of them.
pub static ALL: [&Script; 8] = [&RESERVE, &COMMIT, &COMMIT_LEAN, &STAGE, &FLIP, &SWEEP, &DELETE, &ACCEPT];

/// A script and its name.
#[derive(Debug)]
pub struct Script {
    pub name: &'static str,
    pub text: &'static str,
    hashed: OnceLock<::redis::Script>,
}

impl Script {
    const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, hashed: OnceLock::new() }
    }

    /// What `EVALSHA` takes for it, in lower-case hexadecimal digits.
    pub fn sha1(&self) -> &str {
        self.hashed().get_hash()
    }

    /// A call, to be given its keys and arguments.
    pub(super) fn call(&self) -> ScriptInvocation<'_> {
        self.hashed().prepare_invoke()
    }

    fn hashed(&self) -> &::redis::Script {
        self.hashed.get_or_init(|| ::redis::Script::new(self.text))
    }
}

#[cfg(test)]
mod tests {
    use crate::roles::KEYS_KEPT;

    #[test]
    fn the_scripts_keep_as_many_idempotency_keys_as_every_store() {
        let trim = format!("'ZREMRANGEBYRANK', keys, 0, -{})", KEYS_KEPT + 1);
        assert!(super::COMMIT.text.contains(&trim), "{trim}");
    }
}
