//! The schema of a service: its fields, required fields, rules and terms.

use super::{
    dialect::Dialect,
    fields::{Kind, Reserved},
    rules::Rule,
    target::{Connector, Refresh},
};

/// A service as data. Another service needs another value of this type, and a module for its API.
#[derive(Debug)]
pub struct TargetSchema {
    /// The reserved fields.
    pub(super) reserved: &'static [Reserved],
    /// The system fields, whose names no column may have.
    pub(super) system: &'static [&'static str],
    /// The prefix of other system fields.
    pub(super) system_prefix: &'static str,
    /// The fields that a file must have.
    pub(super) required: fn(Connector, Refresh) -> &'static [&'static str],
    /// The default form of metadata.json and of the zip.
    pub(super) dialect: fn() -> Dialect,
    /// The rules of the service, and our own.
    pub rules: &'static [Rule],
    /// Its terms.
    pub words: Words,
}

/// The terms of a service, for use in sentences.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The short name of the product.
    pub product: &'static str,
    /// The full name of the product, in which an administrator sets up the connector.
    pub product_in_full: &'static str,
    /// The place where people see the outcome of an import.
    pub portal: &'static str,
    /// The same, with its full name.
    pub portal_in_full: &'static str,
    /// The term for a tenant's address in the service.
    pub route: &'static str,
}

impl TargetSchema {
    /// The fields that a file for this connector must have.
    #[must_use]
    pub fn required(&self, connector: Connector, refresh: Refresh) -> &'static [&'static str] {
        (self.required)(connector, refresh)
    }

    /// The default form of metadata.json and of the zip.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        (self.dialect)()
    }

    /// The names of the reserved fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.reserved.iter().map(|field| field.name)
    }

    /// The reserved field with exactly this name.
    pub(crate) fn reserved(&self, name: &str) -> Option<&'static Reserved> {
        self.reserved.iter().find(|field| field.name == name)
    }

    /// The type of the reserved field with exactly this name.
    #[must_use]
    pub(crate) fn reserved_kind(&self, name: &str) -> Option<Kind> {
        self.reserved(name).map(|field| field.kind)
    }

    /// The reserved field whose name differs from this one only in case and surrounding spaces.
    pub(crate) fn misspelt(&self, name: &str) -> Option<&'static str> {
        let mut fields = self.reserved.iter();
        let near = fields.find(|field| field.name.eq_ignore_ascii_case(name.trim()))?;
        (near.name != name).then_some(near.name)
    }

    /// Whether this is the name of a system field.
    pub(crate) fn is_system(&self, name: &str) -> bool {
        let start = name.get(..self.system_prefix.len());
        self.system.iter().any(|system| system.eq_ignore_ascii_case(name))
            || start.is_some_and(|start| start.eq_ignore_ascii_case(self.system_prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Target;

    fn viva() -> &'static TargetSchema {
        Target::Viva.schema()
    }

    #[test]
    fn system_names_are_recognized_in_any_case() {
        for name in ["StartDate", "startdate", "Microsoft_Team", "MICROSOFT_x", "IsActive"] {
            assert!(viva().is_system(name), "{name}");
        }
        for name in ["ContractStartDate", "Microsoft", "MyMicrosoft_x", "HireDate"] {
            assert!(!viva().is_system(name), "{name}");
        }
    }

    #[test]
    fn a_reserved_name_in_another_case_is_misspelt() {
        assert_eq!(viva().misspelt("personid"), Some("PersonId"));
        assert_eq!(viva().misspelt(" PersonId"), Some("PersonId"));
        assert_eq!(viva().misspelt("PersonId"), None);
        assert_eq!(viva().misspelt("Person"), None);
    }
}
