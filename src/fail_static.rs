//! Fail static: how long after the end of the lease a question may still be answered from memory.
//!
//! Always true here: what nobody named has no window; a legacy question has the shortest window of its components. A
//! window is an operator's decision that a stale answer hurts less than none; the default is none for all. Checked by
//! `config`, asked by the authorizer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::RoleKey;
use crate::policy::Policy;
use crate::policy::catalogue::RoleIx;
use crate::question::Asked;

/// The longest window, in milliseconds.
const MAX_WINDOW: u64 = 3_600_000;

/// Windows (F) by the role that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailStatic {
    named: BTreeMap<RoleKey, Duration>,
    others: Duration,
}

impl FailStatic {
    /// Reads `PRODUCT/ROLE=MS` and `*=MS`, separated by commas; an empty text is no window at all.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut windows = Self::default();
        let mut others = None;
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (class, millis) = part.trim().split_once('=').ok_or("is not PRODUCT/ROLE=MS or *=MS")?;
            let millis = millis.parse::<u64>().ok().filter(|millis| *millis <= MAX_WINDOW);
            let window = millis.ok_or(format!("gives {class} no window from 0 to {MAX_WINDOW}"))?;
            let window = Duration::from_millis(window);
            let doubled = match class.split_once('/') {
                None if class == "*" => others.replace(window).is_some(),
                Some((product, role)) if !product.is_empty() && !role.is_empty() => {
                    windows.named.insert(RoleKey::new(product, role), window).is_some()
                }
                _ => return Err(format!("names {class}, which is neither PRODUCT/ROLE nor *")),
            };
            if doubled {
                return Err(format!("names {class} twice"));
            }
        }
        windows.others = others.unwrap_or_default();
        Ok(windows)
    }

    /// A role that was named and that the policy does not know.
    pub fn unknown_role(&self, policy: &Policy) -> Option<&RoleKey> {
        self.named.keys().find(|role| policy.catalogue().find(role).is_none())
    }

    /// The window of a question.
    pub fn window(&self, policy: &Policy, asked: Asked) -> Duration {
        if self.named.is_empty() {
            return self.others;
        }
        match asked {
            Asked::Role(role) => self.of(policy, role),
            Asked::Legacy(legacy) => {
                let components = policy.legacy().components(legacy).iter();
                components.map(|role| self.of(policy, *role)).min().unwrap_or_default()
            }
        }
    }

    /// The longest window of all.
    pub fn longest(&self) -> Duration {
        self.named.values().copied().max().unwrap_or_default().max(self.others)
    }

    fn of(&self, policy: &Policy, role: RoleIx) -> Duration {
        let named = policy.catalogue().get(role).and_then(|role| self.named.get(&role.key));
        named.copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::LegacyRole;
    use crate::policy::PolicyFiles;

    use super::*;

    fn asked(policy: &Policy, product: &str, role: &str) -> Asked {
        Asked::Role(policy.catalogue().find(&RoleKey::new(product, role)).unwrap())
    }

    #[test]
    fn a_window_is_of_its_role_and_a_legacy_question_has_the_shortest() {
        let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
        let text = "LiveChat/administrator=2000, LiveChat/normal=30000,Accounts/administrator=500,*=100";
        let windows = FailStatic::parse(text).unwrap();
        let of = |asked| windows.window(&policy, asked).as_millis();
        assert_eq!(of(asked(&policy, "LiveChat", "normal")), 30_000);
        assert_eq!(of(asked(&policy, "HelpDesk", "normal")), 100);
        assert_eq!(of(Asked::Legacy(LegacyRole::Agent)), 30_000);
        assert_eq!(of(Asked::Legacy(LegacyRole::Viceowner)), 100, "billing_editor has the shortest");
        assert_eq!(windows.longest().as_millis(), 30_000);
        assert_eq!(windows.unknown_role(&policy), None);
    }

    #[test]
    fn nothing_named_is_no_window() {
        let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
        for windows in [FailStatic::default(), FailStatic::parse("").unwrap()] {
            assert_eq!(windows.window(&policy, asked(&policy, "LiveChat", "normal")), Duration::ZERO);
            assert_eq!(windows.longest(), Duration::ZERO);
        }
        let some = FailStatic::parse("LiveChat/normal=5").unwrap();
        assert_eq!(some.window(&policy, asked(&policy, "LiveChat", "administrator")), Duration::ZERO);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let bad = [
            "x",
            "LiveChat=5",
            "/a=5",
            "LiveChat/=5",
            "*=",
            "*=-1",
            "*=3600001",
            "*=1,*=2",
            "*=1,",
            "a/b=1,a/b=1",
        ];
        for text in bad {
            assert!(FailStatic::parse(text).is_err(), "{text}");
        }
        let policy = Policy::load(&PolicyFiles::builtin()).unwrap();
        let misspelt = FailStatic::parse("LiveChat/admin=5").unwrap();
        assert_eq!(misspelt.unknown_role(&policy), Some(&RoleKey::new("LiveChat", "admin")));
    }
}
