//! A proposal for a person.

use super::{Proposal, Proposed, SuggestOptions};
use crate::{
    check::Profile,
    schema::{Connector, Refresh, Target},
};

/// Widest column of the table; what is longer pushes the rest to the right.
const MAX_WIDTH: usize = 32;

/// The proposal, what stands in doubt, and what comes next.
pub(super) fn text(proposal: &Proposal, survey: &Profile, wishes: &SuggestOptions) -> String {
    let columns = &proposal.columns;
    let is_mapped = |proposed: &&Proposed| proposed.field.is_some();
    let groups = [
        ("sure", columns.iter().filter(|one| is_mapped(one) && one.sure).collect::<Vec<_>>()),
        ("unsure", columns.iter().filter(|one| is_mapped(one) && !one.sure).collect()),
        ("left out", columns.iter().filter(|one| !is_mapped(one)).collect()),
    ];
    let mut text = format!(
        "{} rows, {} columns: {} mapped, {} of them unsure, {} left out.\n\n",
        survey.rows,
        columns.len(),
        groups[0].1.len() + groups[1].1.len(),
        groups[1].1.len(),
        groups[2].1.len(),
    );
    let widest = columns.iter().map(|one| width(&one.column)).max().unwrap_or_default();
    let widest = widest.min(MAX_WIDTH);
    for (mark, proposed) in
        groups.iter().flat_map(|(mark, all)| all.iter().map(move |one| (mark, one)))
    {
        let is = match (&proposed.field, proposed.kind) {
            (Some(field), Some(kind)) => format!("{field} ({kind}): "),
            _ => String::new(),
        };
        let (column, why) = (&proposed.column, &proposed.why);
        let blanks = " ".repeat(widest.saturating_sub(width(column)));
        text.push_str(&format!("{mark:<8}  {column}{blanks}  {is}{why}\n"));
    }
    text.push_str("\nNext:\n");
    for step in steps(proposal, survey, wishes) {
        text.push_str(&format!("- {step}\n"));
    }
    if wishes.out.is_none() {
        text.push_str(&format!("\nThe connection:\n{:#}\n", proposal.document));
    }
    text
}

/// How many places a text takes on a screen: East Asian letters take two.
fn width(text: &str) -> usize {
    text.chars().map(|char| if ('\u{1100}'..'\u{FF61}').contains(&char) { 2 } else { 1 }).sum()
}

fn steps(proposal: &Proposal, survey: &Profile, wishes: &SuggestOptions) -> Vec<String> {
    let mut steps = vec![];
    let columns = &proposal.columns;
    let renames = columns.iter().filter_map(|one| Some((&one.column, one.rename.as_ref()?)));
    let renames: Vec<String> = renames.map(|(from, to)| format!("{from:?} to {to}")).collect();
    if !renames.is_empty() {
        steps.push(format!(
            "Rename these columns in the export, because the service takes A to Z, a to z, 0 to 9 \
             and _ only (rule H03); the connection has their new names already: {}",
            renames.join(", ")
        ));
    }
    let has = |field: &str| columns.iter().any(|one| one.field.as_deref() == Some(field));
    let required = Target::Viva.schema().required(Connector::Hr, wishes.refresh);
    for field in required.iter().filter(|field| !has(field)) {
        steps.push(format!(
            "No column is {field}, which {} refresh needs: add it to the export, or map it by \
             hand",
            if wishes.refresh == Refresh::Full { "a full" } else { "an incremental" }
        ));
    }
    if !has("EffectiveDate") {
        steps.push(
            "No column is EffectiveDate, so every row counts from the day of the upload: add one \
             to bring history"
                .to_owned(),
        );
    }
    if survey.uneven > 0 {
        steps.push(format!(
            "Rows with more or fewer values than the header: {}, which are refused; mend the export",
            survey.uneven
        ));
    }
    if columns.iter().any(|one| one.field.is_some() && !one.sure) {
        steps
            .push("Look at each column that is unsure, and take out what is not needed".to_owned());
    }
    if wishes.tenant.is_none() {
        steps.push("Put your tenant's id in the place of the zeros in \"tenantId\"".to_owned());
    }
    let connection = wishes.out.as_ref().map_or_else(
        || "hr.json".to_owned(),
        |out| {
            steps.push(format!("The connection is written to {}", out.display()));
            out.display().to_string()
        },
    );
    steps.push(format!(
        "Check the export with it: viva-import check {} --mapping {connection}",
        wishes.file.display()
    ));
    steps.push(
        "Compare with the template of your portal: viva-import learn TEMPLATE --connection \
         CONNECTION"
            .to_owned(),
    );
    steps
}
