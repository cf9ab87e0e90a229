//! One thread of the load: its share of the plan, over connections of its own.
//!
//! Always true here: each planned moment goes to the connection that has rested longest, as soon as both are there, and ends in exactly
//! one outcome; the thread sleeps only while nothing is due and nothing has come. Run by `bench`.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use super::Plan;
use super::connection::{Answer, Connection};
use super::pace::{self, Planned};
use super::report::Tally;

/// Events that are taken at once.
const EVENTS: usize = 256;

/// A place for a connection.
#[derive(Debug, Default)]
struct Seat<'p> {
    connection: Option<Connection<'p>>,
    asked: Option<Asked>,
}

/// A question under way.
#[derive(Debug, Clone, Copy)]
struct Asked {
    planned: Planned,
    /// How long after its moment it was sent.
    late: Duration,
    /// Among all of this thread.
    number: u64,
}

/// When a question has waited for too long.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    at: Instant,
    seat: usize,
    number: u64,
}

pub struct Driver<'p> {
    plan: &'p Plan,
    epoll: OwnedFd,
    seats: Vec<Seat<'p>>,
    /// Seats without a question under way.
    idle: VecDeque<usize>,
    /// In the order of sending, also of questions that are answered.
    deadlines: VecDeque<Deadline>,
    asked: u64,
    tally: Tally,
}

impl<'p> Driver<'p> {
    pub fn new(plan: &'p Plan, connections: usize) -> io::Result<Self> {
        Ok(Self {
            plan,
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            seats: (0..connections).map(|_| Seat::default()).collect(),
            idle: (0..connections).collect(),
            deadlines: VecDeque::new(),
            asked: 0,
            tally: Tally::new()?,
        })
    }

    /// Asks at each moment, and waits for the last answer.
    pub fn ask_all(mut self, moments: impl Iterator<Item = (Planned, &'p [u8])>) -> io::Result<Tally> {
        pace::precise_sleeps();
        let mut moments = moments.peekable();
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            while let Some(seat) = self.idle.front().copied()
                && let Some((planned, request)) = moments.next_if(|(planned, _)| planned.at <= Instant::now())
            {
                self.idle.pop_front();
                self.ask(seat, planned, request);
            }
            self.expire();
            let all_rest = self.idle.len() == self.seats.len();
            let due = moments.peek().filter(|_| !self.idle.is_empty()).map(|(planned, _)| planned.at);
            if all_rest && due.is_none() {
                return Ok(self.tally);
            }
            self.await_events(due, &mut events)?;
            for event in events.drain(..) {
                let Event { flags, data, .. } = event;
                self.heed(usize::try_from(data.u64()).unwrap_or(usize::MAX), flags);
            }
        }
    }

    fn ask(&mut self, seat: usize, planned: Planned, request: &'p [u8]) {
        let number = self.asked;
        self.asked += 1;
        let sent = Instant::now();
        self.deadlines.push_back(Deadline { at: sent + self.plan.timeout, seat, number });
        let Some(place) = self.seats.get_mut(seat) else { return };
        place.asked = Some(Asked { planned, late: sent.saturating_duration_since(planned.at), number });
        let open = place.connection.take().map_or_else(|| connect(self.plan, &self.epoll, seat), Ok);
        let outcome = open.and_then(|open| place.connection.insert(open).send(request));
        if let Err(error) = outcome {
            self.end(seat, Err(error));
        }
    }

    /// Something has happened to a connection.
    fn heed(&mut self, seat: usize, what: EventFlags) {
        let Some(place) = self.seats.get_mut(seat) else { return };
        let Some(connection) = &mut place.connection else { return };
        if place.asked.is_some()
            && let Some(outcome) = connection.advance().transpose()
        {
            self.end(seat, outcome);
        }
        // Whoever was answered may have been told of the end together with the answer.
        let Some(Seat { connection, asked: None }) = self.seats.get_mut(seat) else { return };
        if what.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
            *connection = None;
        }
    }

    /// The outcome of the question that is under way there.
    fn end(&mut self, seat: usize, outcome: io::Result<Answer>) {
        let Some(place) = self.seats.get_mut(seat) else { return };
        let Some(Asked { planned, late, .. }) = place.asked.take() else { return };
        if planned.counts {
            self.tally.note(&outcome, planned.at.elapsed(), late);
        }
        if !outcome.is_ok_and(|answer| !answer.closes) {
            place.connection = None;
        }
        self.idle.push_back(seat);
    }

    /// Gives up what has waited for too long.
    fn expire(&mut self) {
        while let Some(Deadline { at, seat, number }) = self.deadlines.front().copied() {
            let asked = self.seats.get(seat).and_then(|seat| seat.asked);
            if asked.is_some_and(|asked| asked.number == number) {
                if at > Instant::now() {
                    return;
                }
                self.end(seat, Err(ErrorKind::TimedOut.into()));
            }
            self.deadlines.pop_front();
        }
    }

    /// Waits for the first event, the next moment, or the first deadline. Epoll itself sleeps in whole milliseconds.
    fn await_events(&self, due: Option<Instant>, events: &mut Vec<Event>) -> io::Result<()> {
        let take = |events: &mut Vec<Event>| {
            retry_on_intr(|| epoll::wait(&self.epoll, spare_capacity(events), Some(&Timespec::default())))
        };
        if take(events)? > 0 {
            return Ok(());
        }
        let deadline = self.deadlines.front().map(|deadline| deadline.at);
        let Some(until) = due.into_iter().chain(deadline).min() else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::from_borrowed_fd(self.epoll.as_fd(), PollFlags::IN)], Some(&left)) {
            Ok(0) => Ok(()),
            Ok(_) => take(events).map(drop).map_err(io::Error::from),
            Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A connection whose events name this seat.
fn connect<'p>(plan: &Plan, epoll: &OwnedFd, seat: usize) -> io::Result<Connection<'p>> {
    let connection = Connection::open(&plan.target)?;
    let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    epoll::add(epoll, &connection, EventData::new_u64(seat as u64), wanted)?;
    Ok(connection)
}
