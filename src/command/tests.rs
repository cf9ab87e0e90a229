//! Every command by its examples: what it writes, what it leaves alone, and what refuses it.

use crate::change::{Change, Write};
use crate::domain::*;
use crate::policy::{Policy, PolicyFiles};

use super::*;

const LIVECHAT_NUMBER: Generation = Generation(5);
const HELPDESK_NUMBER: Generation = Generation(6);
const NEW_NUMBER: Generation = Generation(50);
const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn policy() -> Policy {
    Policy::load(&PolicyFiles::builtin()).unwrap()
}

fn acme() -> OrganizationId {
    OrganizationId::new("acme").unwrap()
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn key(text: &str) -> RoleKey {
    let (product, role) = text.split_once('/').unwrap();
    RoleKey::new(product, role)
}

fn asked(text: &str) -> RoleGrant {
    RoleGrant { role: key(text), kind: None, not_before: None, expires_at: None }
}

fn grant(text: &str) -> Grant {
    let role = key(text);
    let enabling = match &*role.product {
        "LiveChat" => LIVECHAT_NUMBER,
        "HelpDesk" => HELPDESK_NUMBER,
        _ => Generation(0),
    };
    Grant { role, enabling, not_before: None, expires_at: None }
}

fn member(id: &str, roles: &[&str]) -> RoleSet {
    let grants = roles.iter().map(|role| grant(role)).collect();
    let mut set = RoleSet { account: account(id), grants, suspended: vec![], awaiting_approval: vec![] };
    set.sort();
    set
}

/// An organization of three with LiveChat and a paused HelpDesk; `boss` owns it.
fn known(role_sets: &[RoleSet]) -> Known {
    let product = |name: &str, enabling, paused| EnabledProduct { name: name.into(), enabling, paused };
    Known {
        organization: Organization {
            id: acme(),
            owner: account("boss"),
            products: vec![
                product("HelpDesk", HELPDESK_NUMBER, true),
                product("LiveChat", LIVECHAT_NUMBER, false),
            ],
            accounts: 3,
        },
        generation: Generation(9),
        role_sets: role_sets.to_vec(),
    }
}

fn run(known: Option<&Known>, command: &Command) -> Result<Computed, Uncomputed> {
    let policy = policy();
    let ground = Ground { policy: &policy, known, now: NOW, number: Some(NEW_NUMBER) };
    compute(&acme(), command, &ground)
}

/// The change that a command makes of these accounts.
fn change(role_sets: &[RoleSet], command: &Command) -> Change {
    match run(Some(&known(role_sets)), command) {
        Ok(Computed::Write(write, _)) => match *write {
            Write::Change(change) => change,
            other => panic!("{other:?}"),
        },
        other => panic!("{command:?}: {other:?}"),
    }
}

/// Requires that a command leaves these accounts as they are.
fn nothing(role_sets: &[RoleSet], command: &Command) {
    let computed = run(Some(&known(role_sets)), command);
    assert!(matches!(computed, Ok(Computed::Nothing(_))), "{command:?}: {computed:?}");
}

fn refused(role_sets: &[RoleSet], command: &Command) -> &'static str {
    match run(Some(&known(role_sets)), command) {
        Err(Uncomputed::Refused(refusal)) => refusal.code().as_str(),
        other => panic!("{command:?}: {other:?}"),
    }
}

fn roles(id: &str, set: &[RoleGrant], delete: &[&str]) -> Command {
    let delete = delete.iter().map(|role| key(role)).collect();
    Command::ChangeRoles { account: account(id), set: set.to_vec(), delete }
}

#[test]
fn a_new_organization_belongs_to_its_first_account() {
    let products = vec!["LiveChat".to_owned(), "Accounts".to_owned(), "ChatBot".to_owned()];
    let command = Command::CreateOrganization { owner: account("boss"), products };
    let Ok(Computed::Write(write, _)) = run(None, &command) else { panic!() };
    let Write::Replacement(made) = *write else { panic!() };
    assert_eq!((made.expected, made.organization.accounts), (None, 1));
    assert_eq!(made.role_sets, [member("boss", &["Accounts/owner"])]);
    let products: Vec<_> = made.organization.products.iter().map(|p| (&*p.name, p.enabling)).collect();
    assert_eq!(products, [("ChatBot", NEW_NUMBER), ("LiveChat", NEW_NUMBER)]);
    assert_eq!(refused(&[], &command), "organization_exists");

    let code = |products: &[&str]| {
        let products = products.iter().map(|name| (*name).to_owned()).collect();
        let command = Command::CreateOrganization { owner: account("boss"), products };
        run(None, &command).unwrap_err().to_string()
    };
    assert_eq!(code(&["livechat"]), "there is no product \"livechat\"; did you mean LiveChat?");
    assert_eq!(code(&["ChatBot", "ChatBot"]), "ChatBot is named twice: name each product once");
}

#[test]
fn a_number_is_asked_for_only_when_one_is_needed() {
    let policy = policy();
    let known = known(&[]);
    let without = |command: Command| {
        let ground = Ground { policy: &policy, known: Some(&known), now: NOW, number: None };
        compute(&acme(), &command, &ground)
    };
    let enable = |product: &str| Command::EnableProduct { product: product.to_owned() };
    assert_eq!(without(enable("ChatBot")), Ok(Computed::NumberNeeded));
    assert_eq!(without(enable("LiveChat")), Ok(Computed::Nothing(vec![])));
    assert_eq!(without(enable("Accounts")), Ok(Computed::Nothing(vec![])));
    assert_eq!(without(enable("HelpDesk")), Ok(Computed::Nothing(vec![Warning::ProductPaused])));
    assert!(matches!(without(enable("Chatbot")), Err(Uncomputed::Refused(_))));
}

#[test]
fn accounts_come_and_go() {
    let add = |roles: &[RoleGrant]| Command::AddAccount { account: account("new"), roles: roles.to_vec() };
    let added = change(&[], &add(&[asked("LiveChat/normal")]));
    assert_eq!(added.put, [member("new", &["Accounts/member", "LiveChat/normal"])]);
    assert_eq!(added.header.unwrap().accounts, 4);
    let administrator = change(&[], &add(&[asked("Accounts/administrator")]));
    assert_eq!(administrator.put, [member("new", &["Accounts/administrator"])]);

    let there = member("new", &["Accounts/member", "LiveChat/normal"]);
    nothing(std::slice::from_ref(&there), &add(&[asked("LiveChat/normal")]));
    nothing(std::slice::from_ref(&there), &add(&[]));
    assert_eq!(refused(&[there], &add(&[asked("LiveChat/administrator")])), "account_exists");
    assert_eq!(refused(&[], &add(&[asked("Accounts/owner")])), "use_transfer");
    assert_eq!(refused(&[], &add(&[asked("LiveChat/normal"), asked("LiveChat/normal")])), "duplicate_role");

    let remove = |id: &str| Command::RemoveAccount { account: account(id) };
    let removed = change(&[member("a", &["Accounts/member"])], &remove("a"));
    assert_eq!((removed.remove, removed.header.unwrap().accounts), (vec![account("a")], 2));
    assert_eq!(refused(&[], &remove("a")), "account_unknown");
    let boss = member("boss", &["Accounts/owner"]);
    assert_eq!(refused(std::slice::from_ref(&boss), &remove("boss")), "owner_must_transfer");
    let mut alone = known(&[boss]);
    alone.organization.accounts = 1;
    let last = run(Some(&alone), &remove("boss")).unwrap_err();
    assert!(matches!(last, Uncomputed::Refused(Refusal::LastAccount { .. })));
}

#[test]
fn a_role_takes_the_place_of_the_one_it_excludes_and_custom_roles_add_up() {
    let a = member("a", &["Accounts/member", "Accounts/billing_editor", "LiveChat/administrator"]);
    let only = std::slice::from_ref(&a);
    let put = |set: &[RoleGrant], delete: &[&str]| change(only, &roles("a", set, delete)).put;
    assert_eq!(
        put(&[asked("Accounts/administrator"), asked("LiveChat/normal")], &[]),
        [member("a", &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/normal"])]
    );
    assert_eq!(
        put(&[asked("HelpDesk/viewer")], &["Accounts/billing_editor"]),
        [member("a", &["Accounts/member", "HelpDesk/viewer", "LiveChat/administrator"])]
    );
    assert_eq!(
        put(&[asked("Accounts/administrator")], &["Accounts/member"]),
        [member("a", &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"])]
    );
    nothing(only, &roles("a", &[asked("LiveChat/administrator")], &["HelpDesk/viewer"]));

    let timed = RoleGrant { expires_at: Some(NOW), ..asked("LiveChat/administrator") };
    let after = put(&[timed], &[]);
    assert_eq!(after[0].grant(&key("LiveChat/administrator")).unwrap().expires_at, Some(NOW));
}

#[test]
fn what_a_role_may_not_be_is_refused() {
    let a = member("a", &["Accounts/member"]);
    let boss = member("boss", &["Accounts/owner"]);
    let both = [a, boss];
    let typed = |kind| RoleGrant { kind: Some(kind), ..asked("LiveChat/normal") };
    let from = |role: &str| RoleGrant { not_before: Some(NOW), ..asked(role) };
    let never = RoleGrant { expires_at: Some(NOW), ..from("LiveChat/normal") };
    for (code, command) in [
        ("account_unknown", roles("nobody", &[], &[])),
        ("unknown_product", roles("a", &[asked("Livechat/normal")], &[])),
        ("unknown_role", roles("a", &[asked("LiveChat/agent")], &[])),
        ("unknown_role", roles("a", &[], &["LiveChat/agent"])),
        ("legacy_role_in_global_accounts", roles("a", &[asked("LiveChat/viceowner")], &[])),
        ("legacy_role_in_global_accounts", roles("a", &[asked("LiveChat/owner")], &[])),
        ("role_type_mismatch", roles("a", &[typed(RoleType::Primary)], &[])),
        ("primary_role_time_bound", roles("a", &[from("Accounts/member")], &[])),
        ("empty_time_range", roles("a", &[never], &[])),
        ("duplicate_role", roles("a", &[asked("LiveChat/normal")], &["LiveChat/normal"])),
        ("product_not_enabled", roles("a", &[asked("ChatBot/editor")], &[])),
        ("primary_role_missing", roles("a", &[], &["Accounts/member"])),
        (
            "primary_role_not_unique",
            roles("a", &[asked("Accounts/member"), asked("Accounts/administrator")], &[]),
        ),
        (
            "secondary_role_not_unique",
            roles("a", &[asked("LiveChat/normal"), asked("LiveChat/administrator")], &[]),
        ),
        ("use_transfer", roles("a", &[asked("Accounts/owner")], &[])),
        ("owner_must_transfer", roles("boss", &[asked("Accounts/member")], &[])),
        ("owner_must_transfer", roles("boss", &[], &["Accounts/owner"])),
    ] {
        assert_eq!(refused(&both, &command), code, "{command:?}");
    }
    nothing(&both, &roles("boss", &[asked("Accounts/owner")], &[]));
    assert_eq!(change(&both, &roles("a", &[typed(RoleType::Secondary)], &[])).put.len(), 1);
}

#[test]
fn what_is_dead_goes_with_the_next_write_and_never_comes_back() {
    let mut a = member("a", &["Accounts/member", "LiveChat/normal"]);
    a.grants[1].enabling = Generation(1);
    a.suspended = vec![ProductMark { product: "LiveChat".into(), enabling: Generation(1) }];
    let only = [a];
    nothing(&only, &roles("a", &[], &["LiveChat/normal"]));
    let written = change(&only, &roles("a", &[asked("Accounts/billing_editor")], &[]));
    assert_eq!(written.put, [member("a", &["Accounts/billing_editor", "Accounts/member"])]);
}

#[test]
fn states_come_and_go_in_enabled_products() {
    let set = |product: &str, state, on| Command::SetState {
        account: account("a"),
        product: product.to_owned(),
        state,
        on,
    };
    let a = member("a", &["Accounts/member"]);
    let only = std::slice::from_ref(&a);
    let suspended = change(only, &set("LiveChat", AccountState::Suspended, true));
    let mark = ProductMark { product: "LiveChat".into(), enabling: LIVECHAT_NUMBER };
    assert_eq!(suspended.put, [RoleSet { suspended: vec![mark], ..a.clone() }]);
    nothing(&suspended.put, &set("LiveChat", AccountState::Suspended, true));
    assert_eq!(change(&suspended.put, &set("LiveChat", AccountState::Suspended, false)).put, only);
    nothing(only, &set("HelpDesk", AccountState::AwaitingApproval, false));
    for (code, command) in [
        ("accounts_has_no_state", set("Accounts", AccountState::Suspended, true)),
        ("unknown_product", set("Livechat", AccountState::Suspended, true)),
        ("product_not_enabled", set("ChatBot", AccountState::AwaitingApproval, true)),
    ] {
        assert_eq!(refused(only, &command), code);
    }
    assert_eq!(refused(&[], &set("LiveChat", AccountState::Suspended, true)), "account_unknown");
}

#[test]
fn products_are_switched_in_the_header_alone() {
    let enable = Command::EnableProduct { product: "ChatBot".to_owned() };
    let enabled = change(&[], &enable);
    let product = enabled.header.as_ref().unwrap().product("ChatBot").unwrap();
    assert_eq!((product.enabling, product.paused), (NEW_NUMBER, false));
    let disable = |product: &str| Command::DisableProduct { product: product.to_owned() };
    let disabled = change(&[], &disable("LiveChat"));
    assert_eq!(disabled.header.as_ref().unwrap().product("LiveChat"), None);
    assert!([&enabled, &disabled].iter().all(|change| change.put.is_empty() && change.remove.is_empty()));
    nothing(&[], &disable("ChatBot"));
    assert_eq!(refused(&[], &disable("Accounts")), "accounts_always_enabled");
    assert_eq!(refused(&[], &disable("chatbot")), "unknown_product");

    let paused = |product: &str, paused| Command::SetPaused { product: product.to_owned(), paused };
    let resumed = change(&[], &paused("HelpDesk", false)).header.unwrap();
    assert_eq!(resumed.product("HelpDesk").map(|p| (p.enabling, p.paused)), Some((HELPDESK_NUMBER, false)));
    nothing(&[], &paused("HelpDesk", true));
    assert_eq!(refused(&[], &paused("ChatBot", true)), "product_not_enabled");
    assert_eq!(refused(&[], &paused("Accounts", true)), "accounts_has_no_state");
}

#[test]
fn a_transfer_changes_exactly_two_primary_roles() {
    let to =
        |id: &str, only_administrator| Command::TransferOwnership { to: account(id), only_administrator };
    let boss = member("boss", &["Accounts/billing_editor", "Accounts/owner", "LiveChat/administrator"]);
    let a = member("a", &["Accounts/member", "LiveChat/normal"]);
    let both = [a.clone(), boss];
    let computed = run(Some(&known(&both)), &to("a", false)).unwrap();
    let Computed::Write(write, warnings) = computed else { panic!() };
    let Write::Change(change) = *write else { panic!() };
    assert_eq!(warnings, [Warning::NoLegacyOwner]);
    assert_eq!(change.header.unwrap().owner, account("a"));
    assert_eq!(
        change.put,
        [
            member("a", &["Accounts/owner", "LiveChat/normal"]),
            member("boss", &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"])
        ]
    );
    nothing(&both, &to("boss", true));
    assert_eq!(refused(&both, &to("nobody", false)), "account_unknown");
    assert_eq!(refused(&both, &to("a", true)), "new_owner_not_administrator");
    let mark = |product: &str, enabling| vec![ProductMark { product: product.into(), enabling }];
    let suspended = RoleSet { suspended: mark("HelpDesk", HELPDESK_NUMBER), ..a.clone() };
    assert_eq!(refused(&[suspended, both[1].clone()], &to("a", false)), "new_owner_suspended");
    let awaiting = RoleSet { awaiting_approval: mark("LiveChat", LIVECHAT_NUMBER), ..a };
    assert_eq!(refused(&[awaiting, both[1].clone()], &to("a", false)), "new_owner_awaiting_approval");

    let administrator = member("a", &["Accounts/administrator", "LiveChat/administrator"]);
    let computed = run(Some(&known(&[administrator, both[1].clone()])), &to("a", true)).unwrap();
    assert!(matches!(computed, Computed::Write(_, warnings) if warnings.is_empty()));
}

#[test]
fn a_legacy_role_is_assigned_by_its_plan() {
    let assign = |id: &str, role| Command::AssignLegacyRole { account: account(id), role };
    let viceowner =
        member("a", &["Accounts/administrator", "Accounts/billing_editor", "LiveChat/administrator"]);
    let agent = change(&[viceowner], &assign("a", Some(LegacyRole::Agent))).put;
    assert_eq!(agent, [member("a", &["Accounts/member", "LiveChat/normal"])]);
    nothing(&agent, &assign("a", Some(LegacyRole::Agent)));
    assert_eq!(change(&agent, &assign("a", None)).put, [member("a", &["Accounts/member"])]);
    let boss = member("boss", &["Accounts/owner", "LiveChat/administrator"]);
    let owner = [agent[0].clone(), boss];
    nothing(&owner, &assign("boss", Some(LegacyRole::Owner)));
    assert_eq!(refused(&owner, &assign("boss", None)), "owner_role_fixed");
    assert_eq!(refused(&owner, &assign("a", Some(LegacyRole::Owner))), "use_transfer");
    assert_eq!(refused(&[], &assign("a", None)), "account_unknown");
    let mut without = known(&owner);
    without.organization.products.clear();
    let refusal = run(Some(&without), &assign("a", Some(LegacyRole::Agent))).unwrap_err();
    assert!(matches!(refusal, Uncomputed::Refused(Refusal::ProductNotEnabled { .. })));
}

#[test]
fn nothing_but_a_creation_starts_without_an_organization() {
    for command in [Command::DeleteOrganization, Command::RemoveAccount { account: account("a") }] {
        let refusal = run(None, &command).unwrap_err();
        assert_eq!(refusal, Refusal::OrganizationUnknown.into());
    }
    let deletion = Deletion { organization: acme(), expected: Generation(9) };
    let computed = run(Some(&known(&[])), &Command::DeleteOrganization);
    assert_eq!(computed, Ok(Computed::Write(Box::new(Write::Deletion(deletion)), vec![])));
}
