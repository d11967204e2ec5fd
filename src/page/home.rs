//! The main page: the status of each connection with the chart of its last imports, and the history of
//! imports.

use std::fmt::Write as _;

use askama::Template;
use time::OffsetDateTime;

use strum::VariantArray as _;

use super::{
    Badge, Frame, Viewer,
    connection_health::{ConnectionHealth, Health, Seen, health_of},
    query, time,
};
use crate::{
    import::{Import, ImportId, State},
    messages::{self, counted, file, number},
    storage::import_table::{Page, Wanted},
};

/// The imports on one page of the history, unless `top` sets another number.
pub const DEFAULT_TOP: usize = 50;
/// The most imports on one page.
pub const MAX_TOP: usize = 1000;

/// The filter of the history, and the page of it.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Which imports.
    pub wanted: Wanted,
    /// Only imports after this one.
    pub after: Option<ImportId>,
    /// The most imports on the page.
    pub top: usize,
}

impl Filter {
    fn query(&self, after: Option<&ImportId>) -> String {
        let after = after.map(ImportId::name).unwrap_or_default();
        let connection = self.wanted.connection.as_deref().unwrap_or_default();
        let state = self.wanted.state.map(<&str>::from).unwrap_or_default();
        let top = self.top.to_string();
        let top = if self.top == DEFAULT_TOP { "" } else { &top };
        query(&[("connection", connection), ("state", state), ("after", &after), ("top", top)])
    }
}

/// The main page.
#[derive(Debug, Template)]
#[template(path = "home.html", config = "src/askama.toml")]
pub struct Home {
    frame: Frame,
    connections: Vec<Card>,
    imports: Vec<Line>,
    /// The connections to choose from.
    names: Vec<String>,
    filter: Filter,
    next: Option<String>,
}

/// A connection on the page.
#[derive(Debug)]
struct Card {
    name: String,
    health: Health,
    /// Each sentence, with the id and the file of its import.
    sentences: Vec<(String, Option<(String, String)>)>,
    is_paused: bool,
    /// The import that needs a person: its id and its file.
    review: Option<(String, String)>,
    chart: Option<String>,
    next: Vec<Next>,
}

/// Something that is due; the time is markup.
#[derive(Debug)]
struct Next {
    what: String,
    at: String,
}

/// An import in the history.
#[derive(Debug)]
struct Line {
    id: String,
    file: String,
    connection: String,
    badge: Badge,
    summary: String,
    rows: String,
    people: String,
    errors: String,
    received: String,
    ingestion: String,
}

impl Home {
    /// The page for these connections and this page of the history.
    #[must_use]
    pub fn new(
        viewer: &Viewer,
        seen: &[Seen],
        history: &Page,
        filter: Filter,
        next_sweep: Option<OffsetDateTime>,
    ) -> Self {
        let now = viewer.now;
        let moves = Import::is_moving;
        let is_moving = history.imports.iter().any(moves)
            || seen.iter().any(|seen| seen.recent.iter().any(moves));
        let cards: Vec<Card> = seen.iter().map(|seen| card(seen, next_sweep, now)).collect();
        let mut names: Vec<String> = cards.iter().map(|card| card.name.clone()).collect();
        if let Some(chosen) = filter.wanted.connection.as_ref().filter(|name| !names.contains(name))
        {
            names.push(chosen.clone());
        }
        let next = history.next.as_ref();
        Self {
            frame: viewer.frame("Imports", verdict(&cards), is_moving),
            connections: cards,
            names,
            imports: history.imports.iter().map(Line::of).collect(),
            next: next.map(|next| filter.query(Some(next))),
            filter,
        }
    }
}

/// The overall status in one sentence.
fn verdict(cards: &[Card]) -> String {
    let named = |health: Health| {
        let cards = cards.iter().filter(|card| card.health == health);
        cards.map(|card| card.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (person, moves, waits) =
        (named(Health::ActionRequired), named(Health::Running), named(Health::Waiting));
    if !person.is_empty() {
        format!("Action required: {person}")
    } else if !waits.is_empty() {
        format!("Waiting, no action required: {waits}")
    } else if !moves.is_empty() {
        format!("Running: {moves}")
    } else if cards.is_empty() {
        String::new()
    } else {
        "All connections are healthy".to_owned()
    }
}

fn card(seen: &Seen, next_sweep: Option<OffsetDateTime>, now: OffsetDateTime) -> Card {
    let Seen { document, recent, is_paused, .. } = seen;
    let health = ConnectionHealth::of(seen, now);
    let upcoming = health.upcoming(seen, next_sweep, now);
    Card {
        name: document.name.clone(),
        health: health.health,
        review: review(&health),
        is_paused: *is_paused,
        sentences: health
            .facts
            .iter()
            .map(|fact| (messages::fact(*fact, now), fact.import().map(place)))
            .collect(),
        chart: figure(recent),
        next: upcoming.into_iter().map(|(what, at)| Next { what, at: time(at) }).collect(),
    }
}

/// The import to review first: its id and its file.
fn review(health: &ConnectionHealth<'_>) -> Option<(String, String)> {
    let first = health.facts.first().filter(|_| health.health == Health::ActionRequired)?;
    first.import().filter(|import| health_of(import) == Health::ActionRequired).map(place)
}

/// The id of an import, and the name of its file.
fn place(import: &Import) -> (String, String) {
    (import.id.name(), file(import).to_owned())
}

impl Line {
    fn of(import: &Import) -> Self {
        let maybe = |count: Option<u64>| count.map_or_else(|| "\u{2013}".to_owned(), number);
        Self {
            id: import.id.name(),
            file: file(import).to_owned(),
            connection: import.connection.clone(),
            badge: Badge::of(import.state),
            summary: messages::summary(import),
            rows: maybe(import.rows),
            people: maybe(import.baseline.as_ref().map(|summary| summary.people)),
            errors: number(import.error_count),
            received: time(import.received),
            ingestion: import.ingestion.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

const BAR: usize = 14;
const STEP: usize = 24;
const HEIGHT: u64 = 60;
/// The space above the bars for the numbers of errors.
const ABOVE: u64 = 16;
/// The lowest bar, so that an import without rows is visible.
const LOWEST: u64 = 3;

/// The chart of `imports`, which are newest first; `None` if fewer than two have ended.
pub(super) fn figure(imports: &[Import]) -> Option<String> {
    let shown: Vec<&Import> = imports.iter().rev().filter(|import| import.state.is_end()).collect();
    if shown.len() < 2 {
        return None;
    }
    let most = shown.iter().filter_map(|import| import.rows).max().unwrap_or_default();
    let missing = shown.iter().filter(|import| !is_imported(import)).count() as u64;
    let about = format!(
        "Rows of the last {} imports, oldest first. Highest: {}. Not accepted: {}.",
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
    for (place, import) in shown.iter().enumerate() {
        let rows = import.rows.unwrap_or_default();
        let height = (rows.saturating_mul(HEIGHT) / most.max(1)).max(LOWEST);
        let (x, y) = (place * STEP + 3, base - height);
        let class = if is_imported(import) { "rows" } else { "missing" };
        let title = format!(
            "{} on {}: {}, {}",
            import.state.as_ref(),
            import.received.date(),
            import.rows.map_or_else(|| "rows unknown".to_owned(), |rows| counted(rows, "row")),
            counted(import.error_count, "error")
        );
        // Writing into a string does not fail.
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{BAR}\" height=\"{height}\">\
             <title>{title}</title></rect>"
        );
        if import.error_count > 0 {
            let shown = if import.error_count > 99 {
                "99+".to_owned()
            } else {
                import.error_count.to_string()
            };
            let (middle, above) = (x + BAR / 2, y - 4);
            let _ = write!(
                svg,
                "<text class=\"errors\" x=\"{middle}\" y=\"{above}\" aria-hidden=\"true\">{shown}\u{2717}</text>"
            );
        }
    }
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"0\" y1=\"{base}\" x2=\"{width}\" y2=\"{base}\"/></svg>\
         <figcaption>Rows of each import, oldest first. Outlined bars: not accepted, with the number \
          of errors.</figcaption></figure>"
    );
    Some(svg)
}

fn is_imported(import: &Import) -> bool {
    import.state.is_accepted()
}
