//! How far a write is to get before it is answered, and how far it got.
//!
//! Always true here: what is said to be reached was counted by the store itself, after the write; where nothing could be
//! counted, the least is said. Pure. Asked for by the surfaces through the manager, answered by the stores.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a write is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// What the store acknowledges by itself.
    #[default]
    Memory,
    /// So many replicas hold it.
    Replicas(NonZeroU32),
    /// Every replica that the primary knows holds it, and there is one.
    All,
}

/// How far a write got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "level", rename_all = "snake_case")]
pub enum Reached {
    /// On disk: of the embedded store.
    Disk,
    /// In the memory of the primary, and in its file as that is configured. Nothing is known of replicas.
    Memory,
    /// So many of the replicas that the primary knows acknowledged it, where `asked` were wanted.
    Replicas { acknowledged: u32, known: u32, asked: u32 },
    /// The same where all were wanted.
    All { acknowledged: u32, known: u32 },
}

/// Why a text is no durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a durability is memory, replicas:N with N of 1 or more, or all")]
pub struct InvalidDurability;

impl FromStr for Durability {
    type Err = InvalidDurability;

    fn from_str(text: &str) -> Result<Self, InvalidDurability> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            None if text == "all" => Ok(Self::All),
            Some(("replicas", count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => {
                count.parse().map(Self::Replicas).map_err(|_| InvalidDurability)
            }
            _ => Err(InvalidDurability),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Replicas(count) => write!(f, "replicas:{count}"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Durability {
    /// How many replicas it takes, of those that there are.
    pub(super) fn within_reach(self, known: u32) -> u32 {
        match self {
            Self::Memory => 0,
            Self::Replicas(asked) => asked.get().min(known),
            Self::All => known,
        }
    }

    /// What is said after so many acknowledged.
    pub(super) const fn counted(self, acknowledged: u32, known: u32) -> Reached {
        match self {
            Self::Memory => Reached::Memory,
            Self::Replicas(asked) => Reached::Replicas { acknowledged, known, asked: asked.get() },
            Self::All => Reached::All { acknowledged, known },
        }
    }
}

impl Reached {
    /// Whether that is what was asked for.
    pub const fn meets(self, asked: Durability) -> bool {
        match (asked, self) {
            (Durability::Memory, _) => true,
            (_, Self::Replicas { acknowledged, asked, .. }) => acknowledged >= asked,
            (_, Self::All { acknowledged, known }) => known > 0 && acknowledged >= known,
            (_, Self::Disk | Self::Memory) => false,
        }
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk => f.write_str("on disk, without replicas"),
            Self::Memory => f.write_str("acknowledged by the primary; nothing is known of its replicas"),
            Self::Replicas { known: 0, .. } | Self::All { known: 0, .. } => {
                f.write_str("the primary knows no replica")
            }
            Self::Replicas { acknowledged, known, asked } => {
                write!(f, "{acknowledged} of {known} replicas hold it, {asked} were asked for")
            }
            Self::All { acknowledged, known } => {
                write!(f, "{acknowledged} of {known} replicas hold it, all were asked for")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_slips_are_refused() {
        let two = Durability::Replicas(NonZeroU32::new(2).unwrap());
        let good = [("memory", Durability::Memory), ("all", Durability::All), ("replicas:2", two)];
        for (text, durability) in good {
            assert_eq!(text.parse(), Ok(durability));
            assert_eq!(durability.to_string(), text);
        }
        for text in ["", "disk", "all:1", "replicas", "replicas:", "replicas:0", "replicas:-1", "replicas:+1"]
        {
            assert_eq!(text.parse::<Durability>(), Err(InvalidDurability), "{text}");
        }
    }

    #[test]
    fn nothing_meets_more_than_was_counted() {
        let two = Durability::Replicas(NonZeroU32::new(2).unwrap());
        let cases = [
            (Durability::Memory, Reached::Memory, true),
            (two, Reached::Memory, false),
            (two, Reached::Disk, false),
            (two, two.counted(1, 2), false),
            (two, two.counted(2, 3), true),
            (Durability::All, Durability::All.counted(0, 0), false),
            (Durability::All, Durability::All.counted(1, 2), false),
            (Durability::All, Durability::All.counted(2, 2), true),
        ];
        for (asked, reached, meets) in cases {
            assert_eq!(reached.meets(asked), meets, "{reached:?}");
        }
    }

    #[test]
    fn each_level_has_its_form() {
        let two = Durability::Replicas(NonZeroU32::new(2).unwrap());
        let forms = [
            (Reached::Disk, r#"{"level":"disk"}"#),
            (Reached::Memory, r#"{"level":"memory"}"#),
            (two.counted(1, 3), r#"{"level":"replicas","acknowledged":1,"known":3,"asked":2}"#),
            (Durability::All.counted(1, 3), r#"{"level":"all","acknowledged":1,"known":3}"#),
        ];
        for (reached, form) in forms {
            assert_eq!(serde_json::to_string(&reached).unwrap(), form);
        }
    }
}
