//! What a Redis user needs to be able to do for rolegate, and no more.
//!
//! Always true here: a reader can change nothing; a writer can do what a reader can, and run the scripts. Printed
//! by `rolegate acl`, and what the tests over Redis run with.

/// Keys and channels of every user; the commands follow.
const SCOPE: &str = "resetkeys ~rg:* resetchannels -@all";

/// Commands of whoever answers checks: reads, what proves that they are fresh, and opening a connection.
const READER: &str = "+mget +get +exists +zrange +zscore +xrange +xrevrange +info +role +time +ping +client|tracking +hello +auth +select";

/// What imports and changes run beside that: the scripts, the commands in them, and waiting for replicas.
const WRITER: &str =
    "+set +unlink +zadd +zrem +zcard +zremrangebyrank +xadd +xdel +strlen +eval +evalsha +script|load +wait";

/// A kind of user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AclRole {
    Reader,
    Writer,
}

impl AclRole {
    /// The keys and commands of such a user, beside whatever it has.
    pub fn rights(self) -> String {
        format!("~rg:* {}", self.commands())
    }

    /// The rules of such a user, as `ACL SETUSER` takes them.
    pub fn rules(self) -> String {
        format!("{SCOPE} {}", self.commands())
    }

    fn commands(self) -> String {
        match self {
            Self::Reader => READER.to_owned(),
            Self::Writer => format!("{READER} {WRITER}"),
        }
    }
}
