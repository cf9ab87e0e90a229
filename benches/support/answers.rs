//! Finds the end of an HTTP/1.1 answer, at little cost to whoever measures.

/// The length of an answer with its head, once all of it is there.
pub fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let length = head + body_length(&buffer[..head]);
    (buffer.len() >= length).then_some(length)
}

/// What the `content-length` of a head says.
pub fn body_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length: ";
    // From behind: there hyper writes it, whatever a server said before.
    let at = head.windows(NAME.len()).rposition(|window| window == NAME).expect("a length");
    let digits = head[at + NAME.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
}
