//! Stage one: what was given for each setting and where, before anybody asks whether it makes sense.
//!
//! Always true here: a flag goes before the environment, the environment before the file; names that are no
//! setting are mistakes wherever they stand; texts are kept unprintable. Built from the three sources, read by
//! the checks.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::policy::nearest;

use super::file;
use super::mistake::Mistakes;
use super::secret::Secret;
use super::setting::{Setting, VARIABLE_PREFIX};

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Variable,
    File { path: Arc<Path>, line: usize },
    Default,
}

/// A setting together with where it was given, as a mistake names it.
#[derive(Debug)]
pub struct Place<'a>(pub Setting, pub &'a Origin);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(setting, origin) = self;
        match origin {
            Origin::Flag => f.write_str(&setting.flag()),
            Origin::Variable => f.write_str(&setting.variable()),
            Origin::File { path, line } => write!(f, "{}:{line}: {}", path.display(), setting.key()),
            Origin::Default => write!(f, "{} (default)", setting.key()),
        }
    }
}

/// One setting as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub text: Secret,
    pub origin: Origin,
}

/// Everything that was given.
#[derive(Debug, Default)]
pub struct Raw(BTreeMap<Setting, Given>);

impl Raw {
    /// Puts the three sources together; the file is the one that flag or environment name.
    pub fn gather(
        flags: BTreeMap<Setting, String>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let given = |text, origin| Given { text: Secret::new(text), origin };
        let mut direct = of_environment(variables, mistakes);
        direct.extend(flags.into_iter().map(|(setting, text)| (setting, given(text, Origin::Flag))));
        let mut all = match direct.get(&Setting::Config) {
            Some(config) => file::read(&PathBuf::from(config.text.expose()), config, mistakes),
            None => BTreeMap::new(),
        };
        all.append(&mut direct);
        for setting in Setting::ALL {
            if let Some(text) = setting.default() {
                all.entry(*setting).or_insert_with(|| given(text.to_owned(), Origin::Default));
            }
        }
        Self(all)
    }

    pub fn get(&self, setting: Setting) -> Option<&Given> {
        self.0.get(&setting)
    }
}

fn of_environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    mistakes: &mut Mistakes,
) -> BTreeMap<Setting, Given> {
    let mut found = BTreeMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE_PREFIX)) else { continue };
        let Some(setting) = Setting::ALL.iter().find(|setting| setting.variable() == name) else {
            if !is_service_link(name) {
                let names: Vec<String> = Setting::ALL.iter().map(|setting| setting.variable()).collect();
                let nearest = nearest(name, names.iter().map(String::as_str));
                mistakes.unknown(name.to_owned(), nearest);
            }
            continue;
        };
        match value.into_string() {
            Ok(text) => {
                found.insert(*setting, Given { text: Secret::new(text), origin: Origin::Variable });
            }
            Err(_) => mistakes.add(name, "is not UTF-8"),
        }
    }
    found
}

/// Kubernetes gives every container variables about a service named `rolegate`: they are nobody's spelling mistake.
fn is_service_link(name: &str) -> bool {
    let port = |rest: &str| {
        rest.is_empty()
            || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT").is_some_and(|(_, rest)| port(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(given: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        given.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn gather(flags: &[(Setting, &str)], environment: &[(&str, &str)]) -> (Raw, Mistakes) {
        let flags = flags.iter().map(|(setting, text)| (*setting, (*text).to_owned())).collect();
        let mut mistakes = Mistakes::default();
        let raw = Raw::gather(flags, variables(environment), &mut mistakes);
        (raw, mistakes)
    }

    #[test]
    fn flag_goes_before_environment_before_file_before_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.toml");
        std::fs::write(&file, "listen = 'of-file'\ndata = 'of-file'\ncache_bytes = 7\n").unwrap();
        let file = file.to_str().unwrap();
        let (raw, mistakes) = gather(
            &[(Setting::Listen, "of-flag")],
            &[("ROLEGATE_CONFIG", file), ("ROLEGATE_LISTEN", "of-env"), ("ROLEGATE_DATA", "of-env")],
        );
        assert!(mistakes.is_empty(), "{mistakes}");
        let text = |setting| raw.get(setting).unwrap().text.expose().to_owned();
        assert_eq!(text(Setting::Listen), "of-flag");
        assert_eq!(text(Setting::Data), "of-env");
        assert_eq!(text(Setting::CacheBytes), "7");
        assert_eq!(text(Setting::LogLevel), "info");
        let place = Place(Setting::CacheBytes, &raw.get(Setting::CacheBytes).unwrap().origin).to_string();
        assert_eq!(place, format!("{file}:3: cache_bytes"));
    }

    #[test]
    fn an_unknown_variable_is_a_mistake_with_the_nearest_name() {
        let (_, mistakes) = gather(&[], &[("ROLEGATE_LISTNE", "x"), ("OTHER", "x"), ("ROLEGATE_", "x")]);
        let text = mistakes.to_string();
        assert!(text.contains("ROLEGATE_LISTNE: no such setting; did you mean ROLEGATE_LISTEN?"), "{text}");
        assert_eq!(mistakes.len(), 2, "{text}");
    }

    #[test]
    fn what_kubernetes_says_of_a_service_is_no_mistake() {
        let links = [
            "ROLEGATE_SERVICE_HOST",
            "ROLEGATE_SERVICE_PORT",
            "ROLEGATE_SERVICE_PORT_HTTP",
            "ROLEGATE_PORT",
            "ROLEGATE_PORT_8181_TCP",
            "ROLEGATE_PORT_8181_TCP_ADDR",
            "ROLEGATE_READER_SERVICE_HOST",
        ];
        for link in links {
            let (_, mistakes) = gather(&[], &[(link, "x")]);
            assert!(mistakes.is_empty(), "{mistakes}");
        }
        let (_, mistakes) = gather(&[], &[("ROLEGATE_PORTS", "x")]);
        assert_eq!(mistakes.len(), 1);
    }
}
