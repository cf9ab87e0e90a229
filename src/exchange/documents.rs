//! Reads documents of the Global Accounts API and of the legacy Configuration API, recognised by content.
//!
//! Always true here: a list is streamed, one element in memory at a time beside what was made of it; an
//! account list is handed on only when its document ended well. Called by the source of an import.

mod elements;

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::input::{Counters, Input, MAX_ITEM_BYTES};
use super::node::{Node, read_object};
use super::raw::{Raw, RawName, RawRoles};
use super::refusal::{At, Code, Refusals};
use crate::change::incoming::Coverage;
use crate::domain::OrganizationId;
use elements::Element;

/// What the call says that account lists do not.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) organization: Option<OrganizationId>,
    pub(super) products: Option<Vec<String>>,
    /// The products are those of the stored organization.
    pub(super) merge: bool,
}

/// Hands each organization to `emit` until that says no. The input is one document; an organization's own
/// JSON may stand before the list of its accounts.
pub(super) fn read<R: Read>(
    input: &mut Input<R>,
    context: &Context,
    emit: &mut dyn FnMut(Raw) -> bool,
) -> io::Result<()> {
    let mut documents = Documents {
        context,
        emit,
        wanted: true,
        kind: None,
        unrecognised: false,
        described: None,
        listed: None,
        budget: input.budget(),
        counters: input.counters().clone(),
    };
    documents.one(input)?;
    if documents.described.is_some() && documents.wanted && input.skip_space()?.is_some() {
        documents.one(input)?;
    }
    if documents.wanted && !documents.unrecognised && input.skip_space()?.is_some() {
        documents.refuse(At::Root, Code::InvalidJson, "more text follows the document");
    }
    documents.finish();
    Ok(())
}

struct Documents<'e> {
    context: &'e Context,
    emit: &'e mut dyn FnMut(Raw) -> bool,
    wanted: bool,
    /// Of the present document.
    kind: Option<Element>,
    /// Something was neither of the kinds; the rest is not looked at.
    unrecognised: bool,
    /// An organization by its own document; its accounts may follow.
    described: Option<Raw>,
    /// The organization whose accounts are listed.
    listed: Option<Raw>,
    budget: Rc<Cell<usize>>,
    counters: Arc<Counters>,
}

impl Documents<'_> {
    fn one<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        self.kind = None;
        self.budget.set(MAX_ITEM_BYTES);
        let result = Document(self).deserialize(&mut serde_json::Deserializer::from_reader(input));
        let Err(error) = result else { return Ok(()) };
        if !self.wanted {
            return Ok(());
        }
        self.unrecognised = true;
        if !error.is_io() {
            self.refuse(At::Root, Code::InvalidJson, &error.to_string());
            return Ok(());
        }
        let error = io::Error::from(error);
        if error.kind() != io::ErrorKind::FileTooLarge {
            return Err(error);
        }
        self.refuse(At::Root, Code::TooLarge, "an element is larger than 1 MiB");
        Ok(())
    }

    fn element(&mut self, node: Node, at: At) {
        if self.unrecognised {
            return;
        }
        if let Some(tail) = node.repeated_member() {
            return self.home().add(Code::DuplicateField, at.place(&tail), "stands more than once");
        }
        match (Element::recognise(&node), self.kind) {
            (Err(what), _) => {
                self.unrecognised = true;
                self.refuse(at, Code::NotAnAccountList, what);
            }
            (Ok(kind), Some(before)) if kind != before => {
                self.unrecognised = true;
                self.refuse(at, Code::NotAnAccountList, "another kind of object than the one before it");
            }
            (Ok(Element::Organization), _) => self.organization(node, at),
            (Ok(kind), _) => {
                self.kind = Some(kind);
                self.account(node, at, kind);
            }
        }
    }

    fn organization(&mut self, node: Node, at: At) {
        if self.described.is_some() {
            return self.refuse(
                at,
                Code::NotAnAccountList,
                "a second organization, where accounts may follow",
            );
        }
        self.kind = Some(Element::Organization);
        let mut raw = elements::organization(node, at);
        let given = self.context.organization.as_ref();
        if given.is_some_and(|given| raw.organization.as_ref() != Some(given)) {
            let detail = "names another organization than the document";
            raw.refusals.add(Code::ConflictingOptions, At::Flag("--organization").place(""), detail);
        }
        if self.context.products.is_some() {
            let detail = "names products, and so does the document";
            raw.refusals.add(Code::ConflictingOptions, At::Flag("--products").place(""), detail);
        }
        if at == At::Root {
            self.described = Some(raw);
        } else {
            self.wanted &= (self.emit)(raw);
        }
    }

    fn account(&mut self, node: Node, at: At, kind: Element) {
        let raw = self.listed();
        raw.coverage = kind.coverage();
        let mut refusals = Refusals::default();
        let account = elements::account(node, at, kind, &mut refusals, &mut raw.ignored);
        raw.refusals.append(refusals);
        let Some(account) = account else { return };
        let roles = match &account.roles {
            RawRoles::ByName(roles) => roles.len(),
            RawRoles::Legacy(_) => 1,
        };
        raw.accounts.get_or_insert_default().push(account);
        self.counters.count_account(roles);
    }

    /// The organization whose accounts are listed.
    fn listed(&mut self) -> &mut Raw {
        let described = &mut self.described;
        let context = self.context;
        self.listed.get_or_insert_with(|| {
            let mut raw = described
                .take()
                .unwrap_or_else(|| Raw::new(context.organization.clone(), At::Root, Coverage::Roles));
            raw.accounts = Some(Vec::new());
            raw
        })
    }

    /// Where refusals go that are of no one account.
    fn home(&mut self) -> &mut Refusals {
        match self.described {
            Some(ref mut raw) => &mut raw.refusals,
            None => &mut self.listed().refusals,
        }
    }

    fn refuse(&mut self, at: At, code: Code, detail: &str) {
        self.home().add(code, at.place(""), detail);
    }

    fn finish(mut self) {
        if let Some(mut raw) = self.listed.take() {
            if !self.unrecognised {
                self.name(&mut raw);
            }
            self.wanted &= (self.emit)(raw);
        }
        if let Some(raw) = self.described.take().filter(|_| self.wanted) {
            (self.emit)(raw);
        }
    }

    /// Takes organization and products from the call where no document names them.
    fn name(&self, raw: &mut Raw) {
        if raw.organization.is_none() && raw.refusals.is_empty() {
            let place = At::Flag("--organization").place("");
            raw.refusals.add(Code::OrganizationNotNamed, place, "an account list does not name it");
        }
        if raw.products.is_some() {
            return;
        }
        let flag = At::Flag("--products");
        match &self.context.products {
            Some(products) => {
                let name = |name: &String| RawName { name: name.clone(), place: flag.place("") };
                raw.products = Some(products.iter().map(name).collect());
            }
            None if self.context.merge => {}
            None => {
                let detail = "an account list does not name the enabled products";
                raw.refusals.add(Code::ProductsNotNamed, flag.place(""), detail);
            }
        }
    }
}

/// One document: an object, or a list of them.
struct Document<'d, 'e>(&'d mut Documents<'e>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        let object = read_object(members)?;
        self.0.element(Node::Object(object), At::Root);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            self.0.budget.set(MAX_ITEM_BYTES);
            let Some(node) = items.next_element::<Node>()? else { break };
            self.0.element(node, At::Element(index));
            index += 1;
            if !self.0.wanted {
                return Err(A::Error::custom("nobody wants the rest"));
            }
        }
        if index == 0 {
            // An account list without accounts: the check of the whole says what is missing.
            self.0.listed();
        }
        Ok(())
    }
}
