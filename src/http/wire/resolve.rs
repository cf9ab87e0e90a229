//! From members to a question of one policy snapshot: the only place that gives them meaning.
//!
//! Always true here: every dialect of the native wire passes through `resolve`, so the same mistake has the
//! same code everywhere; what comes out needs no further validation. Called by the handlers.

use crate::code::Code;
use crate::domain::{AccountId, Generation, InvalidIdentifier, LegacyRole, OrganizationId, Timestamp};
use crate::policy::Policy;
use crate::question::{Asked, Question};
use crate::reading::Membership;

use super::fault::Fault;
use super::members::{Field, Members, NULL, Value};
use super::names;

/// Makes a question of its members and, in a batch, of the batch's defaults.
pub fn resolve(
    members: &Members<'_>,
    defaults: Option<&Members<'_>>,
    policy: &Policy,
) -> Result<Question, Box<Fault>> {
    if let Some(fault) = &members.fault {
        return Err(fault.clone());
    }
    let (account, organization) = whose(members, defaults)?;
    let asked = asked(members, defaults, policy)?;
    Ok(Question {
        account,
        organization,
        asked,
        at: at(members)?,
        min_generation: min_generation(members)?,
        explain: explain(members)?,
    })
}

/// Makes the subject of a reading of its members and, in a batch, of the batch's defaults.
pub fn resolve_membership(
    members: &Members<'_>,
    defaults: Option<&Members<'_>>,
) -> Result<Membership, Box<Fault>> {
    members.take_only(&[Field::Account, Field::Organization, Field::MinGeneration])?;
    let (account, organization) = whose(members, defaults)?;
    Ok(Membership { organization, account, min_generation: min_generation(members)? })
}

/// Makes a legacy write of its members; the role `None` takes every legacy role away.
pub fn resolve_legacy_write(
    members: &Members<'_>,
) -> Result<(AccountId, OrganizationId, Option<LegacyRole>), Box<Fault>> {
    members.take_only(&[Field::Account, Field::Organization, Field::LegacyRole])?;
    let (account, organization) = whose(members, None)?;
    let asked = match &members.legacy_role {
        Some(Value::Other(NULL)) => None,
        Some(Value::Text(text)) if text == "none" => None,
        given => {
            Some(Given::of(Field::LegacyRole, given, None).text()?.read(|_, name| names::legacy_role(name))?)
        }
    };
    Ok((account, organization, asked))
}

fn whose(
    members: &Members<'_>,
    defaults: Option<&Members<'_>>,
) -> Result<(AccountId, OrganizationId), Box<Fault>> {
    let account = Given::of(Field::Account, &members.account, defaults.map(|d| &d.account));
    let organization =
        Given::of(Field::Organization, &members.organization, defaults.map(|d| &d.organization));
    let account = account.text()?.read(identifier(AccountId::new))?;
    let organization = organization.text()?.read(identifier(OrganizationId::new))?;
    Ok((account, organization))
}

fn asked(
    members: &Members<'_>,
    defaults: Option<&Members<'_>>,
    policy: &Policy,
) -> Result<Asked, Box<Fault>> {
    if members.legacy_role.is_some() {
        let beside = [(Field::Product, &members.product), (Field::Role, &members.role)];
        if let Some((field, _)) = beside.into_iter().find(|(_, value)| value.is_some()) {
            let detail = format!("{} stands beside legacy_role, which takes its place", field.name());
            return Err(Fault::of_field(Code::ConflictingFields, field, detail));
        }
        let legacy = Given::of(Field::LegacyRole, &members.legacy_role, None);
        return legacy.text()?.read(|_, name| names::legacy_role(name)).map(Asked::Legacy);
    }
    let product = Given::of(Field::Product, &members.product, defaults.map(|d| &d.product));
    let role = Given::of(Field::Role, &members.role, defaults.map(|d| &d.role));
    let (product, role) = (product.text()?, role.text()?);
    let product = product.read(|_, name| names::product(policy, name))?;
    role.read(|_, name| names::role(policy, product, name)).map(Asked::Role)
}

fn explain(members: &Members<'_>) -> Result<bool, Box<Fault>> {
    match &members.explain {
        None => Ok(false),
        Some(Value::Flag(explain)) => Ok(*explain),
        Some(other) => Err(Fault::wrong_type(Field::Explain, other.kind())),
    }
}

/// The generation that an answer must include.
pub fn min_generation(members: &Members<'_>) -> Result<Option<Generation>, Box<Fault>> {
    match &members.min_generation {
        None => Ok(None),
        Some(Value::Integer(number)) if *number <= Generation::MAX.0 => Ok(Some(Generation(*number))),
        Some(Value::Integer(_)) => Err(Fault::wrong_type(Field::MinGeneration, "a larger number")),
        Some(other) => Err(Fault::wrong_type(Field::MinGeneration, other.kind())),
    }
}

fn at(members: &Members<'_>) -> Result<Option<Timestamp>, Box<Fault>> {
    if members.at.is_none() {
        return Ok(None);
    }
    let invalid = |field, text: &str| {
        Timestamp::parse(text)
            .map_err(|error| Fault::of_field(Code::InvalidTimestamp, field, error.to_string()))
    };
    Given::of(Field::At, &members.at, None).text()?.read(invalid).map(Some)
}

/// Reads an identifier that stands in a field.
pub fn identifier<T>(
    new: impl Fn(&str) -> Result<T, InvalidIdentifier>,
) -> impl Fn(Field, &str) -> Result<T, Box<Fault>> {
    move |field, text| {
        new(text).map_err(|error| Fault::of_field(Code::InvalidIdentifier, field, error.to_string()))
    }
}

/// The value of a field, its own or the batch's default.
struct Given<'m, 'a> {
    field: Field,
    value: Option<&'m Value<'a>>,
    inherited: bool,
}

impl<'m, 'a> Given<'m, 'a> {
    fn of(field: Field, own: &'m Option<Value<'a>>, default: Option<&'m Option<Value<'a>>>) -> Self {
        match own {
            Some(value) => Self { field, value: Some(value), inherited: false },
            None => {
                let value = default.and_then(Option::as_ref);
                Self { field, value, inherited: value.is_some() }
            }
        }
    }

    fn text(self) -> Result<Text<'m>, Box<Fault>> {
        match self.value {
            Some(Value::Text(text)) => Ok(Text { field: self.field, text, inherited: self.inherited }),
            Some(other) => Err(Fault::wrong_type(self.field, other.kind()).inherited(self.inherited)),
            None => {
                let detail = format!("{} is missing", self.field.name());
                Err(Fault::of_field(Code::MissingField, self.field, detail))
            }
        }
    }
}

/// The text of a field.
struct Text<'m> {
    field: Field,
    text: &'m str,
    inherited: bool,
}

impl Text<'_> {
    fn read<T>(&self, read: impl FnOnce(Field, &str) -> Result<T, Box<Fault>>) -> Result<T, Box<Fault>> {
        read(self.field, self.text).map_err(|fault| fault.inherited(self.inherited))
    }
}
