//! The closed list of codes that a request without a decision or reading is answered with.
//!
//! Always true here: one table gives each code its word, its HTTP status, its title and when to try again;
//! `docs/errors.md` lists exactly these. Pure. Used by the authorizer (why there is no answer), by commands and their
//! manager (why nothing was written), by telemetry (labels), by `http` (problem details) and by the command line.

macro_rules! codes {
    (
        decisions { $($decisions:tt)* }
        management { $($name:ident = $text:literal, $status:literal, $retry:expr, $title:literal, $detail:literal;)* }
    ) => {
        codes!(@table $($decisions)* $($name = $text, $status, $retry, $title, $detail;)*);

        impl Code {
            /// What the management API alone answers with.
            pub const MANAGEMENT: &[Self] = &[$(Self::$name,)*];
        }
    };
    (@table $($name:ident = $text:literal, $status:literal, $retry:expr, $title:literal, $detail:literal;)*) => {
        /// Why a request got no decision, or was not carried out.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($name,)*
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
    decisions {
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
        TokenRequired = "token_required", 401, None, "A token is needed",
            "Send one of the server's tokens as Authorization: Bearer.";
        TokenInvalid = "token_invalid", 401, None, "The token is not one of the server's",
            "The Authorization header holds no token of this server.";
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
            "The Content-Type of a body must be application/json.";
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
            "Too many requests are under way; this one was turned away.";
    }
    management {
        InvalidPrecondition = "invalid_precondition", 400, None, "If-Match is not well formed",
            "If-Match is * or a list of tags as an ETag gives them, such as \"17\".";
        InvalidIdempotencyKey = "invalid_idempotency_key", 400, None, "The idempotency key has the wrong form",
            "One Idempotency-Key of 1 to 128 visible ASCII characters.";
        ForeignHost = "foreign_host", 421, None, "This server has another name",
            "The Host is none of this listener's names.";
        OriginRefused = "origin_refused", 403, None, "Browsers are not served",
            "The request has an Origin, so a web page sent it.";
        Forbidden = "forbidden", 403, None, "This caller may not do that",
            "The caller has not the right to do this, or not for this organization.";
        WriteUnknown = "write_unknown", 404, None, "No write under this key is remembered",
            "The store remembers no write to this organization under this key.";
        OrganizationExists = "organization_exists", 409, None, "The organization exists already",
            "The organization exists already.";
        AccountExists = "account_exists", 409, None, "The account is there with other roles",
            "The account is in the organization already, with other roles.";
        LastAccount = "last_account", 409, None, "The last account stays",
            "The last account goes only together with the organization.";
        UseTransfer = "use_transfer", 409, None, "Ownership is transferred",
            "Somebody else owns the organization: ownership is transferred, not granted.";
        OwnerMustTransfer = "owner_must_transfer", 409, None, "The owner must transfer the ownership first",
            "The account owns the organization: transfer the ownership first.";
        OwnerRoleFixed = "owner_role_fixed", 409, None, "The owner's legacy role is fixed",
            "The legacy role of the owner is fixed: transfer the ownership first.";
        ProductNotEnabled = "product_not_enabled", 409, None, "The product is not enabled",
            "The product is not enabled in the organization.";
        NewOwnerSuspended = "new_owner_suspended", 409, None, "The new owner is suspended",
            "Who is suspended in a product cannot become the owner.";
        NewOwnerAwaitingApproval = "new_owner_awaiting_approval", 409, None, "The new owner awaits approval",
            "Who awaits approval in a product cannot become the owner.";
        NewOwnerNotAdministrator = "new_owner_not_administrator", 409, None, "The new owner is no administrator",
            "It was demanded that the new owner is Accounts/administrator.";
        ReadBackDiffers = "read_back_differs", 409, None, "The legacy role would read back as another",
            "Custom roles of the account stand in the way of the legacy role.";
        Conflict = "conflict", 409, None, "Others kept changing the organization",
            "The organization kept being changed by others.";
        PreconditionFailed = "precondition_failed", 412, None, "The organization has changed",
            "The organization is at none of the generations that were expected.";
        LegacyRoleInGlobalAccounts = "legacy_role_in_global_accounts", 422, None, "This is a legacy role",
            "Global Accounts has no such role: it is assigned as a legacy role.";
        RoleTypeMismatch = "role_type_mismatch", 422, None, "The role is of another type",
            "The catalogue gives the role another type.";
        PrimaryRoleTimeBound = "primary_role_time_bound", 422, None, "A primary role has no times",
            "A primary role is always set and carries no times.";
        EmptyTimeRange = "empty_time_range", 422, None, "The role would never hold",
            "not_before must lie before expires_at.";
        DuplicateRole = "duplicate_role", 422, None, "A role is named twice",
            "Each role is named once, to be set or to be deleted.";
        DuplicateProduct = "duplicate_product", 422, None, "A product is named twice",
            "Each product is named once.";
        PrimaryRoleMissing = "primary_role_missing", 422, None, "No primary role would be left",
            "An account has exactly one primary role.";
        PrimaryRoleNotUnique = "primary_role_not_unique", 422, None, "There would be several primary roles",
            "An account has exactly one primary role.";
        SecondaryRoleNotUnique = "secondary_role_not_unique", 422, None, "There would be several secondary roles",
            "An account has at most one secondary role of each product.";
        AccountsHasNoState = "accounts_has_no_state", 422, None, "Accounts has no states",
            "Accounts is never paused, suspended or awaiting approval.";
        AccountsAlwaysEnabled = "accounts_always_enabled", 422, None, "Accounts is always enabled",
            "Accounts is always enabled.";
        IdempotencyKeyReused = "idempotency_key_reused", 422, None, "The key belongs to another request",
            "Another request was carried out under this idempotency key.";
        WriteMalformed = "write_malformed", 500, None, "The change cannot be stored",
            "The change would not read back: a fault of this program. Nothing was written.";
        WriteAmbiguous = "write_ambiguous", 504, None, "It is not known whether the write took effect",
            "The store did not answer a write, which may have taken effect.";
    }
}

impl Code {
    /// Whether this is an *unknown*: a sound question or change whose answer or outcome cannot be told. The other codes
    /// are refusals.
    pub const fn is_unknown(self) -> bool {
        self.status() >= 500 && !matches!(self, Self::Overloaded)
    }

    /// Whether the decision listener answers with it.
    #[cfg(test)]
    pub fn is_of_decisions(self) -> bool {
        !Self::MANAGEMENT.contains(&self)
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
