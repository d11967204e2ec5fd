//! The faults of a document, each with its place. The texts are our own, because a library's could quote a
//! value.

use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};
use strum::VariantNames;

use crate::schema::{Credential, Fault, document::escaped};

/// All faults of a value; reading continues after each.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// One fault at this place.
    pub(super) fn at(at: ValuePointerRef, what: impl Into<String>) -> Self {
        Self(vec![fault(pointer(at), what)])
    }

    /// A value of the wrong kind.
    pub(super) fn kind(at: ValuePointerRef, actual: ValueKind, accepted: &[ValueKind]) -> Self {
        let accepted = match accepted {
            [ValueKind::Boolean] => return Self::at(at, "must be true or false"),
            [ValueKind::Map] => "an object",
            [ValueKind::String] => "a text that is not empty",
            _ => "a whole number",
        };
        let actual = match actual {
            ValueKind::Null => "null",
            ValueKind::Boolean => "true or false",
            ValueKind::Integer | ValueKind::NegativeInteger | ValueKind::Float => "a number",
            ValueKind::String => "a text",
            ValueKind::Sequence => "an array",
            ValueKind::Map => "an object",
        };
        Self::at(at, format!("must be {accepted}, not {actual}"))
    }

    /// A member that is not known there.
    pub(super) fn unknown(at: ValuePointerRef, key: &str, known: &[&str]) -> Self {
        let what = format!("unknown; expected one of: {}", known.join(", "));
        Self(vec![Fault { is_unknown: true, ..fault(pointer(at.push_key(key)), what) }])
    }

    /// The value that was read, if there is no fault.
    pub(super) fn or<T>(self, read: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(read) } else { Err(self) }
    }
}

/// A fault of a known member.
pub(super) fn fault(at: impl Into<String>, what: impl Into<String>) -> Fault {
    Fault { at: at.into(), what: what.into(), is_unknown: false }
}

/// A place as a JSON pointer.
fn pointer(at: ValuePointerRef) -> String {
    match at {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => format!("{}/{}", pointer(*prev), escaped(key)),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

/// The fault of a value that is none of these words.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match &quoted[..] {
        [first @ .., last] if !first.is_empty() => {
            format!("must be {} or {last}", first.join(", "))
        }
        _ => format!("must be {}", quoted.concat()),
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(
        before: Option<Self>,
        error: ErrorKind<V>,
        at: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let faults = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                Self::kind(at, actual.kind(), accepted)
            }
            ErrorKind::MissingField { field } => Self::at(at.push_key(field), "missing"),
            ErrorKind::UnknownKey { key, accepted } => Self::unknown(at, key, accepted),
            ErrorKind::UnknownValue { accepted, .. } => Self::at(at, one_of(accepted)),
            ErrorKind::BadSequenceLen { .. } => Self::at(at, "has too many or too few items"),
            // The only tagged enum here is the credential; its tag has an unknown word.
            ErrorKind::Unexpected { .. } => {
                Self::at(at.push_key("kind"), one_of(Credential::VARIANTS))
            }
        };
        Self::merge(before, faults, at)
    }
}

impl MergeWithError<Self> for Faults {
    fn merge(before: Option<Self>, more: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut all = before.unwrap_or_default();
        all.0.extend(more.0);
        ControlFlow::Continue(all)
    }
}
