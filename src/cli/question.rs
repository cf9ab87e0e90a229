//! `rolegate check` and `rolegate explain`: one question, asked of the store directly.
//!
//! Always true here: the flags are the members of the wire's question and resolved by the same function, so
//! the same mistake has the same code as over HTTP.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::Arc;

use clap::Args;

use crate::app::{self, OpenStore};
use crate::authorizer::{Answer, NoAnswer};
use crate::code::Code;
use crate::config::{Settings, StoreFlags};
use crate::http::wire::{Fault, Field, Members, Value, resolve, write_answer, write_item_fault};
use crate::policy::Policy;

use super::output::{line, list, window};
use super::{Exit, Failure};

/// The members of a question, as flags.
#[derive(Debug, Args)]
struct QuestionFlags {
    /// Who wants to act.
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// For which organization.
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// In which product, as the catalogue names it.
    #[arg(long, value_name = "NAME")]
    product: Option<String>,
    /// As which role of the product.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Instead of product and role: owner, viceowner, administrator or agent.
    #[arg(long, value_name = "NAME")]
    legacy_role: Option<String>,
    /// Judge the data of now at another moment (RFC 3339).
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Answer only from data that include this generation.
    #[arg(long, value_name = "NUMBER")]
    min_generation: Option<u64>,
    #[command(flatten)]
    settings: StoreFlags,
}

/// Answer one question: exit 0 allowed, 1 denied, 2 bad request, 3 cannot say.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    question: QuestionFlags,
    /// Print the answer as JSON, as `POST /check` gives it.
    #[arg(long)]
    json: bool,
}

/// Answer one question and tell how the answer came about; exit status as `check`.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    question: QuestionFlags,
    /// Print the answer and its explanation as JSON, as `POST /check` gives them.
    #[arg(long)]
    json: bool,
}

/// What is printed of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Sentence,
    Explanation,
    Json { explain: bool },
}

impl Check {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let form = if self.json { Form::Json { explain: false } } else { Form::Sentence };
        self.question.run(variables, form)
    }
}

impl Explain {
    pub fn run(self, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Exit, Failure> {
        let form = if self.json { Form::Json { explain: true } } else { Form::Explanation };
        self.question.run(variables, form)
    }
}

impl QuestionFlags {
    fn run(
        mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
        form: Form,
    ) -> Result<Exit, Failure> {
        let flags = std::mem::take(&mut self.settings).into_map();
        let settings = Settings::load(flags, variables)?;
        let policy = app::open_policy(settings.policy)?.current();
        let question = match resolve(&self.members(form), None, &policy) {
            Ok(question) => question,
            Err(fault) => {
                let pointer = fault.pointer("");
                print_code(form, fault.code, pointer.as_deref())?;
                return Err(bad_request(&fault, pointer.as_deref()));
            }
        };
        let answer = app::runtime()?.block_on(async {
            let open = OpenStore::to_read(settings.store).await.map_err(NoAnswer::from)?;
            open.authorizer(settings.cache).check(&policy, &question).await
        });
        match answer {
            Ok(answer) => {
                print(form, &policy, &answer)?;
                Ok(if answer.decision.allowed() { Exit::Success } else { Exit::Refused })
            }
            Err(error) => {
                print_code(form, error.code(), None)?;
                Err(error.into())
            }
        }
    }

    fn members(&self, form: Form) -> Members<'_> {
        let mut members = Members::default();
        let texts = [
            (Field::Account, &self.account),
            (Field::Organization, &self.organization),
            (Field::Product, &self.product),
            (Field::Role, &self.role),
            (Field::LegacyRole, &self.legacy_role),
            (Field::At, &self.at),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                members.set(field, Value::Text(Cow::Borrowed(text)));
            }
        }
        if let Some(number) = self.min_generation {
            members.set(Field::MinGeneration, Value::Integer(number));
        }
        members.set(Field::Explain, Value::Flag(form != Form::Json { explain: false }));
        members
    }
}

fn print(form: Form, policy: &Arc<Policy>, answer: &Answer) -> Result<(), Failure> {
    let decision = &answer.decision;
    let word = if decision.allowed() { "allow" } else { "deny" };
    let reason = decision.reason().as_str();
    let explanation = answer.explanation.as_ref();
    let text = explanation.map_or("", |explanation| &explanation.text);
    match form {
        Form::Json { .. } => {
            let mut body = Vec::new();
            write_answer(&mut body, answer, Some(policy.version()));
            line(String::from_utf8_lossy(&body))?;
        }
        Form::Sentence => line(format_args!("{word} ({reason}): {text}"))?,
        Form::Explanation => {
            line(format_args!("{word} ({reason})\n{text}\n"))?;
            if let Some(explanation) = explanation {
                let grant = explanation.grant.as_ref().map_or("–".to_owned(), |grant| {
                    let bounds = window(grant.not_before, grant.expires_at);
                    format!("{}/{}{bounds}", grant.product, grant.role)
                });
                line(format_args!("grant        {grant}"))?;
                line(format_args!("rule         {}", explanation.rule.as_deref().unwrap_or("–")))?;
                line(format_args!("held         {}", list(&explanation.held)))?;
                line(format_args!("needed       {}", list(&explanation.needed)))?;
            }
            if let Some(moment) = decision.valid_until() {
                line(format_args!("valid until  {moment}"))?;
            }
            if let Some(generation) = answer.generation {
                line(format_args!("generation   {generation}"))?;
            }
            line(format_args!("policy       {}", policy.version()))?;
        }
    }
    Ok(())
}

fn bad_request(fault: &Fault, pointer: Option<&str>) -> Failure {
    let place = pointer.map_or(String::new(), |pointer| format!(" at {pointer}"));
    let known = match &fault.known[..] {
        [] => String::new(),
        known => format!("; known: {}", list(known)),
    };
    Failure::new(Exit::BadRequest, format_args!("{}{place}: {}{known}", fault.code.as_str(), fault.detail))
}

/// In JSON, what an item of a batch would get in place of an answer.
fn print_code(form: Form, code: Code, pointer: Option<&str>) -> Result<(), Failure> {
    if matches!(form, Form::Json { .. }) {
        let mut body = Vec::new();
        write_item_fault(&mut body, code, pointer);
        line(String::from_utf8_lossy(&body))?;
    }
    Ok(())
}
