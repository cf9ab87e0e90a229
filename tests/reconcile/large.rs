//! Memory: one organization at a time, whatever the file and the store hold.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::world::{World, organization};

/// Runs to the end; the most memory that it had resident, in bytes.
fn peak(world: &World, arguments: &[&str]) -> u64 {
    let begun = Instant::now();
    let mut child = world.command(arguments).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = high.and_then(|high| high.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes * 1024);
        sleep(Duration::from_millis(2));
    }
    let exit = child.wait().unwrap().code();
    println!("{arguments:?}: exit {exit:?}, {} MB in {:?}", peak / 1_000_000, begun.elapsed());
    assert_eq!(exit, Some(0));
    peak
}

/// Compares and repairs with `source`, whose first organization differs; the peaks of both.
fn peaks(store: &str) -> [u64; 2] {
    let world = World::over_redis(store);
    let same = world.folder.file("same.jsonl", store);
    let source = store.replacen(r#""role":"normal""#, r#""role":"administrator""#, 1);
    let file = world.folder.file("source.jsonl", &source);
    let peaks = [
        peak(&world, &["reconcile", "--from", &same]),
        peak(&world, &["reconcile", "--from", &file, "--repair"]),
    ];
    world.reconcile(&source, &[]).expect(0, &[]);
    peaks
}

#[test]
fn memory_follows_the_largest_organization_and_not_the_store() {
    let many =
        |count: usize| -> String { (0..count).map(|n| organization(&format!("o-{n:03}"), 2_000)).collect() };
    let (few, more) = (peaks(&many(5)), peaks(&many(20)));
    for (few, more) in few.into_iter().zip(more) {
        assert!(more * 10 < few * 13, "four times the store took {more} bytes after {few}");
    }
}

#[test]
fn an_organization_of_a_hundred_thousand_accounts_is_compared_and_repaired() {
    let [small, _] = peaks(&organization("acme", 1));
    let [compared, repaired] = peaks(&organization("acme", 100_000));
    println!("{} and {} times the memory of a small one", compared / small, repaired / small);
    assert!(compared < 300 << 20, "{compared} bytes to compare");
    assert!(repaired < 400 << 20, "{repaired} bytes to repair");
}
