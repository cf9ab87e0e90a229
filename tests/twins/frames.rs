//! The tests' own view of the Redis protocol, on which proxies and fakes rest.
//! Always holds: every kind of frame of RESP2 and RESP3 stands here.
//! Called by the test runner.

use crate::support::frames::{command, is_push, read, words};

const FRAMES: &[&str] = &[
    "+OK\r\n",
    "$-1\r\n",
    "$5\r\na\r\nbc\r\n",
    "*0\r\n",
    "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
    ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n",
    "%1\r\n+a\r\n:1\r\n",
    "|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n",
    "_\r\n",
    "=5\r\ntxt:a\r\n",
];

#[test]
fn a_frame_ends_where_it_ends_and_never_before() {
    for frame in FRAMES {
        let two = format!("{frame}{frame}");
        assert_eq!(read(&mut two.as_bytes()).unwrap(), frame.as_bytes(), "{frame:?}");
        let end = frame.len() - 1;
        assert!(read(&mut &frame.as_bytes()[..end]).is_err(), "without the end of {frame:?}");
    }
}

#[test]
fn a_command_is_its_words() {
    let tracking = ["CLIENT", "TRACKING", "ON"];
    assert_eq!(words(&command(&tracking)), tracking);
    assert!(is_push(FRAMES[5].as_bytes()) && !is_push(FRAMES[4].as_bytes()));
}
