//! One request of a caller that was let in, and what every handler takes from it.

use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::header::HeaderMap;

use crate::domain::AccountId;
use crate::http::admission::Place;
use crate::http::body::read_json;
use crate::http::path::Target;
use crate::http::problem::Problem;
use crate::http::reading::parameters::Parameters;
use crate::http::reading::segment;
use crate::http::request_id::RequestId;
use crate::http::wire::{Fault, Field};
use crate::policy::Policy;
use crate::roles::Durability;

use super::Management;
use super::callers::Caller;
use super::members::Members;

pub struct Asked<'a> {
    pub site: &'a Management,
    pub caller: Caller,
    pub target: Target<'a>,
    pub headers: &'a HeaderMap,
    pub body: &'a mut Incoming,
    pub id: &'a RequestId,
    /// The snapshot by which names are resolved and commands computed.
    pub policy: Arc<Policy>,
}

impl<'a> Asked<'a> {
    /// What a change is to wait for: the one parameter that it takes.
    pub fn durability(&self) -> Result<Durability, Problem> {
        Ok(self.parameters(&["durability"])?.durability()?)
    }

    /// The members of the body of a change, and the place of the request.
    pub async fn members(&mut self) -> Result<(Members, Place<'a>), Problem> {
        self.durability()?;
        let common = &self.site.common;
        let limits = &common.limits;
        let body = read_json(limits, self.headers, self.body, limits.max_body_bytes).await?;
        let slot = common.admit().await?;
        Ok((Members::of_body(&body)?, slot))
    }

    /// The place of a change that has no members: without a body, or with an empty object.
    pub async fn no_members(&mut self) -> Result<Place<'a>, Problem> {
        if self.body.is_end_stream() {
            self.durability()?;
            return self.site.common.admit().await;
        }
        let (members, slot) = self.members().await?;
        members.end()?;
        Ok(slot)
    }

    pub fn parameters(&self, names: &[&'static str]) -> Result<Parameters<'a>, Box<Fault>> {
        Parameters::read(self.target.query(), names)
    }

    /// The account that the path names.
    pub fn account(&self) -> Result<AccountId, Box<Fault>> {
        segment(self.target, 1, Field::Account, AccountId::new)
    }

    /// The product at an open part of the path, as it is written there.
    pub fn product(&self, position: usize) -> Result<String, Box<Fault>> {
        segment(self.target, position, Field::Product, |name| Ok(name.to_owned()))
    }
}
