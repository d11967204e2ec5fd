//! The chart of a connection: the rows of its last imports, and the problems of those refused.

use std::fmt::Write as _;

use crate::{
    import::Import,
    messages::{counted, number},
};

const BAR: usize = 14;
const STEP: usize = 24;
const HEIGHT: u64 = 60;
/// Room above the bars for the numbers of problems.
const ABOVE: u64 = 16;
/// So that a bar of nothing can be seen.
const LOWEST: u64 = 3;

/// The bars of `runs`, which are newest first, as a figure; `None` where there is too little to see.
pub(super) fn figure(runs: &[Import]) -> Option<String> {
    let shown: Vec<&Import> = runs.iter().rev().filter(|run| run.state.is_end()).collect();
    if shown.len() < 2 {
        return None;
    }
    let most = shown.iter().filter_map(|run| run.rows).max().unwrap_or_default();
    let missing = shown.iter().filter(|run| !is_imported(run)).count() as u64;
    let about = format!(
        "Rows of the last {} imports, oldest first, {} at most; {} did not come through",
        shown.len(),
        number(most),
        number(missing)
    );
    let width = shown.len() * STEP;
    let base = HEIGHT + ABOVE;
    let mut svg = format!(
        "<figure><svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{about}\">",
        height = base + 2
    );
    for (place, run) in shown.iter().enumerate() {
        let rows = run.rows.unwrap_or_default();
        let height = (rows.saturating_mul(HEIGHT) / most.max(1)).max(LOWEST);
        let (x, y) = (place * STEP + 3, base - height);
        let class = if is_imported(run) { "rows" } else { "missing" };
        let told = format!(
            "{} on {}: {}, {}",
            run.state.word(),
            run.received.date(),
            run.rows.map_or_else(|| "rows unknown".to_owned(), |rows| counted(rows, "row")),
            counted(run.problems, "problem")
        );
        // Writing into a string does not fail.
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\">\
             <title>{told}</title></rect>"
        );
        if run.problems > 0 {
            let shown = if run.problems > 99 { "99+".to_owned() } else { run.problems.to_string() };
            let (middle, above) = (x + BAR / 2, y - 4);
            let _ = write!(
                svg,
                "<text class=\"problems\" x=\"{middle}\" y=\"{above}\" aria-hidden=\"true\">{shown}\u{2717}</text>"
            );
        }
    }
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"0\" y1=\"{base}\" x2=\"{width}\" y2=\"{base}\"/></svg>\
         <figcaption>Rows of each import, oldest first. Hollow: it did not come through, with the \
         number of its problems.</figcaption></figure>"
    );
    Some(svg)
}

fn is_imported(run: &Import) -> bool {
    run.state.is_accepted()
}
