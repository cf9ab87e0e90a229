//! Reading one's own writes: a question that names a generation, at once after the write that returned it.
//! Always holds: the sidecars asked are others than the writer, and have the state before the write in memory.
//! Called by the test runner.

use std::thread;

use crate::support::ask::Ask;
use crate::support::problem;
use crate::support::redis::Redis;
use crate::support::sidecar::{Served, Sidecar};
use crate::writer::Writer;

const WRITES: usize = 200;
const ACCOUNTS: usize = 20;

/// Whether it was answered at all: with the state of that generation or a newer one, or else with `not_fresh_enough`.
fn is_answered(served: &Served, account: usize, least: u64, holds: bool) -> bool {
    let (organization, name) = Writer::name(account);
    let ask = Ask::role(&name, &organization, "LiveChat", "administrator");
    let reply = served.reply(&Ask { min_generation: Some(least), ..ask }).unwrap();
    if reply.status == 503 {
        assert_eq!(problem::code_of(&reply), "not_fresh_enough");
        return false;
    }
    let answer = reply.json();
    assert_eq!(answer["allowed"], holds, "asked for {least}: {answer}");
    assert!(answer["generation"].as_u64().unwrap() >= least, "asked for {least}: {answer}");
    true
}

#[test]
fn an_answer_is_never_older_than_the_generation_asked_for() {
    let redis = Redis::start();
    let writer = Writer::connect(&redis.url(), ACCOUNTS);
    writer.make_store();
    let sidecars = [(); 2].map(|()| Served::over(&redis.url()));
    let mut answered = 0;
    for number in 0..WRITES {
        let (account, holds) = (number % ACCOUNTS, (number / ACCOUNTS).is_multiple_of(2));
        let (organization, name) = Writer::name(account);
        sidecars.iter().for_each(|served| drop(served.ask(&organization, &name)));
        let least = writer.set(account, holds).0;
        answered += thread::scope(|scope| {
            let asking = sidecars
                .each_ref()
                .map(|served| scope.spawn(move || usize::from(is_answered(served, account, least, holds))));
            asking.map(|asking| asking.join().unwrap()).iter().sum::<usize>()
        });
    }
    println!("min_generation: {answered} of {} answered", 2 * WRITES);
    // The primary has what it has acknowledged: one read is enough.
    assert!(answered > 2 * WRITES * 9 / 10, "{answered} answered");
}
