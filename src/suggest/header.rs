//! Whether the first line is a header: a row of people must never be told as the names of columns.

use std::collections::HashSet;

use super::{names, propose::Column};

/// Columns of known names that make a header.
const KNOWN: usize = 3;

/// Whether the names of the columns say that they are names.
///
/// Either a column that is called the person's or the manager's address holds addresses, or there
/// are several names that are known, of different fields. Nothing else of a line can be trusted:
/// the words of a row look like any name.
pub(super) fn is_one(columns: &[Column<'_>]) -> bool {
    let is_of_people = |column: &Column<'_>| {
        let is_meant = |field| column.meant(field).is_some();
        column.is_of_emails() && (is_meant("PersonId") || is_meant("ManagerId"))
    };
    columns.iter().any(is_of_people) || known(columns).len() >= KNOWN
}

/// The fields that a name clearly says, but for those of people: `Manager` is also a job.
fn known(columns: &[Column<'_>]) -> HashSet<&'static str> {
    let fields = columns.iter().flat_map(|column| {
        let own = column.fields.iter().copied();
        own.chain(names::matches(&column.key, &names::CUSTOM))
    });
    let is_known = |field: &str| !["PersonId", "ManagerId"].contains(&field);
    let clear = fields.filter(|found| found.is_clear && is_known(found.field));
    clear.map(|found| found.field).collect()
}
