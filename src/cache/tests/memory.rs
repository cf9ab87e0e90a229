//! What stays in memory, and what it takes.

use super::*;

#[tokio::test]
async fn a_large_organization_is_spread_and_stays_within_its_bytes() {
    let scene = Scene::new(None);
    for number in 0..20_000 {
        let name = format!("b-{number}");
        scene.write(&name, 1, vec!["Accounts/member", "LiveChat/normal"]);
        scene.ask(&name).await.unwrap();
    }
    scene.cache.buckets.run_pending_tasks();
    let (bytes, entries) = scene.cache.size();
    assert!(bytes <= 1 << 20, "{bytes} bytes");
    assert!(entries > 16, "{entries} buckets for a crowd");
    let bucket = scene.cache.buckets.iter().map(|(_, bucket)| bucket.accounts()).max().unwrap();
    assert!(bucket <= 130, "a bucket of {bucket} accounts");
}

#[tokio::test]
async fn a_crowded_bucket_finds_whom_it_holds() {
    let scene = Scene::new(None);
    let names: Vec<String> = (0..65).map(|number| format!("b-{number}")).collect();
    for name in &names {
        scene.write(name, 1, vec!["Accounts/member"]);
        scene.ask(name).await.unwrap();
    }
    let (_, bucket) = scene.cache.buckets.iter().next().unwrap();
    assert!(bucket.is_crowded());
    let position = |name: &String| {
        let (organization, account) = (organization(), account(name));
        let place = scene.stamps.place(&organization, &account);
        let numbering = scene.policy.catalogue().numbering();
        let stamp = scene.stamps.take(place);
        let (organization, account) = (&organization, &account);
        bucket.find(&Wanted { numbering, organization, account, place, stamp, oldest: None })
    };
    let mut found: Vec<usize> = names.iter().filter_map(position).collect();
    found.sort_unstable();
    assert_eq!(found, (0..65).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_asked_for_all_the_time_outlasts_a_stream_of_what_is_not() {
    let scene = Scene::with(None, CacheLimits::new(1 << 16, Duration::from_millis(200)));
    let ask = async |organization: &str| {
        let organization = OrganizationId::new(organization).unwrap();
        let facts = scene.cache.facts(&scene.policy, &organization, &account("a-1"), Terms::default()).await;
        facts.unwrap().source
    };
    let mut read_again = 0;
    for number in 0..2_000 {
        for _ in 0..20 {
            read_again += usize::from(ask("asked-often").await == Source::Store);
        }
        ask(&format!("asked-once-{number}")).await;
    }
    scene.cache.buckets.run_pending_tasks();
    assert!(scene.cache.size().0 <= 1 << 16);
    assert!(read_again < 10, "read {read_again} times");
}

#[tokio::test]
async fn what_was_dropped_is_not_kept_by_what_stands_in_front() {
    let scene = Scene::new(None);
    scene.ask("a-1").await.unwrap();
    let place = scene.stamps.place(&organization(), &account("a-1"));
    let hash = scene.cache.spread.hash(place);
    assert!(scene.cache.front.get(hash).is_some());
    scene.cache.buckets.invalidate_all();
    scene.cache.buckets.run_pending_tasks();
    // What moka dropped goes when its last reader has left.
    for _ in 0..1_000 {
        scene.cache.buckets.run_pending_tasks();
        if scene.cache.front.get(hash).is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("a dropped bucket is still there");
}

#[tokio::test]
async fn what_nobody_shares_counts_as_much_when_it_is_read_again() {
    let scene = Scene::new(None);
    let unknown: Vec<&'static str> = (0..100).map(|n| &*format!("LiveChat/{n:0>100}").leak()).collect();
    scene.write("a-1", 1, unknown);
    let counted = async || {
        // Whoever may ask can have it read again.
        let newer = scene.ask_at_least("a-1", Some(2)).await;
        assert!(matches!(newer, Err(Unknown::NotFreshEnough { .. })));
        scene.cache.buckets.run_pending_tasks();
        scene.cache.size().0
    };
    // The products are common from the second time on.
    counted().await;
    let first = counted().await;
    assert!(first > 10_000, "{first} bytes");
    for _ in 0..3 {
        assert_eq!(counted().await, first);
    }
}
