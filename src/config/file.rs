//! The configuration file: TOML with one key for each setting.
//!
//! Always true here: every key is a setting or a mistake with its line; no part of the file is quoted in a
//! message, since any line may hold a password. Called by stage one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::policy::nearest;

use super::mistake::Mistakes;
use super::raw::{Given, Origin, Place};
use super::secret::Secret;
use super::setting::Setting;

/// Reads the file that `config` named.
pub fn read(path: &Path, config: &Given, mistakes: &mut Mistakes) -> BTreeMap<Setting, Given> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text, mistakes),
        Err(error) => {
            let place = Place(Setting::Config, &config.origin);
            mistakes.add(place, format!("{}: {error}", path.display()));
            BTreeMap::new()
        }
    }
}

fn parse(path: &Path, text: &str, mistakes: &mut Mistakes) -> BTreeMap<Setting, Given> {
    let shared: Arc<Path> = path.into();
    let line_at = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = line_at(error.span().map_or(0, |span| span.start));
        mistakes.add(format!("{}:{line}", path.display()), error.message());
    }
    let mut found = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let line = line_at(key.span().start);
        let name = key.get_ref();
        let file_settings = || Setting::ALL.iter().filter(|setting| setting.in_file());
        let Some(setting) = file_settings().find(|setting| setting.key() == name) else {
            let place = format!("{}:{line}: {}", path.display(), name.escape_debug());
            mistakes.unknown(place, nearest(name, file_settings().map(|setting| setting.key())));
            continue;
        };
        let origin = Origin::File { path: shared.clone(), line };
        match scalar(value.get_ref()) {
            Ok(text) => {
                found.insert(*setting, Given { text: Secret::new(text), origin });
            }
            Err(problem) => mistakes.add(Place(*setting, &origin), problem),
        }
    }
    found
}

/// A value as it would stand in a flag.
fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| "is out of range".to_owned()),
        other => Err(format!("is a {}; give a string, an integer or a boolean", other.type_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(text: &str) -> String {
        let mut mistakes = Mistakes::default();
        parse(Path::new("r.toml"), text, &mut mistakes);
        mistakes.to_string()
    }

    #[test]
    fn reads_every_kind_of_scalar() {
        let mut mistakes = Mistakes::default();
        let text = "listen = \"unix:/a\"\ncache_bytes = 1_000\nmax_connections = 0x10\ndecision_log = true\n";
        let found = parse(Path::new("r.toml"), text, &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes}");
        let texts: Vec<&str> = found.values().map(|given| given.text.expose()).collect();
        assert_eq!(texts, ["unix:/a", "1000", "16", "true"]);
    }

    #[test]
    fn names_all_mistakes_with_their_lines() {
        let text = "lisen = 'x'\n\ncache_bytes = [1]\nconfig = 'other.toml'\n[redis]\nurl = 'x'\n";
        let found = mistakes_of(text);
        for part in [
            "r.toml:1: lisen: no such setting; did you mean listen?",
            "r.toml:3: cache_bytes: is a array",
            "r.toml:4: config: no such setting",
            "r.toml:5: redis: is a table",
        ] {
            assert!(found.contains(part), "{part} is missing in\n{found}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_line_and_quotes_nothing() {
        let found = mistakes_of("data = 'x'\nredis = 'redis://:canary@h\n");
        assert!(found.contains("r.toml:2: "), "{found}");
        assert!(!found.contains("canary"), "{found}");
        assert!(mistakes_of("data = 'x'\ndata = 'y'\n").contains("r.toml:2: "));
    }
}
