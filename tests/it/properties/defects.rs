//! Defects of one row, or of one name in the header.

use viva_import::schema::{
    Id,
    Severity::{self, Error, Hint, Warning},
};

use super::draft::Draft;

/// A defect that a file can have.
pub(crate) struct Defect {
    pub(crate) what: &'static str,
    pub(crate) rule: Id,
    pub(crate) severity: Severity,
    /// The rules of other errors that it may cause. If its own rule is among them, it may cause any error, and
    /// only a finding of one of these rules is certain, with the first expected row.
    pub(crate) follows: &'static [Id],
    /// Adds the defect to a row, which is neither the header nor the first or last data row, and returns the
    /// rows of the expected finding.
    pub(crate) spoil: fn(&mut Draft, usize) -> Vec<usize>,
}

const fn defect(
    rule: Id,
    severity: Severity,
    what: &'static str,
    spoil: fn(&mut Draft, usize) -> Vec<usize>,
) -> Defect {
    Defect { what, rule, severity, follows: &[], spoil }
}

impl Defect {
    const fn and(mut self, follows: &'static [Id]) -> Self {
        self.follows = follows;
        self
    }

    pub(crate) fn is_far_reaching(&self) -> bool {
        self.follows.contains(&self.rule)
    }
}

/// A defect of one value.
macro_rules! value {
    ($rule:ident $severity:ident $column:literal $value:literal) => {
        defect(Id::$rule, $severity, concat!($column, " ", $value), |draft, row| {
            draft.set(row, $column, $value);
            vec![row]
        })
    };
}

/// A defect of one name in the header, reported in line 1.
macro_rules! header {
    ($rule:ident $column:literal $value:literal) => {
        defect(Id::$rule, Error, concat!("header ", $column, " ", $value), |draft, _| {
            draft.set(0, $column, $value);
            vec![0]
        })
    };
}

/// A missing required column, reported without a line.
macro_rules! missing {
    ($column:literal) => {
        defect(Id::H13, Error, concat!("no column ", $column), |draft, _| {
            draft.set(0, $column, "Else");
            vec![]
        })
    };
}

/// People who report to each other.
macro_rules! looped {
    ($rule:ident $people:literal) => {
        defect(Id::$rule, Error, concat!("loop of ", $people), |draft, row| {
            let of_day = draft.snapshot(row);
            let at = of_day.iter().position(|other| *other == row).unwrap();
            let mut around: Vec<usize> =
                of_day.into_iter().cycle().skip(at).take($people).collect();
            for (place, row) in around.iter().enumerate() {
                let manager = around[(place + 1) % around.len()];
                let manager = draft.value(manager, "PersonId").to_owned();
                draft.set(*row, "ManagerId", &manager);
            }
            around.sort_unstable();
            around
        })
    };
}

pub(crate) const DEFECTS: &[Defect] = &[
    value!(V01 Error "PersonId" "ana.contoso.com"),
    value!(V01 Error "PersonId" "ana@contoso.com;bo@contoso.com"),
    value!(V01 Error "ManagerId" "Ana <ana@contoso.com>"),
    value!(V03 Error "EffectiveDate" "31/12/2025"),
    value!(V03 Error "HireDate" "2012-3-14"),
    value!(V03 Error "HireDate" "42067"),
    value!(V03 Error "ContractEnd" "14.03.2028"),
    value!(V05 Error "HourlyRate" "$23"),
    value!(V05 Error "WeeklyHours" "37,5"),
    value!(V06 Error "Layer" "2.0"),
    value!(V06 Error "EmployeeNumber" "2147483648"),
    value!(V09 Error "IsRemote" "yes"),
    value!(V10 Warning "WeeklyBadgeOnsiteDays" "7.5"),
    value!(V11 Warning "SupervisorIndicator" "Manager"),
    value!(V07 Error "PersonId" "").and(&[Id::C01]),
    value!(V07 Error "EffectiveDate" " ").and(&[Id::C02]),
    value!(V07 Error "Organization" "\u{3000}"),
    value!(Q02 Hint "TeamName" "#N/A"),
    value!(Q03 Hint "HireDate" "01/01/1900"),
    value!(Q08 Warning "EffectiveDate" "11/23/2026"),
    value!(Q09 Hint "PersonId" "jos?@contoso.com"),
    value!(F10 Error "TeamName" "line\nbreak"),
    value!(F10 Error "PersonId" "ana@contoso.com\n").and(&[Id::V01]),
    value!(F10 Error "TeamName" "carriage\rreturn"),
    value!(V07 Error "Organization" "\r\n\n").and(&[Id::F10]),
    value!(M06 Warning "ManagerId" "stranger@contoso.com"),
    header!(H01 "TeamName" "Location"),
    missing!("PersonId"),
    missing!("ManagerId"),
    missing!("Organization"),
    looped!(M04 2),
    looped!(M05 3),
    looped!(M05 10),
    defect(Id::F03, Error, "a value less", |draft, row| {
        let order = draft.form.order.clone();
        draft.rows[row].bytes = Some(draft.plain(row, &order[1..]));
        vec![row]
    }),
    defect(Id::F03, Error, "a value more", |draft, row| {
        let order = [draft.form.order.clone(), vec![0]].concat();
        draft.rows[row].bytes = Some(draft.plain(row, &order));
        vec![row]
    }),
    // A later quotation mark may close it. Then the text after that mark is a fault, too, or the value only
    // contains line breaks.
    defect(Id::F03, Error, "an open quotation mark", |draft, row| {
        draft.set_bytes(row, "TeamName", "\x7FAurora", b'"');
        vec![row]
    })
    .and(&[Id::F03, Id::F10]),
    defect(Id::F03, Error, "text after a closing quotation mark", |draft, row| {
        draft.set_bytes(row, "TeamName", "\x7FAurora\x7F team", b'"');
        vec![row]
    }),
    defect(Id::F03, Warning, "a quotation mark inside", |draft, row| {
        draft.set_bytes(row, "TeamName", "5\x7F pipe", b'"');
        vec![row]
    }),
    defect(Id::F04, Error, "a byte that is not UTF-8", |draft, row| {
        draft.set_bytes(row, "Organization", "Caf\x7F", 0xE9);
        vec![row]
    }),
    defect(Id::F11, Error, "a value of 128 KB and a byte", |draft, row| {
        draft.set(row, "TeamName", &"x".repeat((128 << 10) + 1));
        vec![row]
    }),
    defect(Id::F13, Error, "a row without a value", |draft, row| {
        draft.rows[row].values.fill(String::new());
        vec![row]
    }),
    defect(Id::F13, Error, "a blank line", |draft, row| {
        draft.rows[row].bytes = Some(vec![]);
        vec![row]
    }),
    defect(Id::M01, Error, "a second manager", |draft, row| {
        // The head has no manager.
        let row = if draft.value(row, "ManagerId").is_empty() { row + 1 } else { row };
        draft.rows.insert(row + 1, draft.rows[row].clone());
        draft.set(row + 1, "ManagerId", "stranger@contoso.com");
        vec![row + 1]
    }),
    defect(Id::M02, Warning, "the same row twice", |draft, row| {
        draft.rows.insert(row + 1, draft.rows[row].clone());
        vec![row + 1]
    })
    .and(&[Id::C03]),
    defect(Id::M03, Warning, "somebody who reports to themselves", |draft, row| {
        let own = draft.value(row, "PersonId").to_owned();
        draft.set(row, "ManagerId", &own);
        vec![row]
    }),
    defect(Id::M07, Warning, "a second head", |draft, row| {
        let of_day = draft.snapshot(row);
        draft.set(of_day[5], "ManagerId", "");
        vec![of_day[0], of_day[5]]
    })
    .and(&[Id::C03]),
    defect(Id::M08, Warning, "no head", |draft, row| {
        let head = draft.snapshot(row)[0];
        draft.set(head, "ManagerId", "stranger@contoso.com");
        vec![]
    }),
];
