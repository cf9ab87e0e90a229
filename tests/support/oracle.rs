//! The independent oracle: who may act as what, by brute force over plain vectors, from the written domain alone.
//! Always holds: it shares no code with the product and keeps no index, cache or compiled form; slow and plain is its use.
//! Called by `judge` for every answer of the product, and by the tests `oracle` and `differential`.
//!
//! Broken data without a primary role cannot come in through an import, so that reason is not here; nor is an
//! operator's deny, which the shipped policy does not have.

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// One role assignment, valid while `not_before <= now < expires_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub product: &'static str,
    pub role: &'static str,
    pub not_before: Option<Millis>,
    pub expires_at: Option<Millis>,
}

/// An account in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub grants: Vec<Grant>,
    pub suspended: Vec<&'static str>,
    pub awaiting: Vec<&'static str>,
}

/// An organization. Accounts is enabled without being listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: String,
    pub products: Vec<&'static str>,
    pub paused: Vec<&'static str>,
    pub accounts: Vec<Account>,
}

/// Everything that is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World(pub Vec<Organization>);

/// What is asked about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Role { product: &'static str, role: &'static str },
    Legacy(&'static str),
}

/// May `account` act as `subject` in `organization`?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub account: String,
    pub organization: String,
    pub subject: Subject,
}

/// The answer; allowed exactly when the reason is `granted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub reason: &'static str,
}

/// How a role relates to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Primary,
    Secondary,
    Custom,
}

/// The shipped catalogue: product, role, kind, and the roles of the product that it directly acts as.
pub const CATALOGUE: &[(&str, &str, Kind, &[&str])] = &[
    ("Accounts", "owner", Kind::Primary, &["administrator", "billing_editor"]),
    ("Accounts", "administrator", Kind::Primary, &["member"]),
    ("Accounts", "member", Kind::Primary, &[]),
    ("Accounts", "billing_editor", Kind::Custom, &[]),
    ("LiveChat", "administrator", Kind::Secondary, &["normal"]),
    ("LiveChat", "normal", Kind::Secondary, &[]),
    ("HelpDesk", "administrator", Kind::Secondary, &["normal"]),
    ("HelpDesk", "normal", Kind::Secondary, &["viewer"]),
    ("HelpDesk", "viewer", Kind::Secondary, &[]),
    ("ChatBot", "administrator", Kind::Secondary, &["editor"]),
    ("ChatBot", "editor", Kind::Secondary, &[]),
    ("KnowledgeBase", "administrator", Kind::Secondary, &["normal"]),
    ("KnowledgeBase", "normal", Kind::Secondary, &[]),
    ("OpenWidget", "administrator", Kind::Secondary, &["normal"]),
    ("OpenWidget", "normal", Kind::Secondary, &[]),
];

/// The legacy roles from the highest down, each with its definition, LiveChat's part first.
pub const LEGACY: &[(&str, &[(&str, &str)])] = &[
    ("owner", &[("LiveChat", "administrator"), ("Accounts", "owner")]),
    (
        "viceowner",
        &[("LiveChat", "administrator"), ("Accounts", "administrator"), ("Accounts", "billing_editor")],
    ),
    ("administrator", &[("LiveChat", "administrator")]),
    ("agent", &[("LiveChat", "normal")]),
];

/// A deliberate mistake. A stream of questions that cannot tell the oracle from one with a flaw proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    IdsIgnoreCase,
    IdsByPrefix,
    MemberAnywhere,
    NotEnabledIgnored,
    PauseIgnored,
    StatesBeforePause,
    SuspendedBeforeAwaiting,
    AwaitingIgnored,
    SuspensionIgnored,
    SuspensionEverywhere,
    TimesIgnored,
    ExpiryInclusive,
    StartExclusive,
    NotStartedSaysExpired,
    ExactRoleOnly,
    ActsAsNotTransitive,
    OwnerIsNoBillingEditor,
    AdministratorIsBillingEditor,
    ActsAcrossProducts,
    LegacyAccountsFirst,
    LegacyAnyComponent,
    ViceownerWithoutBilling,
}

/// Every flaw.
pub const FLAWS: &[Flaw] = &[
    Flaw::IdsIgnoreCase,
    Flaw::IdsByPrefix,
    Flaw::MemberAnywhere,
    Flaw::NotEnabledIgnored,
    Flaw::PauseIgnored,
    Flaw::StatesBeforePause,
    Flaw::SuspendedBeforeAwaiting,
    Flaw::AwaitingIgnored,
    Flaw::SuspensionIgnored,
    Flaw::SuspensionEverywhere,
    Flaw::TimesIgnored,
    Flaw::ExpiryInclusive,
    Flaw::StartExclusive,
    Flaw::NotStartedSaysExpired,
    Flaw::ExactRoleOnly,
    Flaw::ActsAsNotTransitive,
    Flaw::OwnerIsNoBillingEditor,
    Flaw::AdministratorIsBillingEditor,
    Flaw::ActsAcrossProducts,
    Flaw::LegacyAccountsFirst,
    Flaw::LegacyAnyComponent,
    Flaw::ViceownerWithoutBilling,
];

/// The oracle; `Oracle::default()` is the right one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Oracle {
    pub flaw: Option<Flaw>,
}

impl Oracle {
    /// The answer to `question` in `world` at `now`.
    pub fn decide(self, world: &World, question: &Question, now: Millis) -> Verdict {
        let reason = self.reason(world, question, now);
        Verdict { allowed: reason == "granted", reason }
    }

    fn reason(self, world: &World, question: &Question, now: Millis) -> &'static str {
        let Some(organization) = world.0.iter().find(|each| self.same(&each.id, &question.organization))
        else {
            return "organization_unknown";
        };
        let Some(account) = self.account(world, organization, &question.account) else {
            return "not_a_member";
        };
        match question.subject {
            Subject::Role { product, role } => self.component(organization, account, product, role, now),
            Subject::Legacy(name) => {
                let parts = self.definition(name);
                let mut reasons = parts
                    .iter()
                    .map(|(product, role)| self.component(organization, account, product, role, now));
                if self.has(Flaw::LegacyAnyComponent) && reasons.clone().any(|reason| reason == "granted") {
                    return "granted";
                }
                if self.has(Flaw::LegacyAccountsFirst) {
                    return reasons.rev().find(|reason| *reason != "granted").unwrap_or("granted");
                }
                reasons.find(|reason| *reason != "granted").unwrap_or("granted")
            }
        }
    }

    /// One ordinary question about a member; the checks stand in the order of their precedence.
    fn component(
        self,
        organization: &Organization,
        account: &Account,
        product: &str,
        role: &str,
        now: Millis,
    ) -> &'static str {
        let awaiting = account.awaiting.contains(&product) && !self.has(Flaw::AwaitingIgnored);
        let everywhere = self.has(Flaw::SuspensionEverywhere) && !account.suspended.is_empty();
        let suspended =
            (account.suspended.contains(&product) || everywhere) && !self.has(Flaw::SuspensionIgnored);
        let enabled = product == "Accounts" || organization.products.contains(&product);
        if !enabled && !self.has(Flaw::NotEnabledIgnored) {
            return "product_not_enabled";
        }
        let paused = organization.paused.contains(&product) && !self.has(Flaw::PauseIgnored);
        if paused && !(self.has(Flaw::StatesBeforePause) && (awaiting || suspended)) {
            return "product_paused";
        }
        if awaiting && !(suspended && self.has(Flaw::SuspendedBeforeAwaiting)) {
            return "awaiting_approval";
        }
        if suspended {
            return "suspended";
        }
        self.by_grants(account, product, role, now)
    }

    fn by_grants(self, account: &Account, product: &str, role: &str, now: Millis) -> &'static str {
        let mut not_started = false;
        let mut expired = false;
        for grant in &account.grants {
            let across = self.has(Flaw::ActsAcrossProducts) && grant.product == "Accounts";
            if (grant.product != product && !across) || !self.acts_as(grant.product, grant.role, role) {
                continue;
            }
            let late = if self.has(Flaw::ExpiryInclusive) { 1 } else { 0 };
            let early = if self.has(Flaw::StartExclusive) { 1 } else { 0 };
            let outside = !self.has(Flaw::TimesIgnored);
            if outside && grant.not_before.is_some_and(|start| now < start + early) {
                not_started = true;
            } else if outside && grant.expires_at.is_some_and(|end| now >= end + late) {
                expired = true;
            } else {
                return "granted";
            }
        }
        match (not_started, expired) {
            (true, _) if !self.has(Flaw::NotStartedSaysExpired) => "grant_not_started",
            (true, _) | (_, true) => "grant_expired",
            (false, false) => "role_not_held",
        }
    }

    /// Whether the holder of `held` may act as `asked` inside `product`: the closure, by walking it every time.
    fn acts_as(self, product: &str, held: &str, asked: &str) -> bool {
        if held == asked {
            return true;
        }
        if self.has(Flaw::ExactRoleOnly) {
            return false;
        }
        if product == "Accounts" && asked == "billing_editor" {
            if self.has(Flaw::OwnerIsNoBillingEditor) {
                return false;
            }
            if self.has(Flaw::AdministratorIsBillingEditor) && held == "administrator" {
                return true;
            }
        }
        let next = CATALOGUE.iter().find(|(of, role, _, _)| *of == product && *role == held);
        let next = next.map_or(&[][..], |(_, _, _, next)| *next);
        if self.has(Flaw::ActsAsNotTransitive) {
            return next.contains(&asked);
        }
        next.iter().any(|role| self.acts_as(product, role, asked))
    }

    /// The legacy role that reads back: the highest whose whole definition the account may act as.
    pub fn legacy_role(
        self,
        world: &World,
        organization: &str,
        account: &str,
        now: Millis,
    ) -> Option<&'static str> {
        let granted = |role: &&'static str| {
            let question = Question {
                account: account.to_owned(),
                organization: organization.to_owned(),
                subject: Subject::Legacy(role),
            };
            self.decide(world, &question, now).allowed
        };
        LEGACY.iter().map(|(role, _)| *role).find(granted)
    }

    /// The components of a legacy role; `normal` is the other word for `agent`.
    fn definition(self, name: &str) -> &'static [(&'static str, &'static str)] {
        let name = if name == "normal" { "agent" } else { name };
        let parts = LEGACY.iter().find(|(role, _)| *role == name).map_or(&[][..], |(_, parts)| *parts);
        if name == "viceowner" && self.has(Flaw::ViceownerWithoutBilling) { &parts[..2] } else { parts }
    }

    fn account<'a>(self, world: &'a World, organization: &'a Organization, id: &str) -> Option<&'a Account> {
        let mut here = organization.accounts.iter();
        let found = here.find(|account| self.same(&account.id, id));
        if found.is_none() && self.has(Flaw::MemberAnywhere) {
            return world.0.iter().flat_map(|each| &each.accounts).find(|account| account.id == id);
        }
        found
    }

    fn same(self, stored: &str, asked: &str) -> bool {
        match self.flaw {
            Some(Flaw::IdsIgnoreCase) => stored.eq_ignore_ascii_case(asked),
            Some(Flaw::IdsByPrefix) => asked.starts_with(stored),
            _ => stored == asked,
        }
    }

    fn has(self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

/// The moments at which a grant of the asked account starts or ends, sorted.
pub fn edges(world: &World, question: &Question) -> Vec<Millis> {
    let organizations = world.0.iter().filter(|each| each.id == question.organization);
    let accounts = organizations.flat_map(|each| &each.accounts).filter(|each| each.id == question.account);
    let grants = accounts.flat_map(|account| &account.grants);
    let mut edges: Vec<Millis> =
        grants.flat_map(|grant| grant.not_before.into_iter().chain(grant.expires_at)).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The first edge after `now` at which `changed` holds for the verdicts before and at it.
pub fn next_change(
    world: &World,
    question: &Question,
    now: Millis,
    changed: impl Fn(Verdict, Verdict) -> bool,
) -> Option<Millis> {
    let oracle = Oracle::default();
    let present = oracle.decide(world, question, now);
    let later = edges(world, question).into_iter().filter(|edge| *edge > now);
    later.into_iter().find(|edge| changed(present, oracle.decide(world, question, *edge)))
}
