//! `docs/configuration.md`, written from the table of settings and held to it.
//!
//! Compiled for tests alone. `BLESS=1 cargo test configuration_document` writes the file anew.

use std::fmt::Write;
use std::path::Path;

use super::setting::{Scope, Setting};

const HEAD: &str = "\
# Configuration

<!-- Written from the table in src/config/setting.rs: `BLESS=1 cargo test configuration_document`. -->

Every setting has one name, which is a flag, an environment variable and a key of the TOML file that `--config` names.
**A flag goes before the environment, the environment before the file, the file before the default.**

- All mistakes are reported at once, each with its place; a process with a mistaken setting does not start (exit 2).
- A key of the file or a `ROLEGATE_…` variable that is no setting is a mistake, with the nearest name that is one.
  Variables that Kubernetes makes for a service named `rolegate` (`ROLEGATE_SERVICE_HOST`, `ROLEGATE_PORT_…`) are ignored.
- Environment and file may hold settings that a command has no use for; they are checked all the same.
- Times are whole milliseconds (MS) or microseconds (US), sizes whole bytes (BYTES). Relative paths start at the working directory.
- A password in the URL of `redis` is visible to whoever may list processes or read the environment: prefer
  `redis_password_file`. No message, log line or answer repeats the URL.

```toml
# rolegate.toml
listen = \"0.0.0.0:8181\"
redis = \"rediss://redis.internal:6379\"
redis_username_file = \"/run/secrets/redis-user\"
redis_password_file = \"/run/secrets/redis-password\"
policy = \"/etc/rolegate/policies\"
```
";

const SECTIONS: &[(Scope, &str)] = &[
    (Scope::Policy, "Every command"),
    (Scope::Store, "Commands that use the store"),
    (Scope::Server, "`serve` and `manage`"),
    (Scope::Serve, "`serve` alone"),
];

fn document() -> String {
    let mut text = HEAD.to_owned();
    for (scope, title) in SECTIONS {
        write!(text, "\n## {title}\n\n").unwrap();
        text.push_str("| Flag | Variable | File | Default | What |\n|---|---|---|---|---|\n");
        for setting in Setting::ALL.iter().filter(|setting| setting.scope() == *scope) {
            let key = if setting.in_file() { format!("`{}`", setting.key()) } else { "–".to_owned() };
            let default = setting.default().map_or("–".to_owned(), |default| format!("`{default}`"));
            let (flag, variable, form) = (setting.flag(), setting.variable(), setting.form());
            let about = setting.about();
            writeln!(text, "| `{flag} {form}` | `{variable}` | {key} | {default} | {about} |").unwrap();
        }
    }
    text
}

#[test]
fn the_configuration_document_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == document(), "out of date: BLESS=1 cargo test configuration_document");
}
