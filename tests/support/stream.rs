//! The stream of random questions about a world: mostly about what is there, often about what is almost there.
//! Always holds: it is a function of the generator's state, so a printed seed brings back the same questions.
//! Called by the differential test, also without a product to show that the stream tells every flaw.

use fastrand::Rng;

use super::ask::Ask;
use super::oracle::{CATALOGUE, LEGACY, Millis, Question, Subject, World, edges};
use super::worlds::{account_id, organization_id, pick};

/// A random question about `world`.
pub fn ask(rng: &mut Rng, world: &World, now: Millis) -> Ask {
    let question =
        Question { organization: organization(rng, world), account: String::new(), subject: subject(rng) };
    let account = account(rng, world, &question.organization);
    let question = Question { account, ..question };
    let at = (rng.u8(0..3) == 0).then(|| moment(rng, world, &question, now));
    Ask { question, at, explain: rng.u8(0..50) == 0, min_generation: None }
}

fn organization(rng: &mut Rng, world: &World) -> String {
    let known = &world.0[rng.usize(0..world.0.len())].id;
    match rng.u8(0..100) {
        0..=91 => known.clone(),
        92..=95 => organization_id(rng),
        _ => near(rng, known),
    }
}

fn account(rng: &mut Rng, world: &World, organization: &str) -> String {
    let here = world.0.iter().find(|each| each.id == organization);
    let accounts = here.map_or(&world.0[0].accounts, |each| &each.accounts);
    let known = &accounts[rng.usize(0..accounts.len())].id;
    match rng.u8(0..100) {
        0..=91 => known.clone(),
        92..=96 => account_id(rng),
        _ => near(rng, known),
    }
}

/// An id that differs in case, by one sign at an end, or by nothing at all.
fn near(rng: &mut Rng, id: &str) -> String {
    let fits = |near: String| if near.is_empty() || near.len() > 128 { id.to_owned() } else { near };
    fits(match rng.u8(0..6) {
        0 => id.to_ascii_uppercase(),
        1 => id.to_ascii_lowercase(),
        2 => format!("{id}{}", pick(rng, &["0", ":", ".", "=", "-1"])),
        3 => format!("{}{id}", pick(rng, &["0", ":", "a"])),
        4 => id[1..].to_owned(),
        _ => id[..id.len() - 1].to_owned(),
    })
}

fn subject(rng: &mut Rng) -> Subject {
    if rng.u8(0..4) == 0 {
        let mut names: Vec<&'static str> = LEGACY.iter().map(|(name, _)| *name).collect();
        names.push("normal");
        return Subject::Legacy(pick(rng, &names));
    }
    let (product, role, _, _) = CATALOGUE[rng.usize(0..CATALOGUE.len())];
    Subject::Role { product, role }
}

/// A moment for `at`: on or one millisecond beside an edge of a grant, or anywhere within twenty years.
fn moment(rng: &mut Rng, world: &World, question: &Question, now: Millis) -> Millis {
    let edges = edges(world, question);
    if !edges.is_empty() && rng.u8(0..5) > 0 {
        return pick(rng, &edges) + rng.i64(-1..=1);
    }
    now + rng.i64(-10 * 365 * 86_400_000..10 * 365 * 86_400_000)
}
