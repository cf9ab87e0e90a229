//! Random worlds, imported for real and asked over HTTP, against the independent oracle: decision and reason.
//! Always holds: every answer is right for a world that may be in the store, and none is older than the bound.
//! Called by the test runner. `ROLEGATE_DIFFERENTIAL=N` sets the number of decisions over both stores together
//! (default 1,000,000); `ROLEGATE_SEED=N` repeats a run, whose seed each test prints first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod run;
#[path = "../support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fastrand::Rng;
use rustix::process::Signal;

use run::Run;
use support::flags::{BOUND, BOUND_SLACK};
use support::import::{self, Lines};
use support::judge::Store;
use support::oracle::{Organization, World};
use support::redis::Redis;
use support::server::Server;
use support::worlds::{changed, json_lines, organization, organization_id, world};

/// Organizations in a world.
const ORGANIZATIONS: usize = 45;

/// Decisions for one store: half of all.
fn decisions() -> usize {
    let all = std::env::var("ROLEGATE_DIFFERENTIAL");
    all.map_or(1_000_000, |all| all.replace('_', "").parse().expect("ROLEGATE_DIFFERENTIAL is no number")) / 2
}

fn seeded(test: &str) -> (u64, Rng) {
    let seed = std::env::var("ROLEGATE_SEED");
    let seed =
        seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("ROLEGATE_SEED is no number"));
    println!("{test}: repeat with ROLEGATE_SEED={seed}");
    (seed, Rng::with_seed(seed))
}

/// Replaces some organizations of `world` by changed ones and adds a new one at times; returns what was written.
fn change(rng: &mut Rng, world: &mut World) -> Vec<Organization> {
    let now = run::now();
    let mut written: Vec<Organization> = Vec::new();
    for _ in 0..rng.u8(1..=4) {
        let place = rng.usize(0..world.0.len());
        if written.iter().all(|each| each.id != world.0[place].id) {
            world.0[place] = changed(rng, &world.0[place], now);
            written.push(world.0[place].clone());
        }
    }
    let id = organization_id(rng);
    if rng.u8(0..4) == 0 && world.0.iter().all(|each| each.id != id) {
        world.0.push(organization(rng, id, now));
        written.extend(world.0.last().cloned());
    }
    written
}

/// The embedded store is exclusive: the server stops for each import, and starts again over the same folder.
#[test]
fn embedded_store_agrees_with_the_oracle() {
    let (seed, mut rng) = seeded("embedded");
    let wanted = decisions();
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(&mut rng, ORGANIZATIONS, run::now());
    let load = Lines::new(&json_lines(&world.0));
    let mut server = Server::embedded(folder.path(), Some(&load.path()));
    let mut run = Run::new(Store::Embedded, seed, server.address());
    loop {
        for _ in 0..5 {
            run.batches(&mut rng, &world, &world);
            run.singles(&mut rng, &world, &world);
        }
        if run.decisions() >= wanted {
            break;
        }
        assert!(server.stop().success(), "SIGTERM must end the server with success");
        let written = change(&mut rng, &mut world);
        run.acknowledged(import::into_folder(folder.path(), &json_lines(&written)));
        server = Server::embedded(folder.path(), None);
        run.reconnect(server.address());
    }
    assert_eq!(run.unknown(), 0, "the embedded store must always be able to say");
    println!("embedded: {}", run.summary());
}

/// Over Redis the writes go on while the questions are asked, and every answer after one must soon show it.
#[test]
fn redis_store_agrees_with_the_oracle_while_written() {
    let (seed, mut rng) = seeded("redis");
    let wanted = decisions();
    let redis = Redis::start();
    let mut world = world(&mut rng, ORGANIZATIONS, run::now());
    import::into_redis(&redis.url(), &json_lines(&world.0));
    let mut server = Server::over_redis(&redis.url());
    let mut run = Run::new(Store::Redis, seed, server.address());
    for step in 1.. {
        let old = world.clone();
        let written = change(&mut rng, &mut world);
        let lines = json_lines(&written);
        let focus = World(written);

        let done = AtomicBool::new(false);
        let acknowledged = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let acknowledged = import::into_redis(&redis.url(), &lines);
                done.store(true, Ordering::Release);
                acknowledged
            });
            while !done.load(Ordering::Acquire) && !writer.is_finished() {
                run.while_writing(&mut rng, &world, &old, &focus);
            }
            writer.join().unwrap()
        });
        run.acknowledged(acknowledged);
        run.focused(&mut rng, &world, &old, &focus);
        run.batches(&mut rng, &world, &old);
        run.singles(&mut rng, &world, &old);
        if run.decisions() >= wanted {
            break;
        }
        if step % 10 == 0 {
            server.kill();
            server = Server::over_redis(&redis.url());
            run.reconnect(server.address());
        }
    }
    run.assert_few_unknown();
    println!("redis: {}", run.summary());
}

/// A server that could hear no push for longer than the bound must not answer from its memory when it goes on.
#[test]
fn a_server_frozen_during_a_write_does_not_answer_from_before_it() {
    let (seed, mut rng) = seeded("frozen");
    let redis = Redis::start();
    let mut world = world(&mut rng, 20, run::now());
    import::into_redis(&redis.url(), &json_lines(&world.0));
    let server = Server::over_redis(&redis.url());
    let mut run = Run::new(Store::Redis, seed, server.address());
    run.batches(&mut rng, &world, &world);
    for _ in 0..5 {
        let old = world.clone();
        server.signal(Signal::STOP);
        let written = change(&mut rng, &mut world);
        let acknowledged = import::into_redis(&redis.url(), &json_lines(&written));
        thread::sleep(BOUND + BOUND_SLACK * 2);
        server.signal(Signal::CONT);
        run.acknowledged(acknowledged);
        run.focused(&mut rng, &world, &old, &World(written));
    }
    println!("frozen: {}", run.summary());
}
