//! Identifiers of accounts and organizations: opaque, case-sensitive bytes of a small alphabet.
//!
//! A value of these types has passed the alphabet and the length; nothing downstream validates again.
//! Equality is byte equality: no case folding, no Unicode normalisation, ever.

mod text;

use std::borrow::Borrow;
use std::fmt;

use text::Text;

/// The longest identifier, in bytes.
pub const MAX_IDENTIFIER_BYTES: usize = 128;

/// Why a text is no identifier. The text itself is not carried: it may hold control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentifier {
    #[error("an identifier has at least one byte")]
    Empty,
    #[error("an identifier has at most {MAX_IDENTIFIER_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    #[error("byte {position} is 0x{byte:02x}; allowed are A-Z a-z 0-9 - _ . : @ + =")]
    Byte { position: usize, byte: u8 },
}

fn check(text: &str) -> Result<(), InvalidIdentifier> {
    if text.is_empty() {
        return Err(InvalidIdentifier::Empty);
    }
    if text.len() > MAX_IDENTIFIER_BYTES {
        return Err(InvalidIdentifier::TooLong(text.len()));
    }
    // Without an early end the compiler checks many bytes at a time: two identifiers took 670
    // instructions, a tenth of a decision in a batch.
    if text.bytes().fold(true, |all, byte| all & is_allowed(byte)) {
        return Ok(());
    }
    match text.bytes().enumerate().find(|(_, byte)| !is_allowed(*byte)) {
        Some((position, byte)) => Err(InvalidIdentifier::Byte { position, byte }),
        None => Ok(()),
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'@' | b'+' | b'=')
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Text);

        impl $name {
            /// Takes a text that consists of 1 to 128 bytes of the identifier alphabet.
            pub fn new(text: &str) -> Result<Self, InvalidIdentifier> {
                check(text).map(|()| Self(Text::new(text)))
            }

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// Bytes on the heap.
            pub fn weight(&self) -> usize {
                self.0.weight()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

identifier! {
    /// A person, as the accounts service names them.
    AccountId
}

identifier! {
    /// A tenant: the set of products that its accounts share.
    OrganizationId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_alphabet_up_to_the_limit() {
        for text in ["a", "A-1_b.c:d@e+f=", "584a62a8-be74-4d5b-a8a6-8cc940f7f014", &"x".repeat(128)] {
            assert_eq!(AccountId::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_what_could_be_taken_for_another_id() {
        let cases = [
            "",
            "a b",
            "a\0",
            "a\u{200b}",
            "é",
            "e\u{301}",
            "a{b}",
            "a*",
            "a?",
            "a/b",
            "a\n",
            "[a",
            "a|b",
            "a,b",
        ];
        for text in cases {
            assert!(AccountId::new(text).is_err(), "{text:?} passed");
        }
        assert_eq!(OrganizationId::new(&"x".repeat(129)), Err(InvalidIdentifier::TooLong(129)));
    }

    #[test]
    fn case_makes_another_identifier() {
        assert_ne!(AccountId::new("a-1").unwrap(), AccountId::new("A-1").unwrap());
    }
}
