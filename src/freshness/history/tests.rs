//! Histories against a model of a store that is written to, trimmed, failed over, restored and replaced.

use proptest::prelude::*;

use super::*;

fn epoch(number: u64) -> Option<Epoch> {
    Some(Epoch { store: StoreId::from_number(1), number })
}

fn org(name: &str) -> OrganizationId {
    OrganizationId::new(name).unwrap()
}

fn entry(generation: u64, organization: &str) -> Entry {
    let what = What::Organization {
        organization: org(organization),
        header: false,
        whole: false,
        accounts: Vec::new(),
    };
    Entry { mark: Mark { generation: Generation(generation), token: 0 }, what }
}

/// A log with the questions that the link asks of it.
#[derive(Clone, Default)]
struct Store {
    number: u64,
    log: Vec<Entry>,
    clock: u64,
}

impl Store {
    fn of(log: &[(u64, &str)]) -> Self {
        let clock = log.last().map_or(0, |(generation, _)| *generation);
        Self { number: 1, log: log.iter().map(|(g, o)| entry(*g, o)).collect(), clock }
    }

    fn write(&mut self, generation: u64, organization: &str) {
        self.log.push(entry(generation, organization));
        self.clock = generation;
    }

    fn told(&self, position: Position, page: usize) -> Told {
        let from = |known| self.log.iter().filter(move |entry| entry.generation() >= known).take(page);
        let entries = match position {
            Position::Unknown => self.log.iter().skip(self.log.len().saturating_sub(page)).cloned().collect(),
            Position::Empty => from(Generation(0)).cloned().collect(),
            Position::At(known) => from(known).cloned().collect(),
        };
        let clock = (self.clock > 0).then_some(Generation(self.clock));
        Told { epoch: epoch(self.number), clock, entries }
    }

    fn survey(&self, history: &mut History) -> Verdict {
        let oldest = history.oldest().unwrap();
        let held = self.log.iter().map(|entry| entry.mark).filter(|mark| mark.generation >= oldest).collect();
        history.survey(self.log.first().map(Entry::generation), &held, Some(Generation(self.clock)))
    }
}

fn hear(history: &mut History, store: &Store) -> Finding {
    history.hear(store.told(history.position(), 100))
}

fn continued(changes: &[(u64, &str)]) -> Finding {
    let changes = changes.iter().map(|(g, o)| entry(*g, o)).collect();
    Finding::Continued { changes, more: false }
}

#[test]
fn a_store_is_anchored_and_then_goes_on() {
    let (mut history, mut store) = (History::default(), Store::of(&[(3, "a"), (5, "b")]));
    assert_eq!(hear(&mut history, &store), Finding::Anchored);
    assert_eq!(hear(&mut history, &store), continued(&[]));
    store.write(8, "c");
    store.write(9, "a");
    assert_eq!(hear(&mut history, &store), continued(&[(8, "c"), (9, "a")]));
    assert_eq!(hear(&mut history, &store), continued(&[]));
}

#[test]
fn an_empty_store_is_anchored_once() {
    let (mut history, mut store) = (History::default(), Store::of(&[]));
    assert_eq!(hear(&mut history, &store), Finding::Anchored);
    assert_eq!(hear(&mut history, &store), continued(&[]));
    store.write(4, "a");
    assert_eq!(hear(&mut history, &store), continued(&[(4, "a")]));
}

#[test]
fn a_long_absence_is_made_up_page_by_page() {
    let (mut history, mut store) = (History::default(), Store::of(&[(1, "a")]));
    hear(&mut history, &store);
    for generation in 2..=6 {
        store.write(generation, "b");
    }
    let page = |history: &mut History| history.hear(store.told(history.position(), 3));
    let changes = |range: std::ops::RangeInclusive<u64>| range.map(|g| entry(g, "b")).collect::<Vec<_>>();
    assert_eq!(page(&mut history), Finding::Continued { changes: changes(2..=3), more: true });
    assert_eq!(page(&mut history), Finding::Continued { changes: changes(4..=5), more: true });
    assert_eq!(page(&mut history), Finding::Continued { changes: changes(6..=6), more: false });
}

/// Under a clock that went back with the store, writes get generations that were given before.
#[test]
fn a_generation_that_was_given_again_is_another_write() {
    let mut history = History::default();
    let mut store = Store::of(&[(1, "a")]);
    hear(&mut history, &store);
    let older = store.clone();
    store.write(2, "b");
    store.write(3, "c");
    let gone = store.log[1..].to_vec();
    assert_eq!(hear(&mut history, &store), continued(&[(2, "b"), (3, "c")]));
    let mut fork = older;
    fork.write(2, "b");
    fork.write(3, "c");
    fork.log.iter_mut().skip(1).for_each(|entry| entry.mark.token = 7);
    assert_eq!(hear(&mut history, &fork), Finding::Missing);
    assert_eq!(fork.survey(&mut history), Verdict::Lost(gone));
    let changes = fork.log[1..].to_vec();
    assert_eq!(hear(&mut history, &fork), Finding::Continued { changes, more: false });
}

#[test]
fn a_trimmed_log_is_no_loss() {
    let (mut history, mut store) = (History::default(), Store::of(&[(1, "a")]));
    hear(&mut history, &store);
    store.write(2, "b");
    store.write(3, "c");
    store.log.remove(0);
    assert_eq!(hear(&mut history, &store), Finding::Missing);
    assert_eq!(store.survey(&mut history), Verdict::Trimmed);
    assert_eq!(hear(&mut history, &store), Finding::Anchored);
}

#[test]
fn a_failover_that_lost_writes_names_their_organizations() {
    let mut history = History::default();
    let mut primary = Store::of(&[(1, "a"), (2, "b")]);
    hear(&mut history, &primary);
    primary.write(3, "a");
    let mut replica = primary.clone();
    primary.write(4, "lost");
    primary.write(5, "gone");
    hear(&mut history, &primary);
    replica.write(9, "b");
    assert_eq!(hear(&mut history, &replica), Finding::Missing);
    let lost = Verdict::Lost(vec![entry(4, "lost"), entry(5, "gone")]);
    assert_eq!(replica.survey(&mut history), lost);
    assert_eq!(hear(&mut history, &replica), continued(&[(9, "b")]), "it goes on from the last common write");
}

#[test]
fn an_old_copy_from_before_this_process_is_a_loss_beyond_memory() {
    let old = Store::of(&[(1, "a"), (2, "b")]);
    let mut history = History::default();
    let mut store = old.clone();
    (0..200).for_each(|number| store.write(5 + number, "c"));
    hear(&mut history, &store);
    assert_eq!(hear(&mut history, &old), Finding::Missing);
    assert_eq!(old.survey(&mut history), Verdict::LostBeyondMemory);
}

#[test]
fn a_log_that_was_removed_is_trimmed_only_while_the_clock_goes_on() {
    let mut history = History::default();
    hear(&mut history, &Store::of(&[(7, "a")]));
    let mut emptied = Store { number: 1, log: Vec::new(), clock: 7 };
    assert_eq!(hear(&mut history, &emptied), Finding::Missing);
    assert_eq!(emptied.survey(&mut history), Verdict::Trimmed);

    hear(&mut history, &Store::of(&[(7, "a")]));
    emptied.clock = 3;
    assert_eq!(hear(&mut history, &emptied), Finding::Missing);
    assert_eq!(emptied.survey(&mut history), Verdict::LostBeyondMemory);
}

#[test]
fn a_clock_that_fell_or_ran_ahead_of_the_log_is_inconsistent() {
    let (mut history, mut store) = (History::default(), Store::of(&[(5, "a")]));
    hear(&mut history, &store);
    store.clock = 4;
    assert_eq!(hear(&mut history, &store), Finding::Inconsistent);
    store.clock = 6;
    assert_eq!(hear(&mut history, &store), Finding::Inconsistent);
    assert_eq!(hear(&mut History::default(), &store), Finding::Inconsistent);
    store.clock = 5;
    assert_eq!(hear(&mut history, &store), continued(&[]));
}

#[test]
fn epochs_begin_anew_and_never_step_back() {
    let (mut history, mut store) = (History::default(), Store::of(&[(5, "a")]));
    hear(&mut history, &store);
    store.number = 2;
    assert_eq!(hear(&mut history, &store), Finding::Begun(Beginning::Accepted));
    assert_eq!(hear(&mut history, &store), Finding::Anchored);
    store.number = 1;
    assert_eq!(hear(&mut history, &store), Finding::SteppedBack);
    let other = Epoch { store: StoreId::from_number(2), number: 1 };
    let told = Told { epoch: Some(other), clock: None, entries: Vec::new() };
    assert_eq!(history.hear(told), Finding::Begun(Beginning::OtherStore));
    let nothing = Told { epoch: None, clock: None, entries: Vec::new() };
    assert_eq!(history.hear(nothing), Finding::NotInitialised);
}

#[test]
fn an_epoch_reads_back_and_nothing_else_does() {
    let text = "00000000000000ff 3";
    assert_eq!(Epoch::parse(text).unwrap().to_string(), text);
    for bad in ["", "00000000000000ff", "ff 3", "00000000000000ff -1", "00000000000000ff 3 4"] {
        assert_eq!(Epoch::parse(bad), None, "{bad}");
    }
}

/// What happens to a primary and the replica that may take its place.
#[derive(Debug, Clone)]
enum Step {
    Write(u8),
    /// The replica catches up.
    Replicate,
    Heartbeat,
    /// The replica becomes the primary; what it did not have is gone.
    FailOver,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..6).prop_map(Step::Write),
        2 => Just(Step::Replicate),
        3 => Just(Step::Heartbeat),
        1 => Just(Step::FailOver),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// Every change that is still in the store is told exactly once, and every lost one that a heartbeat saw is named.
    #[test]
    fn nothing_is_missed_and_every_loss_that_was_seen_is_named(steps in steps()) {
        let mut primary = Store::of(&[(1, "o-0")]);
        let mut replica = primary.clone();
        let (mut history, mut generation) = (History::default(), 1);
        let mut seen: BTreeSet<u64> = BTreeSet::new();
        let mut beat = |primary: &Store, seen: &mut BTreeSet<u64>| {
            let before = seen.clone();
            match hear(&mut history, primary) {
                Finding::Anchored => seen.extend(primary.log.iter().map(|entry| entry.generation().0)),
                Finding::Continued { changes, more } => {
                    assert!(!more);
                    for change in changes {
                        assert!(seen.insert(change.generation().0), "told twice");
                    }
                }
                Finding::Missing => {
                    let here: BTreeSet<u64> = primary.log.iter().map(|entry| entry.generation().0).collect();
                    let Verdict::Lost(named) = primary.survey(&mut history) else { panic!("memory reaches back") };
                    let gone: Vec<u64> = before.difference(&here).copied().collect();
                    assert!(!gone.is_empty(), "a loss was made up");
                    assert_eq!(named.iter().map(|entry| entry.generation().0).collect::<Vec<_>>(), gone);
                    let kept: BTreeSet<u64> = before.intersection(&here).copied().collect();
                    let Finding::Continued { changes, more: false } = hear(&mut history, primary) else {
                        panic!("goes on from the last common write")
                    };
                    let told: BTreeSet<u64> = changes.iter().map(|change| change.generation().0).collect();
                    assert_eq!(told.len() + kept.len(), here.len(), "told exactly what was new");
                    *seen = here;
                }
                other => panic!("{other:?}"),
            }
            let all: BTreeSet<u64> = primary.log.iter().map(|entry| entry.generation().0).collect();
            assert_eq!(*seen, all);
        };
        beat(&primary, &mut seen);
        for step in steps {
            match step {
                Step::Write(organization) => {
                    generation += 6;
                    let number = generation - generation % 6 + u64::from(organization);
                    primary.write(number, &format!("o-{organization}"));
                }
                Step::Replicate => replica = primary.clone(),
                Step::Heartbeat => beat(&primary, &mut seen),
                Step::FailOver => primary = replica.clone(),
            }
        }
        beat(&primary, &mut seen);
    }
}
