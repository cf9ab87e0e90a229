//! Where one frame of the Redis protocol ends, and the little that the proxy wants to know of it.
//! Always holds: what is not understood is a frame that ends with its line, so nothing is ever held back for good.
//! Called by `proxy`.

/// The length of the whole frame (RESP2 or RESP3) at the beginning of `bytes`; `None` while its end is missing.
pub fn length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|pair| pair == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    match bytes[0] {
        b'$' | b'!' | b'=' => match count().and_then(|count| usize::try_from(count).ok()) {
            Some(size) => Some(line + size + 2).filter(|end| bytes.len() >= *end),
            None => Some(line),
        },
        b'*' | b'~' | b'>' => elements(bytes, line, count().unwrap_or(0)),
        b'%' => elements(bytes, line, count().unwrap_or(0) * 2),
        b'|' => elements(bytes, line, count().unwrap_or(0) * 2 + 1),
        _ => Some(line),
    }
}

fn elements(bytes: &[u8], mut end: usize, count: i64) -> Option<usize> {
    for _ in 0..count {
        end += length(bytes.get(end..).filter(|rest| !rest.is_empty())?)?;
    }
    Some(end)
}

/// Whether the server sent this on its own account.
pub fn is_push(frame: &[u8]) -> bool {
    frame.first() == Some(&b'>')
}

/// Whether it is this command, whose name a client wrote in any case.
pub fn is_command(frame: &[u8], name: &str) -> bool {
    let mut words = frame.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end()).skip(2).step_by(2);
    name.split(' ').all(|word| words.next().is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(length(two.as_bytes()), Some(frame.len()), "{frame:?}");
            for end in 0..frame.len() {
                assert_eq!(length(&frame.as_bytes()[..end]), None, "{end} bytes of {frame:?}");
            }
        }
    }

    #[test]
    fn commands_are_known_by_their_words() {
        let tracking = b"*4\r\n$6\r\nclient\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$5\r\nBCAST\r\n";
        assert!(is_command(tracking, "CLIENT TRACKING") && is_command(tracking, "CLIENT"));
        assert!(!is_command(tracking, "CLIENT LIST") && !is_command(b"*1\r\n$4\r\nPING\r\n", "CLIENT"));
        assert!(is_push(FRAMES[5].as_bytes()) && !is_push(FRAMES[4].as_bytes()));
    }
}
