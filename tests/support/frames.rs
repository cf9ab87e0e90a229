//! Frames of the Redis protocol (RESP2 and RESP3) as they are on the wire: read whole, told apart, written.
//! Always holds: a frame is passed on byte by byte as it came; nothing is interpreted beyond its outermost kind.
//! Called by the proxy and the fake servers of the tests, and by tests that watch the order on the wire.

use std::io::{self, BufRead};

/// Reads one whole frame with everything in it.
pub fn read(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut frame = Vec::new();
    read_into(stream, &mut frame)?;
    Ok(frame)
}

fn read_into(stream: &mut impl BufRead, frame: &mut Vec<u8>) -> io::Result<()> {
    let start = frame.len();
    stream.read_until(b'\n', frame)?;
    if !frame[start..].ends_with(b"\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = std::str::from_utf8(&frame[start..]).map_err(io::Error::other)?.trim_end().to_owned();
    let count = || line[1..].parse::<i64>().map_err(io::Error::other);
    match frame[start] {
        b'$' | b'!' | b'=' => {
            if let Ok(length) = usize::try_from(count()?) {
                let body = frame.len();
                frame.resize(body + length + 2, 0);
                stream.read_exact(&mut frame[body..])?;
            }
        }
        b'*' | b'~' | b'>' => {
            for _ in 0..count()? {
                read_into(stream, frame)?;
            }
        }
        b'%' => {
            for _ in 0..2 * count()? {
                read_into(stream, frame)?;
            }
        }
        // Attributes stand before the frame that they belong to.
        b'|' => {
            for _ in 0..=2 * count()? {
                read_into(stream, frame)?;
            }
        }
        b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {}
        other => return Err(io::Error::other(format!("no frame begins with {other}"))),
    }
    Ok(())
}

/// Whether nobody asked for this frame.
pub fn is_push(frame: &[u8]) -> bool {
    frame.first() == Some(&b'>')
}

/// The words of a command.
pub fn words(command: &[u8]) -> Vec<String> {
    let mut lines = command.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.next();
    let mut words = Vec::new();
    while let (Some(_), Some(word)) = (lines.next(), lines.next()) {
        words.push(String::from_utf8_lossy(word).into_owned());
    }
    words
}

/// A command as a client writes it.
pub fn command(words: &[&str]) -> Vec<u8> {
    array(words.iter().map(|word| bulk(Some(word.as_bytes()))))
}

/// A bulk string, or null.
pub fn bulk(bytes: Option<&[u8]>) -> Vec<u8> {
    match bytes {
        Some(bytes) => [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
        None => b"_\r\n".to_vec(),
    }
}

pub fn array(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.into_iter().collect();
    [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat()
}
