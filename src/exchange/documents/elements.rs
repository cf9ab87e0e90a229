//! One object of an API's document: which kind it is, and what it says.
//!
//! Always true here: fields that mean nothing to us are counted, not refused; `role_id` is information, the
//! key is product and role. Called by `documents` for each element.

use crate::change::incoming::Coverage;
use crate::domain::{LIVECHAT, LegacyRole};
use crate::exchange::fields::{Fields, Null};
use crate::exchange::raw::{Ignored, Raw, RawAccount, RawName, RawRole, RawRoles, RawState};
use crate::exchange::refusal::{At, Code, Refusals, shown};
use crate::json::{Node, Object};

const ORGANIZATION_FIELDS: &[&str] =
    &["name", "invitation_mode", "domain_whitelist", "created_at", "updated_at", "company"];
const PRODUCT_FIELDS: &[&str] = &["created_at"];
const ACCOUNT_FIELDS: &[&str] = &[
    "name",
    "email",
    "email_verified",
    "default_product",
    "default_organization_id",
    "avatar_url",
    "created_at",
    "updated_at",
];
const ROLE_FIELDS: &[&str] = &["role_id", "predefined"];
const PROPERTY_FIELDS: &[&str] = &["active", "mfa"];
const AGENT_FIELDS: &[&str] =
    &["id", "name", "login_status", "avatar", "avatar_path", "job_title", "mobile", "max_chats_count"];

/// The kinds of objects that an import takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    Organization,
    Account,
    /// An account as the legacy API has it, with one role.
    Agent,
}

impl Element {
    /// The kind of an object, or what it seems to be instead.
    pub(super) fn recognise(node: &Node) -> Result<Self, &'static str> {
        let Node::Object(object) = node else { return Err("not an object") };
        let has = |name| object.has(name);
        if has("account_id") || has("roles") {
            return Ok(if !has("roles") && object.has_text("role") { Self::Agent } else { Self::Account });
        }
        if has("organization_id") {
            return Ok(Self::Organization);
        }
        if has("id") && object.has_text("role") {
            return Ok(Self::Agent);
        }
        Err(if has("error") || has("error_description") {
            "an error answer of the API, saved in place of data"
        } else if has("role_id") {
            "a list of roles: check it with policy validate --roles"
        } else if has("set_roles") || has("delete_roles") {
            "a request to change roles: it belongs to the management API"
        } else if has("organization") || has("account") {
            "JSON Lines of which an object does not stand on one line"
        } else {
            "neither an account, nor an organization, nor an agent"
        })
    }

    pub(super) const fn coverage(self) -> Coverage {
        match self {
            Self::Agent => Coverage::LegacyRoles,
            Self::Account | Self::Organization => Coverage::Roles,
        }
    }
}

/// An organization by its own document, which says nothing of its accounts.
pub(super) fn organization(node: Node, at: At) -> Raw {
    let mut raw = Raw::new(None, at, Coverage::Roles);
    let opened = Fields::open(node, at, String::new(), Null::IsAbsent, &mut raw.refusals);
    let Some(mut fields) = opened else { return raw };
    raw.organization = fields.organization("organization_id");
    let products = fields.optional_list("products");
    if products.is_none() {
        fields.refuse_member(Code::MissingField, "products", "absent, or not a list");
    }
    fields.ignore_rest("", ORGANIZATION_FIELDS, &mut raw.ignored);
    let mut names = Vec::new();
    for (index, node) in products.into_iter().flatten().enumerate() {
        let path = format!(".products[{index}]");
        let opened = Fields::open(node, at, path.clone(), Null::IsAbsent, &mut raw.refusals);
        let Some(mut fields) = opened else { continue };
        let name = fields.text("product");
        fields.ignore_rest("products[].", PRODUCT_FIELDS, &mut raw.ignored);
        names.extend(name.map(|name| RawName { name, place: at.place(&format!("{path}.product")) }));
    }
    raw.products = Some(names);
    raw
}

/// An account, or an agent; `None` when it has no usable id. `refusals` are those of this element.
pub(super) fn account(
    node: Node,
    at: At,
    kind: Element,
    refusals: &mut Refusals,
    ignored: &mut Ignored,
) -> Option<RawAccount> {
    let mut fields = Fields::open(node, at, String::new(), Null::IsAbsent, refusals)?;
    if kind == Element::Agent {
        return agent(fields, at, ignored);
    }
    let account = fields.account("account_id");
    let roles = fields.roles();
    let properties = fields.optional_object("properties").unwrap_or_default();
    fields.ignore_rest("", ACCOUNT_FIELDS, ignored);
    let suspended = suspensions(properties, at, refusals, ignored);
    let nodes = roles.into_iter().enumerate();
    let roles = nodes.filter_map(|(index, node)| role(node, at, index, refusals, ignored)).collect();
    let roles = RawRoles::ByName(roles);
    let complete = refusals.is_empty();
    Some(RawAccount { at, account: account?, complete, roles, suspended, awaiting_approval: Vec::new() })
}

fn role(node: Node, at: At, index: usize, refusals: &mut Refusals, ignored: &mut Ignored) -> Option<RawRole> {
    let mut fields = Fields::open(node, at, format!(".roles[{index}]"), Null::IsAbsent, refusals)?;
    let (product, role) = (fields.text("product"), fields.text("role"));
    let kind = fields.optional_text("type");
    fields.ignore_rest("roles[].", ROLE_FIELDS, ignored);
    Some(RawRole { index, product: product?, role: role?, kind, not_before: None, expires_at: None })
}

/// The states that an account's properties name, by product.
fn suspensions(properties: Object, at: At, refusals: &mut Refusals, ignored: &mut Ignored) -> Vec<RawState> {
    let mut states = Vec::new();
    for (product, node) in properties.members {
        if !matches!(node, Node::Object(_)) {
            if !PROPERTY_FIELDS.contains(&product.as_str()) {
                ignored.add(&format!("properties.{product}"));
            }
            continue;
        }
        let tail = format!(".properties.{product}");
        let opened = Fields::open(node, at, tail.clone(), Null::IsAbsent, refusals);
        let Some(mut fields) = opened else { continue };
        let suspended = fields.optional_bool("suspended");
        fields.ignore_rest(&format!("properties.{product}."), &[], ignored);
        states.extend(suspended.map(|on| RawState { product, on, tail }));
    }
    states
}

fn agent(mut fields: Fields<'_>, at: At, ignored: &mut Ignored) -> Option<RawAccount> {
    let account = if fields.has("account_id") {
        fields.account("account_id")
    } else {
        let detail = "absent: ask version 3.5 or later of the Configuration API, which has it";
        fields.refuse_member(Code::MissingField, "account_id", detail);
        None
    };
    let role = fields.text("role").and_then(|text| {
        let role = LegacyRole::parse(&text);
        if role.is_none() {
            let detail = format!("\"{}\" is no legacy role", shown(&text));
            fields.refuse_member(Code::UnknownLegacyRole, "role", detail);
        }
        role
    });
    let mut state = |name: &str| -> Vec<RawState> {
        let on = fields.optional_bool(name);
        let product = LIVECHAT.to_owned();
        on.map(|on| RawState { product, on, tail: format!(".{name}") }).into_iter().collect()
    };
    let (suspended, awaiting_approval) = (state("suspended"), state("awaiting_approval"));
    fields.ignore_rest("", AGENT_FIELDS, ignored);
    let roles = RawRoles::Legacy(role?);
    Some(RawAccount { at, account: account?, complete: true, roles, suspended, awaiting_approval })
}
