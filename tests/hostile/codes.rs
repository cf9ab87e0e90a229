//! The codes that the hostile tests accept where the wire format names none: sets of likely names, in one place.
//! Always holds: a set shrinks to one code when `docs/errors.md` has decided; where the wire names a code, it stands
//! in the test itself.
//! Called by the modules of this folder.

/// Not JSON at all: bad syntax, bad UTF-8, trailing signs, a byte order mark, nested too deep.
pub const NOT_JSON: &[&str] = &["invalid_json", "malformed_json"];

/// JSON, but not of the type that the member has.
pub const WRONG_TYPE: &[&str] = &["invalid_type", "wrong_type", "invalid_value"];

/// Either of the two, where a parser may see the one before the other.
pub const NOT_JSON_OR_WRONG_TYPE: &[&str] =
    &["invalid_json", "malformed_json", "invalid_type", "wrong_type", "invalid_value"];

/// A text that is no RFC 3339 time.
pub const BAD_TIME: &[&str] =
    &["invalid_time", "invalid_timestamp", "invalid_type", "wrong_type", "invalid_value"];

/// A query that cannot be decoded.
pub const BAD_QUERY: &[&str] =
    &["invalid_query", "invalid_encoding", "invalid_percent_encoding", "invalid_identifier"];

/// A name that is empty: unknown, or no name.
pub const EMPTY_PRODUCT: &[&str] = &["unknown_product", "invalid_value", "missing_field"];

pub const NOT_FOUND: &[&str] = &["not_found", "unknown_path", "path_not_found"];
pub const METHOD: &[&str] = &["method_not_allowed"];
pub const TOO_LARGE: &[&str] = &["body_too_large", "payload_too_large", "content_too_large"];
pub const MEDIA_TYPE: &[&str] = &["unsupported_media_type"];
pub const TIMED_OUT: &[&str] = &["request_timeout", "timeout", "body_timeout"];
