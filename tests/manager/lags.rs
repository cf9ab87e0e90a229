//! How soon the grants of an organization of 100,000 accounts are dead: while a real server is asked about a sample of them,
//! a product is disabled, the organization is replaced, and deleted.
//!
//! Always holds: a write is taken to be acknowledged at its generation, which is the server's clock when the change became
//! visible: earlier than its caller heard of it, by all the sweeping that a large write ends with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rolegate::audit::{Note, Record};
use rolegate::domain::{Generation, OrganizationId};
use rolegate::manager::execute;
use rolegate::policy::{Policy, PolicyFiles};
use rolegate::roles::RoleStore as _;

use crate::large::{ACCOUNTS, LIVECHAT, acme};
use crate::model::Step;
use crate::processes::{nanos, open};
use crate::requests::request;
use crate::support::ask::Ask;
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::redis::Redis;
use crate::support::sidecar::Served;

const ASKERS: usize = 4;
const SAMPLE: usize = 200;
/// How long it goes on being asked after a write.
const AFTERWARDS: Duration = Duration::from_millis(1_500);

/// Questions, by when they were sent, in microseconds since 1970, and whether they were allowed.
type Answers = Arc<Mutex<Vec<(u64, bool)>>>;

fn micros() -> u64 {
    u64::try_from(nanos() / 1_000).unwrap()
}

/// Asks about the sample until it is told to stop.
fn ask_on(served: &Served, first: usize, stop: &AtomicBool, answers: &Answers) {
    for turn in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let account = (first + turn * ASKERS) % SAMPLE * (ACCOUNTS / SAMPLE);
        let ask = Ask::role(&format!("account-{account:06}"), "acme", "LiveChat", "normal");
        let sent = micros();
        let Some(reply) = served.reply(&ask) else { continue };
        let allowed = reply.status == 200 && reply.json()["allowed"] == true;
        answers.lock().unwrap().push((sent, allowed));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// While the sample is asked about, carries out a write; nothing may be allowed later than the bound after it.
async fn dies(served: &Arc<Served>, what: &str, write: impl Future<Output = Generation>) {
    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Answers::default());
    let askers: Vec<_> = (0..ASKERS)
        .map(|first| {
            let (served, stop, answers) = (served.clone(), stop.clone(), answers.clone());
            std::thread::spawn(move || ask_on(&served, first, &stop, &answers))
        })
        .collect();
    let began = Instant::now();
    // Each of the sample is in the cache by then.
    while answers.lock().unwrap().iter().filter(|(_, allowed)| *allowed).count() < 2 * SAMPLE {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: nothing is allowed before");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let acknowledged = write.await.0;
    let heard = micros();
    let until = (heard + u64::try_from(AFTERWARDS.as_micros()).unwrap())
        .max(acknowledged + u64::try_from((BOUND * 2).as_micros()).unwrap());
    while micros() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::SeqCst);
    askers.into_iter().for_each(|asker| asker.join().unwrap());
    let answers = answers.lock().unwrap();
    let lag = |sent: u64| Duration::from_micros(sent.saturating_sub(acknowledged));
    let worst = answers.iter().filter(|(_, allowed)| *allowed).map(|(sent, _)| lag(*sent)).max().unwrap();
    let late = answers.iter().filter(|(sent, _)| lag(*sent) > BOUND + BOUND_SLACK).count();
    println!(
        "{what}: the last allow was asked for {worst:?} after the write, of {} questions, {late} of them past the bound; \
         its caller heard of it after {:?}",
        answers.len(),
        lag(heard)
    );
    assert!(late > 100, "{what}: hardly anything was asked past the bound");
    assert!(worst <= BOUND + BOUND_SLACK, "{what}: allowed {worst:?} after the write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grants_of_a_large_organization_die_within_the_bound() {
    let redis = Redis::start();
    let store = open(&redis.url()).await;
    let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
    store.initialise().await.unwrap();
    let replace = async |expected, livechat| {
        let write = acme(expected, livechat);
        let record = Record::of(&Note::plain("test", "replace"), None, &write);
        store.write(&write, &record).await.unwrap()
    };
    let ask = async |step: Step| execute(&*store, &policy, &request("acme", &step)).await.unwrap().generation;
    let current = async || {
        let id = OrganizationId::new("acme").unwrap();
        store.accounts(&id, None, 1).await.unwrap().map(|page| page.generation)
    };

    replace(None, Some(LIVECHAT)).await;
    let url = redis.url();
    let served = Arc::new(tokio::task::spawn_blocking(move || Served::over(&url)).await.unwrap());
    dies(&served, "a product disabled", ask(Step::Disable { product: "LiveChat" })).await;
    replace(current().await, Some(LIVECHAT)).await;
    dies(&served, "a replace", async { replace(current().await, None).await }).await;
    replace(current().await, Some(LIVECHAT)).await;
    dies(&served, "a deletion", ask(Step::Delete)).await;
}
