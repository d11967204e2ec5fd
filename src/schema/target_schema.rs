//! What one service knows and wants: its fields, what a file must bring, its rules, and its words.

use super::{
    dialect::Dialect,
    fields::{Kind, Reserved},
    rules::Rule,
    target::{Connector, Refresh},
};

/// A service as data. A second service is a second of these, and a module that speaks its wire.
#[derive(Debug)]
pub struct TargetSchema {
    /// The fields it knows by name.
    pub(super) reserved: &'static [Reserved],
    /// Names it keeps for itself.
    pub(super) system: &'static [&'static str],
    /// What begins a name that it keeps for itself.
    pub(super) system_prefix: &'static str,
    /// The fields that a file must bring.
    pub(super) required: fn(Connector, Refresh) -> &'static [&'static str],
    /// How metadata.json and the zip are written, where a connection does not say.
    pub(super) dialect: fn() -> Dialect,
    /// The rules that it checks files by, and our own.
    pub rules: &'static [Rule],
    /// Its words.
    pub words: Words,
}

/// What a service calls things, as a sentence has them.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// The product, in short.
    pub product: &'static str,
    /// The product in full, where people set up who may push.
    pub product_in_full: &'static str,
    /// Where people see what became of an import.
    pub portal: &'static str,
    /// The same in full.
    pub portal_in_full: &'static str,
    /// The service's address of a tenant.
    pub route: &'static str,
}

impl TargetSchema {
    /// The fields that a file of this connector must bring.
    #[must_use]
    pub fn required(&self, connector: Connector, refresh: Refresh) -> &'static [&'static str] {
        (self.required)(connector, refresh)
    }

    /// How metadata.json and the zip are written, where a connection does not say.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        (self.dialect)()
    }

    /// The names of the fields that it knows.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.reserved.iter().map(|field| field.name)
    }

    /// The reserved field of exactly this name.
    pub(crate) fn reserved(&self, name: &str) -> Option<&'static Reserved> {
        self.reserved.iter().find(|field| field.name == name)
    }

    /// The type of the reserved field of exactly this name.
    #[must_use]
    pub(crate) fn reserved_kind(&self, name: &str) -> Option<Kind> {
        self.reserved(name).map(|field| field.kind)
    }

    /// The reserved field whose name differs from this one only in capitals and blanks.
    pub(crate) fn misspelt(&self, name: &str) -> Option<&'static str> {
        let mut fields = self.reserved.iter();
        let near = fields.find(|field| field.name.eq_ignore_ascii_case(name.trim()))?;
        (near.name != name).then_some(near.name)
    }

    /// Whether the service keeps this name for itself.
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
    fn system_names_are_known_in_any_capitals() {
        for name in ["StartDate", "startdate", "Microsoft_Team", "MICROSOFT_x", "IsActive"] {
            assert!(viva().is_system(name), "{name}");
        }
        for name in ["ContractStartDate", "Microsoft", "MyMicrosoft_x", "HireDate"] {
            assert!(!viva().is_system(name), "{name}");
        }
    }

    #[test]
    fn a_reserved_name_in_other_capitals_is_misspelt() {
        assert_eq!(viva().misspelt("personid"), Some("PersonId"));
        assert_eq!(viva().misspelt(" PersonId"), Some("PersonId"));
        assert_eq!(viva().misspelt("PersonId"), None);
        assert_eq!(viva().misspelt("Person"), None);
    }
}
