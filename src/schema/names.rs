//! What things may be called.

/// Whether a connection may be called so: letters, digits, `-`, `_` and `.`, 1 to 64.
#[must_use]
pub fn is_connection_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Letters, digits and hyphens, 1 to 64: what a scale unit and an id may be, since one goes into a
/// header and the other into a path.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a text is a GUID.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    text.len() == 36 && azure_core::Uuid::parse_str(text).is_ok()
}
