//! The settings as command-line flags, made from the table.
//!
//! Always true here: flags are only taken, never judged; defaults and precedence are stage one's. Flattened
//! into the commands that take settings.

use std::collections::BTreeMap;

use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::setting::{Scope, Setting};

/// The flags that were given, of the settings that a scope takes.
#[derive(Clone, Default)]
pub struct Flags<const SCOPE: u8>(BTreeMap<Setting, String>);

/// For commands that only need the policy.
pub type PolicyFlags = Flags<{ Scope::Policy as u8 }>;
/// For commands that use the store.
pub type StoreFlags = Flags<{ Scope::Store as u8 }>;
/// For `manage`.
pub type ManageFlags = Flags<{ Scope::Server as u8 }>;
/// For `serve`.
pub type ServeFlags = Flags<{ Scope::Serve as u8 }>;

impl<const SCOPE: u8> Flags<SCOPE> {
    pub fn into_map(self) -> BTreeMap<Setting, String> {
        self.0
    }

    fn settings() -> impl Iterator<Item = Setting> {
        Setting::ALL.iter().copied().filter(|setting| setting.scope() as u8 <= SCOPE)
    }
}

/// Values may hold a password, so only the names are shown.
impl<const SCOPE: u8> std::fmt::Debug for Flags<SCOPE> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<const SCOPE: u8> FromArgMatches for Flags<SCOPE> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let value = |setting: Setting| Some((setting, matches.get_one::<String>(setting.key())?.clone()));
        Ok(Self(Self::settings().filter_map(value).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl<const SCOPE: u8> Args for Flags<SCOPE> {
    fn augment_args(command: Command) -> Command {
        Self::settings().fold(command, |command, setting| command.arg(argument(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: Setting) -> Arg {
    let default = setting.default().map_or(String::new(), |text| format!(" [default: {text}]"));
    let help = format!("{} [env: {}]{default}", setting.about(), setting.variable());
    let argument = Arg::new(setting.key())
        .long(setting.flag().trim_start_matches('-').to_owned())
        .value_name(setting.form())
        .help_heading("Settings")
        .help(help);
    match setting.form() {
        "BOOL" => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        _ => argument,
    }
}
