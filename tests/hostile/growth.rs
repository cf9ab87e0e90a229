//! The same hostile requests many times over: memory and descriptors stay where they were.
//! Always holds: growth is measured after a first pass, so that what is set up once does not count.
//! Called by the test runner.

use std::time::Duration;

use super::fixture::{GOOD, Hostile, assert_good};
use crate::support::http::send_raw;

/// Growth that allocators and pools may cause, in bytes.
const MEMORY_SLACK: u64 = 12 << 20;

#[test]
fn hostile_requests_leave_nothing_behind() {
    let hostile = Hostile::start();
    pass(&hostile, 0);
    pass(&hostile, 1);
    let (memory, files) = (hostile.server.resident_bytes(), hostile.server.open_files());
    for number in 2..12 {
        pass(&hostile, number);
    }
    let grown = hostile.server.resident_bytes().saturating_sub(memory);
    assert!(grown < MEMORY_SLACK, "memory grew by {grown} bytes in ten passes");
    std::thread::sleep(Duration::from_millis(200));
    assert!(hostile.server.open_files() <= files + 2, "descriptors are left open");
}

/// A thousand requests: refused ones, unknown ids that must not fill a cache without bound, broken connections.
fn pass(hostile: &Hostile, number: usize) {
    let mut client = hostile.client();
    let deep = format!("{{\"account\":{}", "[".repeat(8_000));
    let long = GOOD.replace("a-1", &"x".repeat(10_000));
    for place in 0..100 {
        for body in ["", "[]", &deep, &long, r#"{"account":"a","account":"b"}"#] {
            assert_eq!(client.post("/check", body).status, 400);
        }
        let unknown_product = GOOD.replace("LiveChat", &format!("Product-{number}-{place}"));
        assert_eq!(client.post("/check", unknown_product).status, 400);
        let unknown_field = GOOD.replace("{", &format!("{{\"field-{number}-{place}\":1,"));
        assert_eq!(client.post("/check", unknown_field).status, 400);
        assert_eq!(client.get(&format!("/nope-{number}-{place}")).status, 404);
        let stranger = GOOD.replace("a-1", &format!("stranger-{number}-{place}"));
        assert_eq!(client.post("/check", stranger).status, 200);
        let elsewhere = GOOD.replace("acme", &format!("elsewhere-{number}-{place}"));
        assert_eq!(client.post("/check", elsewhere).status, 200);
    }
    for broken in ["GET", "POST /check HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", "\0\0\0"]
    {
        for _ in 0..10 {
            send_raw(
                hostile.server.address(),
                &[(broken.as_bytes(), Duration::ZERO)],
                Duration::from_millis(5),
            );
        }
    }
    assert_good(&mut client, "a pass");
}
