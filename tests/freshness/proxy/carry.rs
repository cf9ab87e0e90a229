//! Carries the frames of one connection in both directions, under the rules of the moment.
//! Always holds: a frame is dropped whole or passed whole; an end of one side is passed on after what came before it.
//! Called by `proxy`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::{Cut, Pipe, Rules, Shared, Way, frames};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    /// What happens to this direction of one connection.
    fn of(self, rules: &Rules, pipe: &Pipe) -> Way {
        match self {
            _ if !pipe.is_one_of(rules.which) => Way::default(),
            Self::Up => rules.up,
            Self::Down => rules.down,
        }
    }
}

struct Passing {
    frame: Vec<u8>,
    not_before: Instant,
}

pub async fn carry(mut client: TcpStream, mut server: TcpStream, pipe: &Pipe, shared: &Shared) {
    let mut cut = pipe.cut.subscribe();
    let how = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump(from_client, to_server, Direction::Up, pipe, shared);
        let down = pump(from_server, to_client, Direction::Down, pipe, shared);
        tokio::select! {
            _ = async { tokio::join!(up, down) } => Cut::Finish,
            how = cut.wait_for(Option::is_some) => how.ok().and_then(|how| *how).unwrap_or(Cut::Finish),
        }
    };
    if how == Cut::Reset {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

async fn pump(from: ReadHalf<'_>, to: WriteHalf<'_>, direction: Direction, pipe: &Pipe, shared: &Shared) {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::join!(read(from, sender, direction, pipe, shared), write(receiver, to, direction, pipe, shared));
}

async fn read(
    mut from: ReadHalf<'_>,
    sender: UnboundedSender<Passing>,
    direction: Direction,
    pipe: &Pipe,
    shared: &Shared,
) {
    let mut buffer = Vec::with_capacity(1 << 14);
    let mut last = Instant::now();
    while from.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        let mut start = 0;
        while let Some(length) = frames::length(&buffer[start..]) {
            let frame = buffer[start..start + length].to_vec();
            start += length;
            if direction == Direction::Up && frames::is_command(&frame, "CLIENT TRACKING") {
                pipe.is_link.store(true, Ordering::SeqCst);
            }
            if direction == Direction::Down && is_to_drop(&frame, pipe, shared) {
                shared.dropped.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let delay = direction.of(&shared.rules.borrow(), pipe).delay;
            last = last.max(Instant::now() + delay.mul_f64(0.5 + fastrand::f64()));
            let _ = sender.send(Passing { frame, not_before: last });
        }
        buffer.drain(..start);
    }
}

/// Takes one from the count of frames like this one that are to be dropped.
fn is_to_drop(frame: &[u8], pipe: &Pipe, shared: &Shared) -> bool {
    let count: &AtomicUsize = match (frames::is_push(frame), pipe.is_link.load(Ordering::SeqCst)) {
        (true, _) => &shared.pushes_to_drop,
        (false, true) => &shared.link_replies_to_drop,
        (false, false) => &shared.data_replies_to_drop,
    };
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn write(
    mut receiver: UnboundedReceiver<Passing>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    pipe: &Pipe,
    shared: &Shared,
) {
    let mut rules = shared.rules.subscribe();
    while let Some(Passing { frame, not_before }) = receiver.recv().await {
        if not_before > Instant::now() + Duration::from_micros(500) {
            tokio::time::sleep_until(not_before).await;
        }
        let is_script = frames::is_command(&frame, "EVALSHA");
        let passes = |rules: &Rules| {
            let way = direction.of(rules, pipe);
            !(way.hold || way.hold_scripts && is_script)
        };
        let gone = rules.wait_for(passes).await.is_err();
        if gone || to.write_all(&frame).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
