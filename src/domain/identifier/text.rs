//! The text of an identifier: the usual UUID lies in the value itself, only a longer text on the heap.
//!
//! Always true here: a text of at most `INLINE` bytes is never on the heap, so that equality, order and hash are those
//! of the bytes. A question makes two of these and a look-up compares two: on the heap that were two allocations
//! and two cache misses of the processor. Used by the identifiers.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A UUID has 36 bytes; with 38 a value has 40, as many as its alignment would take for 36.
const INLINE: usize = 38;

#[derive(Clone)]
pub enum Text {
    Inline { length: u8, bytes: [u8; INLINE] },
    Shared(Arc<str>),
}

impl Text {
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Self::Inline { length, bytes }
            }
            _ => Self::Shared(text.into()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            // Made of a text, so it is one; checking 36 bytes anew takes some 25 instructions.
            Self::Inline { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Shared(text) => text,
        }
    }

    /// Bytes on the heap, the counts of the shared text among them.
    pub fn weight(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Shared(text) => text.len() + 2 * size_of::<usize>(),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Shared(text) => text.as_bytes(),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

/// As `str` hashes, since identifiers are looked up by it: its bytes and an end mark, not checked anew for UTF-8.
impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
        state.write_u8(0xff);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uuid_is_not_on_the_heap_and_takes_forty_bytes() {
        assert!(matches!(Text::new(&"x".repeat(36)), Text::Inline { .. }));
        assert_eq!(size_of::<Text>(), 40);
    }

    proptest! {
        #[test]
        fn it_behaves_as_the_text_that_it_holds(a in "[a-c]{0,3}[a-z]{0,40}", b in "[a-c]{0,3}[a-z]{0,40}") {
            let (left, right) = (Text::new(&a), Text::new(&b));
            prop_assert_eq!(left.as_str(), &a);
            prop_assert_eq!(left == right, a == b);
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            let hasher = RandomState::new();
            prop_assert_eq!(hasher.hash_one(&left), hasher.hash_one(&a));
            prop_assert_eq!(left.clone() == left, true);
        }
    }
}
