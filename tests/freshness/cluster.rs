//! Redis as people run it: a primary with replicas, and three Sentinels that watch it.
//! Always holds: every process is this cluster's own and ends with it; members are named by their place.
//! Called by the scenarios of demotion and failover.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::redis::{Options, Redis};
use crate::support::resp::Value;
use crate::support::sentinel::{SERVICE, Sentinel};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Servers of which one is the primary and the others follow it.
#[derive(Debug)]
pub struct Replicas {
    pub members: Vec<Redis>,
    pub primary: usize,
}

impl Replicas {
    /// A primary and `replicas` that follow it, in step.
    pub fn start(replicas: usize) -> Self {
        let at_once = ["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16mb"];
        let start = || {
            let arguments = at_once.map(str::to_owned).to_vec();
            Redis::start_with(Options { arguments, ..Options::default() })
        };
        let members: Vec<Redis> = (0..=replicas).map(|_| start()).collect();
        let cluster = Self { members, primary: 0 };
        for member in &cluster.members[1..] {
            follow(member, cluster.port());
        }
        cluster.wait_until_in_step();
        cluster
    }

    pub fn primary(&self) -> &Redis {
        &self.members[self.primary]
    }

    /// The port of the primary.
    pub fn port(&self) -> u16 {
        self.primary().port()
    }

    /// Waits until every other member follows the primary and has all that it has written.
    pub fn wait_until_in_step(&self) {
        wait_for("the replicas to be in step", || {
            let written = replication(self.primary(), "master_repl_offset");
            let in_step = |member: &&Redis| {
                replication(member, "master_link_status").as_deref() == Some("up")
                    && replication(member, "slave_repl_offset") == written
            };
            let others = self.members.iter().filter(|member| member.port() != self.port());
            others.filter(in_step).count() == self.members.len() - 1
        });
    }

    /// A demotion in place, coordinated by Redis: the next member becomes the primary, the old one follows it.
    pub fn fail_over_in_place(&mut self) {
        let next = (self.primary + 1) % self.members.len();
        let port = self.members[next].port().to_string();
        self.primary().call(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "5000"]);
        wait_for("the coordinated failover", || is_primary(&self.members[next]));
        wait_for("the demotion", || !is_primary(self.primary()));
        self.primary = next;
    }

    /// A demotion in place by command: the next member, which must be in step, is promoted, then the old primary is
    /// told to follow it.
    pub fn demote_by_command(&mut self) {
        let next = (self.primary + 1) % self.members.len();
        self.members[next].call(&["REPLICAOF", "NO", "ONE"]);
        follow(self.primary(), self.members[next].port());
        self.primary = next;
    }

    /// Ends replication and keeps it from starting again: what is acknowledged from now on is on the primary alone.
    pub fn cut_replication(&self) {
        self.primary().call(&["ACL", "SETUSER", "default", "-psync", "-sync", "-replconf"]);
        self.primary().call(&["CLIENT", "KILL", "TYPE", "replica"]);
    }
}

/// Replicas behind three Sentinels.
#[derive(Debug)]
pub struct Watched {
    pub replicas: Replicas,
    sentinels: [Sentinel; 3],
}

impl Watched {
    /// Two replicas; a primary that does not answer for a second is found to be down.
    pub fn start() -> Self {
        let replicas = Replicas::start(2);
        let settings =
            [("down-after-milliseconds", 1_000), ("failover-timeout", 2_000), ("parallel-syncs", 2)];
        let sentinels = [(); 3].map(|()| Sentinel::watch(replicas.port(), 2, &settings));
        let cluster = Self { replicas, sentinels };
        cluster.wait_until_known();
        cluster
    }

    /// The URL by which the primary is found.
    pub fn url(&self) -> String {
        url_of(&self.nodes())
    }

    /// Where the Sentinels listen: host and port.
    pub fn nodes(&self) -> [String; 3] {
        self.sentinels.each_ref().map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
    }

    /// A planned failover; returns when a majority names the new primary.
    pub fn fail_over(&mut self) -> Instant {
        // Sentinels refuse while they still know too little of a replica.
        wait_for("the planned failover to start", || {
            let reply = self.sentinels[0].try_call(&["SENTINEL", "FAILOVER", SERVICE]);
            reply == Some(Value::Simple("OK".into()))
        });
        self.wait_for_another()
    }

    /// Starts the member that was killed again, as a replica, and waits until everybody knows everybody.
    pub fn revive(&mut self, member: usize) {
        let port = self.replicas.port();
        let revived = &mut self.replicas.members[member];
        revived.restart_empty();
        follow(revived, port);
    }

    /// Waits until all members follow the primary and all Sentinels know all of them.
    pub fn wait_until_whole(&self) {
        wait_for("the old primary to follow", || {
            self.replicas.members.iter().filter(|member| is_primary(member)).count() == 1
        });
        self.replicas.wait_until_in_step();
        self.wait_until_known();
    }

    /// Returns when a majority names another primary than the present one.
    pub fn wait_for_another(&mut self) -> Instant {
        let before = self.replicas.port();
        let named = || self.sentinels.iter().map(Sentinel::primary).filter(|port| *port != before);
        wait_for("a majority to name another primary", || named().count() >= 2);
        let now = Instant::now();
        let port = named().next().unwrap();
        let place = self.replicas.members.iter().position(|member| member.port() == port);
        self.replicas.primary = place.expect("Sentinels name one of the members");
        now
    }

    fn wait_until_known(&self) {
        let replicas = (self.replicas.members.len() - 1).to_string();
        wait_for("the Sentinels to know each other and the replicas", || {
            self.sentinels.iter().all(|sentinel| {
                sentinel.knows("num-other-sentinels") == "2"
                    && sentinel.knows("num-slaves") == replicas
                    && sentinel.knows("flags") == "master"
            })
        });
    }
}

/// The URL of the service that these Sentinels watch.
pub fn url_of(nodes: &[String]) -> String {
    format!("redis+sentinel://{}/{SERVICE}", nodes.join(","))
}

fn follow(member: &Redis, port: u16) {
    member.call(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
}

/// A field of what a member says of its replication; not every role has every field.
fn replication(member: &Redis, field: &str) -> Option<String> {
    let said = member.call(&["INFO", "replication"]).text();
    let value = said.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.map(str::to_owned)
}

fn is_primary(member: &Redis) -> bool {
    member.call(&["ROLE"]).items()[0] == Value::Bulk(b"master".to_vec())
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        thread::sleep(LOOK);
    }
}
