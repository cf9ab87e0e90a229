//! One run of random questions against one store: asks, judges, and keeps count.
//! Always holds: an answer that shows the state before an acknowledged write is counted while the bound allows it,
//! and fails the run after that; a question without a decision is asked again and never counts as one.
//! Called by the tests of this folder.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use crate::support::ask::{Ask, percent_encode};
use crate::support::flags::{BOUND, BOUND_SLACK};
use crate::support::http::{Client, Reply};
use crate::support::judge::{Answer, BatchAnswer, Context, Finding, Store};
use crate::support::oracle::{LEGACY, Millis, Oracle, Question, Subject, World};
use crate::support::{problem, stream, worlds};

/// A push needs no longer than this on a quiet machine; later ones are counted as late.
const PUSH: Duration = Duration::from_millis(50);
/// How long a healthy store may be unable to say, for one question asked again and again.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(5);

/// Items that no batch can decide: body, code, and the pointer inside the item.
const SPOILED: &[(&str, &str, &str)] = &[
    (r#"{"account":"a","organization":"a","product":"LiveChat","role":"boss"}"#, "unknown_role", "/role"),
    (r#"{"account":"a","organization":"a","product":"HelpDesk","role":"owner"}"#, "unknown_role", "/role"),
    (
        r#"{"account":"a","organization":"a","product":"livechat","role":"normal"}"#,
        "unknown_product",
        "/product",
    ),
    (r#"{"account":"a","organization":"a","legacy_role":"Owner"}"#, "unknown_legacy_role", "/legacy_role"),
    (r#"{"account":"a b","organization":"a","legacy_role":"agent"}"#, "invalid_identifier", "/account"),
    (r#"{"account":"a","organization":"","legacy_role":"agent"}"#, "invalid_identifier", "/organization"),
    (r#"{"account":"a","organization":"a","legacy_role":"agent","acount":"b"}"#, "unknown_field", "/acount"),
    (
        r#"{"account":"a","organization":"a","legacy_role":"agent","account":"b"}"#,
        "duplicate_field",
        "/account",
    ),
];

/// Milliseconds since 1970 by this machine's clock.
pub fn now() -> Millis {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A run with its counts.
#[derive(Debug)]
pub struct Run {
    store: Store,
    seed: u64,
    client: Client,
    policy: Option<String>,
    acknowledged: Instant,
    generations: HashMap<(String, String), u64>,
    decisions: usize,
    singles: usize,
    writes: usize,
    old: usize,
    late: usize,
    unknown: usize,
    slowest: Duration,
}

impl Run {
    /// A run against the server at `address`.
    pub fn new(store: Store, seed: u64, address: SocketAddr) -> Self {
        Self {
            store,
            seed,
            client: Client::new(address),
            policy: None,
            acknowledged: Instant::now(),
            generations: HashMap::new(),
            decisions: 0,
            singles: 0,
            writes: 0,
            old: 0,
            late: 0,
            unknown: 0,
            slowest: Duration::ZERO,
        }
    }

    /// Goes on with another server over the same store.
    pub fn reconnect(&mut self, address: SocketAddr) {
        self.client = Client::new(address);
    }

    /// Notes that a write has been acknowledged.
    pub fn acknowledged(&mut self, at: Instant) {
        self.acknowledged = at;
        self.writes += 1;
    }

    pub fn decisions(&self) -> usize {
        self.decisions
    }

    pub fn unknown(&self) -> usize {
        self.unknown
    }

    /// A healthy Redis may leave a question open only when writes get in the way of its reads.
    pub fn assert_few_unknown(&self) {
        assert!(self.unknown * 1000 <= self.decisions, "too many questions left open: {}", self.summary());
    }

    /// One line of counts.
    pub fn summary(&self) -> String {
        format!(
            "{} decisions agree ({} single), {} writes, {} answers from before one, {} of them late, slowest {:?}, \
             {} asked again",
            self.decisions, self.singles, self.writes, self.old, self.late, self.slowest, self.unknown
        )
    }

    /// Batches of all sizes up to the limit, 10,000 items in sum or a little more.
    pub fn batches(&mut self, rng: &mut Rng, new: &World, old: &World) {
        let mut left = 10_000_usize;
        while left > 0 {
            let size = worlds::pick(rng, &[1, 17, 1_000, 10_000]).min(left);
            left -= size;
            let asks: Vec<Ask> = (0..size).map(|_| stream::ask(rng, new, now())).collect();
            self.until_settled(rng, new, old, asks);
        }
    }

    /// Questions about what was just written, at once after the acknowledgement.
    pub fn focused(&mut self, rng: &mut Rng, new: &World, old: &World, focus: &World) {
        let asks = (0..300).map(|_| stream::ask(rng, focus, now())).collect();
        self.until_settled(rng, new, old, asks);
    }

    /// Questions while a write is under way: both states are right, and a read torn by the write may stay open.
    pub fn while_writing(&mut self, rng: &mut Rng, new: &World, old: &World, focus: &World) {
        let about = if rng.bool() { focus } else { new };
        let asks: Vec<Ask> = (0..100).map(|_| stream::ask(rng, about, now())).collect();
        for (_, finding) in self.ask_batch(rng, &[new, old], &asks) {
            if !matches!(finding, Finding::Unknown(_)) {
                self.decisions += 1;
            }
        }
    }

    /// Asks a batch, then again what came out old or open, until every answer is right for `new`.
    fn until_settled(&mut self, rng: &mut Rng, new: &World, old: &World, asks: Vec<Ask>) {
        let started = Instant::now();
        let mut asks = asks;
        while !asks.is_empty() {
            let sent = Instant::now();
            let findings = self.ask_batch(rng, &[new, old], &asks);
            let mut again = Vec::new();
            for (place, finding) in findings {
                match finding {
                    Finding::Right => self.decisions += 1,
                    Finding::Old => {
                        self.note_old(sent, &asks[place]);
                        again.push(asks[place].clone());
                    }
                    Finding::Unknown(code) => {
                        self.unknown += 1;
                        let waited = started.elapsed();
                        assert!(
                            waited < UNKNOWN_LIMIT,
                            "seed {}: still {code}: {}",
                            self.seed,
                            asks[place].json()
                        );
                        again.push(asks[place].clone());
                    }
                }
            }
            asks = again;
        }
    }

    /// An answer from before the last acknowledged write: allowed only to questions sent within the bound.
    fn note_old(&mut self, sent: Instant, ask: &Ask) {
        let after = sent.saturating_duration_since(self.acknowledged);
        assert!(
            self.store == Store::Redis && after <= BOUND + BOUND_SLACK,
            "seed {}: {after:?} after the acknowledgement the answer is still from before it: {}",
            self.seed,
            ask.json()
        );
        self.old += 1;
        self.late += usize::from(after > PUSH);
        self.slowest = self.slowest.max(after);
    }

    /// One batch with some spoiled items among the good ones; the findings of the good ones, by place in `asks`.
    fn ask_batch(&mut self, rng: &mut Rng, worlds: &[&World], asks: &[Ask]) -> Vec<(usize, Finding)> {
        let mut body = String::from("{");
        let mut defaults: Vec<(&str, &str)> = Vec::new();
        if let Ask { question: Question { account, organization, subject }, .. } = &asks[0]
            && rng.bool()
        {
            defaults = vec![("account", account), ("organization", organization)];
            if let Subject::Role { product, role } = *subject {
                defaults.extend([("product", product), ("role", role)]);
            }
            for (name, value) in &defaults {
                body.push_str(&format!("\"{name}\":\"{value}\","));
            }
        }
        body.push_str("\"checks\":[");
        // Which ask, or which spoiled item, stands at each place.
        let mut places: Vec<Result<usize, usize>> = Vec::new();
        let room = 10_000 - asks.len().min(10_000);
        for (place, ask) in asks.iter().enumerate() {
            if places.len() - place < room && rng.u16(0..500) == 0 {
                let spoiled = rng.usize(0..SPOILED.len());
                push_item(&mut body, SPOILED[spoiled].0);
                places.push(Err(spoiled));
            }
            push_item(&mut body, &ask.json_without(&defaults));
            places.push(Ok(place));
        }
        body.push_str("]}");

        let sent = now();
        let reply = self.client.post("/check/batch", &body);
        let received = now();
        assert_eq!(reply.status, 200, "seed {}: {}", self.seed, reply.text());
        let answer: BatchAnswer = serde_json::from_slice(&reply.body).unwrap_or_else(|error| {
            panic!("seed {}: {error}: {}", self.seed, &reply.text()[..200.min(reply.body.len())])
        });
        self.same_policy(&answer.policy);
        assert_eq!(answer.results.len(), places.len(), "seed {}: as many results as checks", self.seed);

        let context = Context { worlds, sent, received, store: self.store };
        let mut findings = Vec::with_capacity(asks.len());
        for (index, (place, answer)) in places.iter().zip(&answer.results).enumerate() {
            match *place {
                Ok(place) => findings.push((place, self.judged(&context, &asks[place], answer))),
                Err(spoiled) => self.judge_spoiled(index, SPOILED[spoiled], answer),
            }
        }
        findings
    }

    fn judge_spoiled(&self, index: usize, spoiled: (&str, &str, &str), answer: &Answer) {
        let (body, code, pointer) = spoiled;
        let error = answer.error.as_ref().unwrap_or_else(|| panic!("a decision for {body}: {answer:?}"));
        let pointer = format!("/checks/{index}{pointer}");
        let found = (error.code.as_str(), error.status, error.pointer.as_deref());
        assert_eq!(found, (code, 400, Some(pointer.as_str())), "seed {}: {body}", self.seed);
    }

    fn judged(&mut self, context: &Context<'_>, ask: &Ask, answer: &Answer) -> Finding {
        let finding =
            context.judge(ask, answer).unwrap_or_else(|fault| panic!("seed {}: {fault}", self.seed));
        if let Some(generation) = answer.generation {
            let key = (ask.question.organization.clone(), ask.question.account.clone());
            let seen = self.generations.entry(key).or_insert(generation);
            assert!(generation >= *seen, "seed {}: generation fell from {seen}: {answer:?}", self.seed);
            *seen = generation;
        }
        finding
    }

    /// Single questions by POST and GET, some with a generation that the store has or cannot have, and look-ups.
    pub fn singles(&mut self, rng: &mut Rng, new: &World, old: &World) {
        for _ in 0..25 {
            let mut ask = stream::ask(rng, new, now());
            let key = (ask.question.organization.clone(), ask.question.account.clone());
            ask.min_generation = self.generations.get(&key).copied().filter(|_| rng.bool());
            self.single(rng, new, old, &ask);
            if ask.min_generation.is_some() {
                self.beyond(&mut ask);
            }
        }
        for _ in 0..10 {
            self.legacy_look_up(rng, new, old);
        }
    }

    fn single(&mut self, rng: &mut Rng, new: &World, old: &World, ask: &Ask) {
        let started = Instant::now();
        loop {
            let (sent_at, sent) = (Instant::now(), now());
            let reply = match rng.u8(0..4) {
                0 => self.client.get(&ask.query(false)),
                1 => self.client.get(&ask.query(true)),
                _ => self.client.post("/check", ask.json()),
            };
            let received = now();
            if reply.status == 503 && self.store == Store::Redis && started.elapsed() < UNKNOWN_LIMIT {
                problem::code_of(&reply);
                self.unknown += 1;
                continue;
            }
            assert_eq!(reply.status, 200, "seed {}: {}: {}", self.seed, ask.json(), reply.text());
            let answer = self.single_answer(&reply);
            let context = Context { worlds: &[new, old], sent, received, store: self.store };
            if self.judged(&context, ask, &answer) == Finding::Old {
                self.note_old(sent_at, ask);
                continue;
            }
            if let (Some(least), Some(generation)) = (ask.min_generation, answer.generation) {
                assert!(generation >= least, "seed {}: older than asked for: {}", self.seed, reply.text());
            }
            self.decisions += 1;
            self.singles += 1;
            return;
        }
    }

    fn single_answer(&mut self, reply: &Reply) -> Answer {
        let text = reply.text();
        assert_eq!(reply.header("content-type"), Some("application/json"), "{text}");
        let answer: Answer = serde_json::from_slice(&reply.body)
            .unwrap_or_else(|error| panic!("seed {}: {error}: {text}", self.seed));
        let policy = answer.policy.as_deref();
        self.same_policy(policy.unwrap_or_else(|| panic!("no policy: {text}")));
        let order = ["allowed", "reason", "policy", "generation", "source", "age_ms", "fresh_for_ms"];
        let places: Vec<usize> = order.iter().filter_map(|name| text.find(&format!("\"{name}\":"))).collect();
        assert!(places.is_sorted(), "members out of order: {text}");
        answer
    }

    fn same_policy(&mut self, policy: &str) {
        let first = self.policy.get_or_insert_with(|| policy.to_owned());
        assert_eq!(first, policy, "seed {}: the policy changed by itself", self.seed);
    }

    /// A generation far above every number that the store has given out is never there: unknown, not a decision.
    fn beyond(&mut self, ask: &mut Ask) {
        ask.min_generation = Some((1 << 53) - 1);
        let reply = self.client.post("/check", ask.json());
        problem::expect(&reply, 503, &["not_fresh_enough"], None, "a generation that does not exist");
    }

    /// The legacy role of a member as it reads back, with the reason of the lowest role's question.
    fn legacy_look_up(&mut self, rng: &mut Rng, new: &World, old: &World) {
        let organization = &new.0[rng.usize(0..new.0.len())];
        let account = &organization.accounts[rng.usize(0..organization.accounts.len())].id;
        let path = format!(
            "/organizations/{}/accounts/{}/legacy-role",
            percent_encode(&organization.id),
            percent_encode(account)
        );
        let sent = Instant::now();
        let reply = self.client.get(&path);
        if reply.status == 503 && self.store == Store::Redis {
            problem::code_of(&reply);
            self.unknown += 1;
            return;
        }
        // A member of the new world may still be unknown while the write is on its way here.
        let fresh = sent.saturating_duration_since(self.acknowledged) > BOUND + BOUND_SLACK;
        if reply.status == 404 && !fresh && self.store == Store::Redis {
            return;
        }
        assert_eq!(reply.status, 200, "seed {}: {path}: {}", self.seed, reply.text());
        let json = reply.json();
        let read = |world: &World, now| {
            let role = Oracle::default().legacy_role(world, &organization.id, account, now);
            let subject = Subject::Legacy("agent");
            let question =
                Question { account: account.clone(), organization: organization.id.clone(), subject };
            (role, Oracle::default().decide(world, &question, now).reason)
        };
        let found = (json["legacy_role"].as_str(), json["reason"].as_str().unwrap_or("absent"));
        let expected =
            [read(new, now()), read(new, now() - 1_000), read(old, now()), read(old, now() - 1_000)];
        assert!(expected.contains(&found), "seed {}: {path}: {json}, expected {expected:?}", self.seed);
        let api_value = found.0.map(|role| if role == "agent" { "normal" } else { role });
        assert!([None, api_value].contains(&json["api_value"].as_str()), "{json}");
        if found.0 == Some("agent") {
            assert_eq!(json["api_value"], "normal", "agent is normal in the API: {json}");
        }
        if let Some((_, parts)) = LEGACY.iter().find(|(role, _)| Some(*role) == found.0) {
            let mut because: Vec<String> =
                parts.iter().map(|(product, role)| format!("{product}/{role}")).collect();
            because.sort();
            assert_eq!(json["because"], serde_json::json!(because), "seed {}: {path}", self.seed);
        }
    }
}

fn push_item(body: &mut String, item: &str) {
    if !body.ends_with('[') {
        body.push(',');
    }
    body.push_str(item);
}
