//! A server on a free port with a store in memory, and clients for it.

mod client;
mod store;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rolegate::app::Workers;
use rolegate::authorizer::Authorizer;
use rolegate::cache::{CacheLimits, RoleCache};
use rolegate::config::Scheduling;
use rolegate::freshness::Stamps;
use rolegate::health::Health;
use rolegate::http::{HttpLimits, ListenAddress, Listener, ListingTokens, Services, Stopped, serve};
use rolegate::policy::PolicySource;
use rolegate::telemetry::Telemetry;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use client::{Connection, Reply};
pub use store::FakeStore;

/// May a-1 act as administrator in LiveChat for acme? It may.
pub const QUESTION: &str =
    r#"{"account":"a-1","organization":"acme","product":"LiveChat","role":"administrator"}"#;
pub const QUERY: &str = "/check?account=a-1&organization=acme&product=LiveChat&role=administrator";

/// The built-in policy never changes, and checking it takes time.
static POLICIES: LazyLock<Arc<PolicySource>> = LazyLock::new(|| Arc::new(PolicySource::open(None).unwrap()));

/// Limits whose end a test can wait for.
pub fn quick() -> HttpLimits {
    HttpLimits {
        stop_grace: Duration::from_millis(50),
        stop_linger: Duration::from_millis(50),
        stop_drain: Duration::from_secs(5),
        ..HttpLimits::default()
    }
}

/// The listing token of `with_tokens`.
pub const TOKEN: &str = "0123456789-token-of-the-audit";

/// A server whose listings need `TOKEN`.
pub async fn with_tokens() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens");
    std::fs::write(&path, TOKEN).unwrap();
    let tokens = ListingTokens::read(&path).unwrap();
    Server::prepared("127.0.0.1:0", quick(), FakeStore::default(), |services| {
        services.listing_tokens = tokens;
    })
    .await
}

pub struct Server {
    pub address: String,
    pub store: Arc<FakeStore>,
    pub services: Services,
    /// Where connections are served.
    pub runtimes: Vec<Handle>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Stopped>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(quick(), FakeStore::default()).await
    }

    pub async fn with(limits: HttpLimits, store: FakeStore) -> Self {
        Self::at("127.0.0.1:0", limits, store).await
    }

    pub async fn at(address: &str, limits: HttpLimits, store: FakeStore) -> Self {
        Self::prepared(address, limits, store, |_| {}).await
    }

    /// Starts with changed services, on two threads of its own, as on a machine with two processors.
    pub async fn prepared(
        address: &str,
        limits: HttpLimits,
        store: FakeStore,
        change: impl FnOnce(&mut Services),
    ) -> Self {
        Self::launch(address, limits, store, change, Some(workers(2))).await
    }

    /// Starts on so many threads of its own.
    pub async fn on_threads(count: usize, limits: HttpLimits) -> Self {
        Self::launch("127.0.0.1:0", limits, FakeStore::default(), |_| {}, Some(workers(count))).await
    }

    /// Starts with changed services on the thread of the test.
    pub async fn here(limits: HttpLimits, store: FakeStore, change: impl FnOnce(&mut Services)) -> Self {
        Self::launch("127.0.0.1:0", limits, store, change, None).await
    }

    async fn launch(
        address: &str,
        limits: HttpLimits,
        store: FakeStore,
        change: impl FnOnce(&mut Services),
        workers: Option<Workers>,
    ) -> Self {
        let stamps = Arc::new(Stamps::default());
        let store = Arc::new(store.with_stamps(Arc::clone(&stamps)));
        let cache_limits = CacheLimits::new(1 << 20, Duration::from_secs(5));
        let cache = RoleCache::new(store.clone(), stamps, cache_limits);
        let mut services = Services {
            authorizer: Arc::new(Authorizer::new(cache, store.clone())),
            policies: Arc::clone(&POLICIES),
            telemetry: Arc::new(Telemetry::default()),
            health: Arc::new(Health::default()),
            listing_tokens: ListingTokens::default(),
            decision_log: false,
        };
        change(&mut services);
        let address: ListenAddress = address.parse().unwrap();
        let listener = Listener::bind(&address).await.unwrap();
        let address = listener.url().unwrap().trim_start_matches("http://").to_owned();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let served = services.clone();
        let runtimes = workers.as_ref().map_or_else(|| vec![Handle::current()], |own| own.handles().to_vec());
        let serving = {
            let runtimes = runtimes.clone();
            tokio::spawn(async move {
                let _threads = workers;
                serve(listener, served, limits, &runtimes, shutdown).await
            })
        };
        Self { address, store, services, runtimes, stop: Some(stop), serving }
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(&self.address).await
    }

    /// One request on a connection of its own.
    pub async fn get(&self, target: &str) -> Reply {
        self.connect().await.get(target).await
    }

    /// One request on a connection of its own.
    pub async fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Reply {
        self.connect().await.post(target, body).await
    }

    pub async fn check(&self, body: impl AsRef<[u8]>) -> Reply {
        self.post("/check", body).await
    }

    /// The value of a metric's sample, as `name{labels}`.
    pub async fn metric(&self, sample: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no sample {sample}")).parse().unwrap()
    }

    /// Sends the stop signal.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub async fn ended(self) -> Stopped {
        self.serving.await.unwrap()
    }
}

fn workers(count: usize) -> Workers {
    Workers::start("serve", count, Scheduling::Inherit).unwrap()
}
