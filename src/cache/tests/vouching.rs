//! What the cache answers while somebody vouches for the store, and when nobody does any more.

use super::*;

const BOUND: Duration = Duration::from_millis(40);

/// A scene whose store is vouched for from now on, for `BOUND`.
fn vouched() -> Scene {
    let scene = Scene::new(Some(BOUND));
    scene.renew();
    scene
}

#[tokio::test]
async fn memory_and_store_answer_while_the_lease_runs_and_not_after() {
    let scene = vouched();
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)));
    tokio::time::sleep(BOUND).await;
    assert!(matches!(scene.ask("a-1").await, Err(Unknown::Store(StoreError::Unavailable(_)))));
    assert!(matches!(scene.ask("a-2").await, Err(Unknown::Store(StoreError::Unavailable(_)))));
    scene.renew();
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)), "what was known holds under the new lease");
}

#[tokio::test]
async fn a_store_that_nobody_ever_vouched_for_gives_no_answer() {
    let scene = Scene::new(Some(BOUND));
    assert!(matches!(scene.ask("a-1").await, Err(Unknown::Store(StoreError::Unavailable(_)))));
    assert!(!scene.cache.memory_holds(BOUND));
}

#[tokio::test]
async fn an_answer_tells_what_is_left_of_the_lease() {
    let scene = Scene::new(Some(Duration::from_secs(9)));
    scene.renew();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..2 {
        let Freshness { age, fresh_for } =
            scene.facts("a-1", Terms::default()).await.unwrap().freshness.unwrap();
        assert!(
            fresh_for <= Duration::from_millis(8_980),
            "the lease counts from its renewal: {fresh_for:?}"
        );
        assert!(age < Duration::from_millis(15), "the read made the data younger: {age:?}");
    }
}

#[tokio::test]
async fn after_the_lease_memory_answers_as_long_as_the_window_allows() {
    let scene = vouched();
    scene.ask("a-1").await.unwrap();
    tokio::time::sleep(BOUND).await;
    let window = Terms { fail_static: BOUND, ..Terms::default() };
    let stale = scene.facts("a-1", window).await.unwrap();
    assert!(stale.stale && stale.freshness.is_none() && stale.source == Source::Memory);
    assert!(scene.facts("a-2", window).await.is_err(), "what nobody has read is not made up");
    scene.write("a-1", 2, vec![]);
    assert!(scene.facts("a-1", window).await.is_err(), "what is known to have changed is not served");
    assert!(scene.cache.memory_holds(BOUND));
    tokio::time::sleep(BOUND).await;
    assert!(scene.facts("a-1", window).await.is_err());
    assert!(!scene.cache.memory_holds(BOUND));
}

#[tokio::test]
async fn a_reading_over_another_link_is_read_again() {
    let scene = Scene::new(None);
    scene.store.link.store(scene.stamps.link_opened(), Ordering::SeqCst);
    scene.ask("a-1").await.unwrap();
    assert_eq!(scene.reads(), 1);
    scene.stamps.link_opened();
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)), "what was kept outlives its link");
    assert_eq!(scene.ask("a-2").await, Err(Unknown::Unsettled), "the store still reads over the link before");
}

#[tokio::test]
async fn what_was_read_is_kept_for_a_while_only() {
    let limits = CacheLimits { keep: BOUND, ..CacheLimits::new(1 << 20, Duration::from_millis(200)) };
    let scene = Scene::with(Some(Duration::from_secs(9)), limits);
    scene.renew();
    scene.ask("a-1").await.unwrap();
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Memory)));
    tokio::time::sleep(BOUND).await;
    assert_eq!(scene.ask("a-1").await, Ok((1, Source::Store)));
}

#[tokio::test]
async fn reads_beyond_the_limit_wait_for_their_turn() {
    let limits = CacheLimits { concurrent_reads: 2, ..CacheLimits::new(1 << 20, Duration::from_secs(5)) };
    let scene = Scene::with(None, limits);
    scene.close_gate();
    let asked: Vec<_> = (0..8)
        .map(|number| {
            let (cache, policy) = (scene.cache.clone(), scene.policy.clone());
            let name = account(&format!("c-{number}"));
            tokio::spawn(async move {
                cache.facts(&policy, &organization(), &name, Terms::default()).await.is_ok()
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(scene.reads(), 2);
    scene.store.gate.add_permits(8);
    for asked in asked {
        assert!(asked.await.unwrap());
    }
    assert_eq!(scene.reads(), 8);
}

/// A slot may hold the bucket of an organization that shares its stripe. Asking for the one must not tell the other's data
/// that a change of their own was somebody else's.
#[tokio::test]
async fn a_look_into_anothers_bucket_leaves_its_data_as_they_are() {
    let scene = Scene::new(None);
    let stamps = Stamps::with_stripes(1, 1);
    let (theirs, account) = (OrganizationId::new("globex").unwrap(), account("a-1"));
    let reading = scene.store.read(&organization(), &account).await.unwrap();
    let look = |bucket: &Bucket, organization: &OrganizationId| {
        let place = stamps.place(organization, &account);
        let (numbering, stamp) = (scene.policy.catalogue().numbering(), stamps.take(place));
        bucket.find(&Wanted { numbering, organization, account: &account, place, stamp, oldest: None })
    };
    let place = stamps.place(&organization(), &account);
    let commons = Commons::default();
    let whose = (&organization(), &account, place);
    let bucket = Bucket::of_one(scene.policy.catalogue(), &commons, whose, (&reading, stamps.take(place)));
    assert_eq!(look(&bucket, &organization()), Some(0));
    stamps.organization_changed(&theirs);
    assert_eq!(look(&bucket, &organization()), Some(0), "what another one changed");
    stamps.organization_changed(&organization());
    assert_eq!(look(&bucket, &theirs), None);
    assert_eq!(look(&bucket, &organization()), None, "its own header changed");
}
