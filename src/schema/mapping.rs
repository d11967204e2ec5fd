//! Which column of a file is which field.

/// One column of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The column's header in the file.
    pub source: String,
    /// Viva's field, or the custom name.
    pub target: String,
    /// Microsoft's word for the type.
    pub kind: String,
}

/// What a file's columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// A connection's: the file may lack fields and may have other columns.
    Fields(Vec<Field>),
    /// A metadata.json of Microsoft's, taken literally: fields and header are the same set.
    Literal(Vec<Field>),
    /// None: columns with Viva's own names are those fields, all others custom text.
    Names,
}
