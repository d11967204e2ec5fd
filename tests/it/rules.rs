//! Cases for every rule: files that just pass, and files that just fail.
//!
//! The file of a case is a staff of twenty people without any finding, with one change. A case fails if there
//! is a finding of any rule that it does not expect.

pub(crate) mod case;
mod causes;
mod coverage;
mod dates;
mod files;
mod headers;
mod hierarchy;
mod hints;
mod history;
mod mappings;
mod packages;
mod values;
mod whole;

use std::collections::BTreeSet;

use viva_import::schema::{Id, RULES};

use case::Case;

/// Rules that no file breaks, and why.
const NEVER_FOUND: [(Id, &str); 1] =
    [(Id::V02, "every UTF-8 value is a string, and F04 finds all others")];

fn table() -> Vec<Case> {
    [
        files::cases(),
        packages::cases(),
        headers::cases(),
        mappings::cases(),
        values::cases(),
        dates::cases(),
        coverage::cases(),
        hierarchy::cases(),
        history::cases(),
        hints::cases(),
        causes::cases(),
        whole::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[track_caller]
pub(crate) fn hold(cases: &[Case]) {
    let faults: Vec<String> = cases.iter().filter_map(Case::fault).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn each_file_has_the_expected_findings_and_no_others() {
    hold(&table());
}

#[test]
fn every_rule_has_a_case_that_passes_and_one_that_fails() {
    let table = table();
    let of = |found: bool| -> BTreeSet<Id> {
        table.iter().filter(|case| case.found.is_empty() != found).map(|case| case.rule).collect()
    };
    let (found, passed) = (of(true), of(false));
    for rule in RULES.iter().map(|rule| rule.id) {
        let never = NEVER_FOUND.iter().any(|(id, _)| *id == rule);
        assert_eq!(found.contains(&rule), !never, "{rule}, found");
        assert!(passed.contains(&rule), "{rule}, accepted");
    }
}
