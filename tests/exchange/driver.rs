//! The import's dealings with its store: conflicts, lost answers, organizations that move, dry runs.

use std::io::{self, Read, Seek};

use rolegate::domain::{AccountId, Generation};
use rolegate::exchange::{Ending, Options, Progress, Rules, export, import};

use crate::memory_store::MemoryStore;
use crate::subjects;
use crate::world::{bring, catalogue, legacy, organization, refused, role_sets, take, written_down};

const ACME: &str = r#"{"organization":"acme","products":["LiveChat"]}
{"organization":"acme","account":"a-1","roles":[{"product":"Accounts","role":"owner"}]}
{"organization":"acme","account":"a-2","roles":[{"product":"Accounts","role":"member"},{"product":"LiveChat","role":"normal"}]}
"#;

fn merge() -> Options {
    Options { merge: true, ..Options::default() }
}

#[tokio::test]
async fn a_conflict_is_computed_again_three_times() {
    for (conflicts, ending) in [(3, Ending::Taken), (4, Ending::Refused)] {
        let store = MemoryStore::default();
        store.0.lock().unwrap().conflicts = conflicts;
        let report = bring(&store, ACME, &Options::default()).await;
        assert_eq!(report.outcomes[0].ending, ending);
        assert_eq!(report.is_complete(), ending == Ending::Taken);
    }
}

#[tokio::test]
async fn a_check_finds_everything_and_writes_nothing() {
    let check = Options { check: true, ..Options::default() };
    let store = MemoryStore::default();
    let report = take(&store, ACME, &check).await;
    assert_eq!((report.taken.organizations, report.taken.accounts, report.taken.grants), (1, 2, 3));
    assert!(report.to_string().starts_with("would import 1 organization, 2 accounts, 3 grants"), "{report}");
    assert!(!store.0.lock().unwrap().initialised);

    take(&store, ACME, &Options::default()).await;
    let before = written_down(&store).await;
    let smaller = ACME.lines().take(2).collect::<Vec<_>>().join("\n");
    let report = bring(&store, &smaller, &check).await;
    assert_eq!(refused(&report), ["grants_dropped @ line 1, $"]);
    take(&store, ACME, &Options { check: true, ..merge() }).await;
    assert_eq!(written_down(&store).await, before);
    assert_eq!(store.0.lock().unwrap().writes, 1);
}

#[tokio::test]
async fn a_lost_answer_is_neither_success_nor_refusal() {
    let store = MemoryStore::default();
    store.0.lock().unwrap().silent = true;
    let text = format!("{ACME}{}", ACME.replace("acme", "beta"));
    let report = bring(&store, &text, &Options::default()).await;
    let stopped = report.stopped.clone().unwrap();
    assert_eq!(stopped.code, "write_ambiguous");
    assert_eq!(stopped.organization.unwrap().as_str(), "acme");
    assert!(report.outcomes.is_empty() && report.refusals.is_empty() && !report.is_complete());
    assert!(role_sets(&store, "beta").await.is_empty(), "nothing is tried after it");
}

#[tokio::test]
async fn a_merge_checks_all_accounts_before_it_writes_one() {
    let store = MemoryStore::default();
    take(&store, ACME, &Options::default()).await;
    let before = written_down(&store).await;
    let mixed = ACME.replace(r#""role":"normal""#, r#""role":"norml""#).replace("a-2", "a-3");
    let report = bring(&store, &mixed, &merge()).await;
    assert_eq!(refused(&report), ["unknown_role @ line 3, $.roles[1]"]);
    assert_eq!(report.outcomes[0].ending, Ending::Refused);
    assert_eq!(written_down(&store).await, before);
}

#[tokio::test]
async fn a_merge_that_is_interrupted_says_what_was_written() {
    let store = MemoryStore::default();
    take(&store, ACME, &Options::default()).await;
    store.0.lock().unwrap().conflicts = 3;
    let report = bring(&store, ACME, &merge()).await;
    assert!(report.is_complete(), "{report}");
    {
        let mut state = store.0.lock().unwrap();
        state.conflicts_after = Some(state.writes + 1);
    }
    let report = bring(&store, ACME, &merge()).await;
    assert_eq!(report.outcomes[0].ending, Ending::Partly);
    assert_eq!(report.outcomes[0].accounts, 1);
    assert_eq!(refused(&report), ["conflict @ line 3, $"]);
}

#[tokio::test]
async fn an_organization_that_moves_while_it_is_read_is_read_again() {
    let store = MemoryStore::default();
    let many: String = (0..1_500)
        .map(|n| format!("{{\"organization\":\"acme\",\"account\":\"b-{n:04}\",\"roles\":[{{\"product\":\"Accounts\",\"role\":\"member\"}}]}}\n"))
        .collect();
    let text = format!("{ACME}{many}");
    take(&store, &text, &Options::default()).await;
    store.0.lock().unwrap().moves = 3;
    assert_eq!(written_down(&store).await, text);
    store.0.lock().unwrap().moves = 1_000;
    let error = export(&store, &mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("changed"), "{error}");
}

/// Can be read once; read again, it gives its bytes and then fails.
struct Torn {
    bytes: io::Cursor<&'static str>,
    torn: bool,
}

impl Read for Torn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.read(buffer)? {
            0 if self.torn => Err(io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

impl Seek for Torn {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.torn = true;
        self.bytes.seek(to)
    }
}

#[tokio::test]
async fn an_input_that_breaks_off_does_not_write_the_organization_it_broke_in() {
    let catalogue = catalogue(&[]);
    let rules = Rules { catalogue: &catalogue, legacy: legacy() };
    let store = MemoryStore::default();
    let torn = Torn { bytes: io::Cursor::new(ACME), torn: false };
    let report = import(&store, &rules, &Options::default(), torn, &mut |_| {}).await;
    assert_eq!(report.stopped.unwrap().code, "input_unreadable");
    assert_eq!(report.taken.organizations, 0);
    assert!(!store.0.lock().unwrap().initialised);
}

#[tokio::test]
async fn progress_counts_what_was_read() {
    let catalogue = catalogue(&[]);
    let rules = Rules { catalogue: &catalogue, legacy: legacy() };
    let store = MemoryStore::default();
    let mut last = Progress::default();
    let options = Options::default();
    let report =
        import(&store, &rules, &options, io::Cursor::new(ACME), &mut |progress| last = progress).await;
    assert_eq!(last, Progress { bytes: ACME.len() as u64, accounts: 2, grants: 3, organizations: 1 });
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["taken"]["accounts"], 2);
    assert_eq!(json["outcomes"][0]["ending"], "taken");
    assert!(report.outcomes[0].generation > Some(Generation(0)));
}

#[tokio::test]
async fn an_empty_file_imports_nothing() {
    let store = MemoryStore::default();
    let report = take(&store, " \n", &Options::default()).await;
    assert_eq!(report.taken.organizations, 0);
    assert!(!store.0.lock().unwrap().initialised);
}

#[tokio::test]
async fn the_sample_file_is_taken() {
    let sample = include_str!("../../examples/acme.jsonl");
    let store = MemoryStore::default();
    let report = take(&store, sample, &Options::default()).await;
    assert_eq!(report.taken.organizations, 2);
    assert_eq!(written_down(&store).await, sample, "the sample is written canonically");
}

#[tokio::test]
async fn what_was_cached_before_an_import_is_out_of_date_after_it() {
    let subject = subjects::embedded().await;
    take(&*subject.store, ACME, &Options::default()).await;
    let agent = AccountId::new("a-2").unwrap();
    let place = subject.stamps.place(&organization("acme"), &agent);
    for options in [Options::default(), merge()] {
        let before = subject.stamps.take(place);
        take(&*subject.store, ACME, &options).await;
        assert_ne!(subject.stamps.take(place), before);
    }
}
