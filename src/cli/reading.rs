//! `rolegate roles` and `rolegate legacy`: what accounts hold, in the words of Global Accounts and of LiveChat.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Args;

use crate::app::{self, OpenStore};
use crate::authorizer::Authorizer;
use crate::config::{Settings, StoreFlags};
use crate::domain::{AccountId, LegacyRole, OrganizationId};
use crate::policy::{LegacyPlan, Policy};
use crate::reading::{
    self, AccountQuery, LegacyLookup, ListedRole, Membership, NoReading, OrganizationQuery, PlannedWrite,
};

use super::output::{line, list, window};
use super::{Exit, Failure};

/// Accounts or organizations read at a time.
const PAGE: usize = 1_000;

/// List the roles of an account, the accounts of an organization, or the organizations of an account.
#[derive(Debug, Args)]
pub struct Roles {
    /// Alone: list the organizations that the account is in.
    #[arg(long, value_name = "ID", value_parser = AccountId::new, required_unless_present = "organization")]
    account: Option<AccountId>,
    /// Alone: list the organization's accounts.
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: Option<OrganizationId>,
    #[command(flatten)]
    settings: StoreFlags,
}

/// Tell the legacy LiveChat role of an account, or plan a legacy write.
#[derive(Debug, Args)]
pub struct Legacy {
    #[arg(long, value_name = "ID", value_parser = AccountId::new)]
    account: AccountId,
    #[arg(long, value_name = "ID", value_parser = OrganizationId::new)]
    organization: OrganizationId,
    /// Print what to grant and revoke so that the account reads as ROLE (or `none`). Nothing is written.
    #[arg(long, value_name = "ROLE", value_parser = planned)]
    plan: Option<Planned>,
    #[command(flatten)]
    settings: StoreFlags,
}

/// The legacy role to be planned or assigned; `None` stands for no legacy role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned(pub(super) Option<LegacyRole>);

pub(super) fn planned(text: &str) -> Result<Planned, String> {
    match (text, LegacyRole::parse(text)) {
        ("none", _) => Ok(Planned(None)),
        (_, Some(role)) => Ok(Planned(Some(role))),
        (_, None) => Err("use owner, viceowner, administrator, agent or none".to_owned()),
    }
}

impl From<NoReading> for Failure {
    fn from(error: NoReading) -> Self {
        match error {
            NoReading::NoAnswer(error) => error.into(),
            NoReading::OrganizationUnknown | NoReading::AccountUnknown => Self::new(Exit::Refused, error),
        }
    }
}

/// What every reading command reads from.
struct Reader {
    policy: Arc<Policy>,
    authorizer: Arc<Authorizer>,
}

impl Reader {
    async fn open(settings: Settings) -> Result<Self, Failure> {
        let policy = app::open_policy(settings.policy)?.current();
        let open = OpenStore::to_read(settings.store).await?;
        Ok(Self { policy: Arc::clone(&policy), authorizer: Arc::new(open.authorizer(settings.cache)) })
    }
}

impl Roles {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        app::runtime()?.block_on(async {
            let reader = Reader::open(settings).await?;
            match (self.organization, self.account) {
                (Some(organization), Some(account)) => {
                    let membership = Membership { organization, account, min_generation: None };
                    reader.print_roles(&membership).await
                }
                (Some(organization), None) => reader.print_accounts(organization).await,
                (None, Some(account)) => reader.print_organizations(account).await,
                // clap asks for one of the two.
                (None, None) => Err(Failure::new(Exit::BadRequest, "give --account or --organization")),
            }
        })?;
        Ok(Exit::Success)
    }
}

impl Reader {
    async fn print_roles(&self, membership: &Membership) -> Result<(), Failure> {
        let roles = reading::account_roles(&self.authorizer, &self.policy, membership).await?.value;
        for role in &roles.roles {
            line(role_line(role))?;
        }
        for unknown in &roles.unknown {
            line(format_args!("{unknown} (not in the catalogue: grants nothing)"))?;
        }
        line(legacy_line(&roles.legacy))?;
        Ok(())
    }

    async fn print_accounts(&self, organization: OrganizationId) -> Result<(), Failure> {
        let mut query = AccountQuery { organization, filter: None, after: None, limit: PAGE };
        loop {
            let page = reading::accounts(&self.authorizer, &self.policy, &query).await?;
            for account in &page.accounts {
                line(account)?;
            }
            match page.accounts.last() {
                Some(last) if page.next_cursor.is_some() => query.after = Some(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn print_organizations(&self, account: AccountId) -> Result<(), Failure> {
        let mut query = OrganizationQuery { account, after: None, limit: PAGE };
        loop {
            let page = reading::organizations(&self.authorizer, &query).await?;
            for organization in &page.organizations {
                line(organization)?;
            }
            // A page may be empty, or end in a candidate that was none, and others still follow.
            let Some(cursor) = page.next_cursor else { return Ok(()) };
            let after = query.listing().resume(&cursor, OrganizationId::new);
            query.after = Some(after.map_err(|error| Failure::new(Exit::CannotSay, error))?);
        }
    }
}

impl Legacy {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let settings = Settings::load(self.settings.into_map(), variables)?;
        let Self { account, organization, plan, .. } = self;
        app::runtime()?.block_on(async {
            let Reader { policy, authorizer } = Reader::open(settings).await?;
            let Some(Planned(asked)) = plan else {
                let membership = Membership { organization, account, min_generation: None };
                let found = reading::legacy_role(&authorizer, &policy, &membership).await;
                line(legacy_line(&found.map_err(NoReading::from)?.value))?;
                return Ok(Exit::Success);
            };
            let planned =
                reading::plan_legacy_write(&authorizer, &policy, &organization, &account, asked).await?;
            print_plan(planned)
        })
    }
}

fn print_plan(planned: PlannedWrite) -> Result<Exit, Failure> {
    let LegacyPlan { grant, revoke } = match planned.plan {
        Ok(plan) => plan,
        Err(refusal) => {
            let code = refusal.code().unwrap_or_default();
            return Err(Failure::new(Exit::Refused, format_args!("{code}: {refusal}")));
        }
    };
    for role in &revoke {
        line(format_args!("revoke {role}"))?;
    }
    for role in &grant {
        line(format_args!("grant {role}"))?;
    }
    if grant.is_empty() && revoke.is_empty() {
        line("nothing to change")?;
    }
    Ok(Exit::Success)
}

fn role_line(role: &ListedRole) -> String {
    let bounds = window(role.not_before, role.expires_at);
    let inactive = role.inactive.map_or(String::new(), |reason| format!(" [{}]", reason.as_str()));
    format!("{} ({}){bounds}{inactive}", role.key, role.kind.as_str())
}

fn legacy_line(lookup: &LegacyLookup) -> String {
    let because = list(&lookup.because);
    match (lookup.legacy_role, lookup.assigned) {
        (Some(role), _) => format!("legacy role: {} because of {because}", role.as_str()),
        (None, Some(assigned)) => {
            let reason = lookup.reason.as_str();
            format!("legacy role: none ({reason}), would be {} because of {because}", assigned.as_str())
        }
        (None, None) => format!("legacy role: none ({})", lookup.reason.as_str()),
    }
}
