//! The closed list of codes that a request without a decision or reading is answered with.
//!
//! Always true here: one table gives each code its word, its HTTP status, its title and when to try again;
//! `docs/errors.md` lists exactly these. Pure. Used by the authorizer (why there is no answer), by telemetry
//! (labels), by `http` (problem details) and by the command line.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $retry:expr, $title:literal, $detail:literal;)*) => {
        /// Why a request got no decision.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word of the wire and of the metrics. Stable.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }

            /// After how many seconds the same request may succeed; `None` where it never will.
            pub const fn retry_after(self) -> Option<u32> {
                match self {
                    $(Self::$name => $retry,)*
                }
            }

            /// The same few words for every occurrence.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }

            /// A sentence that anybody may read, for occurrences of which nothing more can be said in public.
            pub const fn detail(self) -> &'static str {
                match self {
                    $(Self::$name => $detail,)*
                }
            }
        }
    };
}

codes! {
    InvalidJson = "invalid_json", 400, None, "The body is not JSON",
        "The body must be one JSON object in UTF-8.";
    InvalidQuery = "invalid_query", 400, None, "The query is not well formed",
        "The query must be name=value pairs, percent-encoded UTF-8.";
    IncompleteBody = "incomplete_body", 400, None, "The body broke off",
        "The body ended before its announced end, or its framing is wrong.";
    InvalidHost = "invalid_host", 400, None, "The request needs exactly one Host",
        "An HTTP/1.1 request carries exactly one Host header.";
    MissingField = "missing_field", 400, None, "A field is missing",
        "A required field is missing.";
    UnknownField = "unknown_field", 400, None, "There is no such field",
        "No field has this name.";
    DuplicateField = "duplicate_field", 400, None, "A field is given twice",
        "A field is given more than once.";
    ConflictingFields = "conflicting_fields", 400, None, "Two fields exclude each other",
        "legacy_role takes the place of product and role.";
    WrongType = "wrong_type", 400, None, "A value has the wrong type",
        "A value has the wrong type.";
    InvalidIdentifier = "invalid_identifier", 400, None, "An identifier has the wrong form",
        "An identifier has 1 to 128 bytes of A-Z a-z 0-9 - _ . : @ + =.";
    InvalidTimestamp = "invalid_timestamp", 400, None, "A time has the wrong form",
        "A time is written as in RFC 3339, such as 2026-12-31T00:00:00Z.";
    UnknownProduct = "unknown_product", 400, None, "The policy knows no such product",
        "The policy knows no such product.";
    UnknownRole = "unknown_role", 400, None, "The policy knows no such role",
        "The policy knows no such role of this product.";
    UnknownLegacyRole = "unknown_legacy_role", 400, None, "There is no such legacy role",
        "There is no such legacy role.";
    InvalidLimit = "invalid_limit", 400, None, "A page has 1 to 1000 accounts",
        "limit is an integer from 1 to 1000.";
    InvalidCursor = "invalid_cursor", 400, None, "The cursor does not continue this listing",
        "A cursor is next_cursor of the page before, unchanged, with the same path and filter.";
    TokenRequired = "token_required", 401, None, "This listing needs a token",
        "Send one of the server's listing tokens as Authorization: Bearer.";
    TokenInvalid = "token_invalid", 401, None, "The token is not one of the server's",
        "The Authorization header holds no listing token of this server.";
    OrganizationUnknown = "organization_unknown", 404, None, "There is no such organization",
        "There is no such organization.";
    AccountUnknown = "account_unknown", 404, None, "The organization has no such account",
        "The organization has no such account.";
    NotFound = "not_found", 404, None, "There is nothing at this path",
        "There is nothing at this path.";
    MethodNotAllowed = "method_not_allowed", 405, None, "This path does not take this method",
        "The Allow header names the methods of this path.";
    RequestTimeout = "request_timeout", 408, None, "The body did not arrive in time",
        "The body did not arrive in time.";
    BodyTooLarge = "body_too_large", 413, None, "The body is too large",
        "The body is too large.";
    BatchTooLarge = "batch_too_large", 413, None, "The batch has too many items",
        "The batch has too many items.";
    UnsupportedMediaType = "unsupported_media_type", 415, None, "The body must be application/json",
        "The Content-Type of a POST must be application/json.";
    HeadersTooLarge = "headers_too_large", 431, None, "The header is too large",
        "The header has too many fields or too many bytes.";
    StoreUnavailable = "store_unavailable", 503, Some(1), "The store of role assignments cannot answer",
        "The store cannot answer at the moment.";
    StoreNotInitialized = "store_not_initialized", 503, Some(5), "The store holds no role assignments yet",
        "Nothing was imported into the store yet, or it was emptied: import role assignments first.";
    StoreRefused = "store_refused", 503, Some(5), "The store refuses this service",
        "The store refused the credentials or a command of this service.";
    StoreDataBroken = "store_data_broken", 503, Some(5), "Stored data failed their checks",
        "A stored value failed its checks and is not used.";
    StoreLostWrites = "store_lost_writes", 503, Some(5), "Acknowledged writes are gone from the store",
        "The store came back without writes that this service saw; what it says of this organization may be out of date.";
    StoreInUse = "store_in_use", 503, Some(5), "The embedded store is in use by another process",
        "Another process holds the embedded store.";
    StoreUnsettled = "store_unsettled", 503, Some(1), "The data kept changing while they were read",
        "The data of this account changed during each of several reads.";
    NotFreshEnough = "not_fresh_enough", 503, Some(1), "The data are older than the request demands",
        "The newest data are older than min_generation demands.";
    PolicyUndecidable = "policy_undecidable", 503, Some(5), "The policy could not be evaluated",
        "The policy could not be evaluated for this question.";
    Overloaded = "overloaded", 503, Some(1), "Too many requests at once",
        "Too many requests are under way; this one was not looked at.";
}

impl Code {
    /// Whether this is an *unknown*: a sound question that could not be answered. The other codes are refusals.
    pub const fn is_unknown(self) -> bool {
        self.status() == 503 && !matches!(self, Self::Overloaded)
    }

    /// The place in tables that are laid out by code.
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_by_itself_says_when_to_try_again() {
        for code in Code::ALL {
            assert_eq!(code.retry_after().is_some(), code.status() == 503, "{code:?}");
        }
    }

    #[test]
    fn the_document_lists_exactly_these_codes_each_with_what_to_do() {
        let document = include_str!("../docs/errors.md");
        let sections: Vec<&str> = document.split("\n## ").skip(1).collect();
        let headings: Vec<&str> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(headings, codes);
        for (section, code) in sections.iter().zip(Code::ALL) {
            assert!(section.contains(&format!("`{}` · {}", code.as_str(), code.status())), "{section}");
            assert!(section.contains("**What to do:**"), "{section}");
        }
    }
}
