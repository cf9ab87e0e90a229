//! The one table of settings: every name, default, value form and sentence of documentation.
//!
//! Always true here: a setting's flag, environment variable and file key are spelt from its one name, so they
//! cannot drift apart. Read by the flags (`clap`), the environment and file readers, the checks and the
//! generated `docs/configuration.md`.

/// Which commands take a setting as a flag; each scope takes those before it too. Environment and file may
/// hold every setting for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Scope {
    /// Every command.
    Policy,
    /// Every command that reads or writes role assignments.
    Store,
    /// `serve` and `manage`.
    Server,
    /// `serve` alone.
    Serve,
}

macro_rules! settings {
    ($($name:ident = $text:literal, $scope:ident, $form:literal, $default:expr, $about:literal;)*) => {
        /// One thing an operator can set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Setting {
            $($name,)*
        }

        impl Setting {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The key in the configuration file.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The word that stands for its value: what form the value has.
            pub const fn form(self) -> &'static str {
                match self {
                    $(Self::$name => $form,)*
                }
            }

            /// What holds when nobody sets it, as it would be written.
            pub const fn default(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => $default,)*
                }
            }

            /// What it does, in a sentence or two.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about,)*
                }
            }

            pub const fn scope(self) -> Scope {
                match self {
                    $(Self::$name => Scope::$scope,)*
                }
            }
        }
    };
}

settings! {
    Config = "config", Policy, "FILE", None,
        "TOML file with any of these settings. It cannot name another file.";
    Redis = "redis", Store, "URL", None,
        "Redis that holds the role assignments: redis://, rediss:// (TLS), redis+sentinel:// or rediss+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DB]. Without it the embedded store in `data` is used.";
    RedisUsernameFile = "redis_username_file", Store, "FILE", None,
        "File whose first line is the Redis user; read at every connect.";
    RedisPasswordFile = "redis_password_file", Store, "FILE", None,
        "File whose first line is the Redis password; read at every connect, so it can be rotated.";
    RedisCaFile = "redis_ca_file", Store, "FILE", None,
        "PEM file with the authorities trusted for TLS instead of the system's.";
    RedisClientCertFile = "redis_client_cert_file", Store, "FILE", None,
        "PEM file with the certificate shown to Redis over TLS; needs redis_client_key_file.";
    RedisClientKeyFile = "redis_client_key_file", Store, "FILE", None,
        "PEM file with the key of redis_client_cert_file.";
    RedisConnectTimeout = "redis_connect_timeout", Store, "MS", Some("1000"),
        "How long one attempt to connect to Redis may take; other commands than serve give up after twice this.";
    RedisHeartbeat = "redis_heartbeat", Store, "MS", Some("100"),
        "Between two heartbeats on the Redis connection, and less where many changes are pushed; below freshness_bound.";
    FreshnessBound = "freshness_bound", Store, "MS", Some("1000"),
        "Over Redis: how long after the acknowledgement of a revoke the last question may be answered by what held before it (B). Must leave room for a heartbeat and its answer.";
    ReadTimeout = "read_timeout", Store, "MS", Some("250"),
        "How long one read of the store may take before the answer is unknown; below freshness_bound.";
    MaxStoreReads = "max_store_reads", Serve, "COUNT", Some("256"),
        "Reads of the store at the same time; further ones wait within read_timeout. Caps the refill after a reconnect.";
    CacheKeep = "cache_keep", Serve, "MS", Some("30000"),
        "How long a role set read over Redis is kept at most, whatever the lease says; up to an eighth less, drawn for each account.";
    FailStatic = "fail_static", Serve, "PRODUCT/ROLE=MS,…", Some(""),
        "How long after the end of the lease questions for a role are still answered from memory, marked stale (F); *=MS for all others. A revoke may then live as long as freshness_bound and this together.";
    Data = "data", Store, "DIR", Some("./rolegate-data"),
        "Folder of the embedded store, used without `redis`; one process at a time.";
    Policy = "policy", Policy, "DIR", None,
        "Folder with catalogue, rules and legacy table; without it those compiled into the program serve.";
    Listen = "listen", Serve, "ADDRESS", Some("127.0.0.1:8181"),
        "Where to answer: HOST:PORT (port 0 takes a free one) or unix:/PATH.";
    Load = "load", Serve, "FILE", None,
        "JSON Lines to import at start while the store is empty or not initialised; any refusal stops the start, and so does a Redis that is away for 10 s.";
    ListingTokensFile = "listing_tokens_file", Serve, "FILE", None,
        "File with one bearer token a line for those who may list accounts and organizations; without it only loopback and unix sockets list.";
    ManageListen = "manage_listen", Server, "ADDRESS", None,
        "Where to serve the management API, which is off without it: HOST:PORT (port 0 takes a free one) or unix:/PATH. Beyond loopback it needs TLS.";
    ManageCallersFile = "manage_callers_file", Server, "FILE", None,
        "File with the callers of the management API, one a line: NAME RIGHT ORGANIZATIONS CREDENTIAL. Read again when it changes and on SIGHUP.";
    ManageHosts = "manage_hosts", Server, "HOST,…", None,
        "Names that the management listener is called by (HOST or HOST:PORT) beside localhost and its own address; requests for any other are refused.";
    ManageTlsCertFile = "manage_tls_cert_file", Server, "FILE", None,
        "PEM file with the certificate chain of the management listener, which then serves TLS alone; needs manage_tls_key_file.";
    ManageTlsKeyFile = "manage_tls_key_file", Server, "FILE", None,
        "PEM file with the key of manage_tls_cert_file.";
    ManageClientCaFile = "manage_client_ca_file", Server, "FILE", None,
        "PEM file with the authorities that must have signed a client's certificate; without it none is asked for.";
    CacheBytes = "cache_bytes", Serve, "BYTES", Some("268435456"),
        "Memory for role sets read so far.";
    MaxBodyBytes = "max_body_bytes", Server, "BYTES", Some("16384"),
        "Largest body of a request other than a batch.";
    MaxBatchBytes = "max_batch_bytes", Serve, "BYTES", Some("8388608"),
        "Largest body of a batch.";
    MaxBatchChecks = "max_batch_checks", Serve, "COUNT", Some("10000"),
        "Most checks of one batch.";
    MaxHeaderBytes = "max_header_bytes", Server, "BYTES", Some("16384"),
        "Largest head of a request: path, query, header names and values.";
    MaxHeaderFields = "max_header_fields", Server, "COUNT", Some("64"),
        "Most header fields of a request.";
    MaxConnections = "max_connections", Server, "COUNT", Some("10000"),
        "Most open connections of a listener; one more is told so and closed.";
    MaxRequests = "max_requests", Server, "COUNT", Some("1024"),
        "Most requests of a listener under way; one more waits a millisecond for a place and is then refused (503 overloaded). Health, metrics and checks that memory answers do not count.";
    MaxStreams = "max_streams", Server, "COUNT", Some("128"),
        "Most requests at the same time on one HTTP/2 connection.";
    HeaderTimeout = "header_timeout", Server, "MS", Some("5000"),
        "From the first byte of a header to its last.";
    BodyTimeout = "body_timeout", Server, "MS", Some("5000"),
        "From the end of the header to the last byte of the body.";
    IdleTimeout = "idle_timeout", Server, "MS", Some("60000"),
        "How long a connection may be open without a request.";
    WriteTimeout = "write_timeout", Server, "MS", Some("10000"),
        "How long a client may take nothing of an answer.";
    BusyPoll = "busy_poll", Server, "US", Some("100"),
        "Microseconds for which one thread of two looks for the next request before it sleeps, where that finds many; 0 for not at all.";
    Scheduling = "scheduling", Serve, "POLICY", Some("batch"),
        "How the kernel schedules the threads that answer checks: batch (who wakes lets the running thread finish, so that more questions are answered at each turn) or inherit (as the process was started).";
    StopGrace = "stop_grace", Server, "MS", Some("5000"),
        "After SIGTERM: how long connections and requests are still taken while readiness says no.";
    StopLinger = "stop_linger", Server, "MS", Some("500"),
        "After the grace: how long a quiet connection is kept for a request that is on its way.";
    StopDrain = "stop_drain", Server, "MS", Some("10000"),
        "After the grace: how long requests under way may take; what is left then is cut off.";
    LogLevel = "log_level", Server, "LEVEL", Some("info"),
        "error, warn, info, debug or trace.";
    LogFormat = "log_format", Server, "FORMAT", Some("json"),
        "json or text; the log goes to standard error.";
    DecisionLog = "decision_log", Serve, "BOOL", Some("false"),
        "Log every decision with its account and organization.";
}

impl Setting {
    /// The flag, with its dashes.
    pub fn flag(self) -> String {
        format!("--{}", self.key().replace('_', "-"))
    }

    /// The environment variable.
    pub fn variable(self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key().to_ascii_uppercase())
    }

    /// Whether a file may hold it.
    pub fn in_file(self) -> bool {
        self != Self::Config
    }
}

/// Every environment variable that starts so is ours.
pub const VARIABLE_PREFIX: &str = "ROLEGATE_";
