//! Finds the columns with the addresses of the person and of the manager.

use crate::{
    check::{Content, Profile},
    schema::Kind,
};

use super::column::{Column, Verdict};

/// At least this percentage of managers must be people of the file.
const OF_THE_FILE_PERCENT: usize = 80;

/// The two columns.
pub(super) struct People {
    person: Option<Found>,
    manager: Option<Found>,
    /// The approximate number of different people.
    count: u64,
}

/// A column, and whether its name matches the field.
#[derive(Clone, Copy)]
struct Found {
    at: usize,
    is_named: bool,
}

/// Finds them among the columns that are not decided yet.
pub(super) fn find(
    columns: &[Column<'_>],
    verdicts: &[Option<Verdict>],
    profile: &Profile,
) -> People {
    let is_of_emails = |at: &usize| verdicts[*at].is_none() && columns[*at].is_of_emails();
    let emails: Vec<usize> = (0..columns.len()).filter(is_of_emails).collect();
    let named = |field: &str| {
        let ranked = emails.iter().filter_map(|at| Some((columns[*at].meant(field)?.rank, *at)));
        Some(Found { at: ranked.min()?.1, is_named: true })
    };
    let (mut person, mut manager) = (named("PersonId"), named("ManagerId"));
    let others = |taken: Option<Found>| {
        emails.iter().copied().filter(move |at| taken.is_none_or(|taken| taken.at != *at))
    };
    let content = |at: usize| columns[at].content;
    if person.is_none() {
        // There are more people than managers, and every row has a person.
        let most = others(manager)
            .max_by_key(|at| (content(*at).distinct(), content(*at).filled, columns.len() - at));
        person = most.map(|at| Found { at, is_named: false });
    }
    if let (None, Some(person)) = (manager, person) {
        let (people, all) = (content(person.at), content(person.at).distinct());
        let likely = others(Some(person))
            .filter(|at| content(*at).percent_in(people) >= OF_THE_FILE_PERCENT)
            .filter(|at| 10 * content(*at).distinct() <= 9 * all)
            .min_by_key(|at| content(*at).distinct());
        manager = likely.map(|at| Found { at, is_named: false });
    }
    let count = person.map_or(profile.rows, |person| content(person.at).distinct());
    People { person, manager, count }
}

impl People {
    /// The decisions about the two columns.
    pub(super) fn verdicts(
        &self,
        columns: &[Column<'_>],
        profile: &Profile,
    ) -> Vec<(usize, Verdict)> {
        let people = self.person.map(|person| columns[person.at].content);
        let mut verdicts = vec![];
        if let Some(Found { at, is_named }) = self.person {
            let content = columns[at].content;
            let mut why = reasons(is_named, "It has the most different addresses");
            if content.blanks > 0 {
                why.push(format!("but {} rows have none and are invalid", content.blanks));
            }
            let dates = columns.iter().filter(|column| column.meant("EffectiveDate").is_some());
            let days = dates.map(|column| column.content.distinct()).max().unwrap_or(1);
            if profile.rows > (self.count * days).saturating_mul(21) / 20 {
                why.push("but people have more rows than there are effective dates".to_owned());
            }
            verdicts.push((at, field("PersonId", columns[at].content, is_named, why)));
        }
        if let Some(Found { at, is_named }) = self.manager {
            let content = columns[at].content;
            let mut why = reasons(is_named, "Its addresses are those of some of the people");
            let percent = people.map_or(0, |people| content.percent_in(people));
            if percent < OF_THE_FILE_PERCENT {
                why.push(format!("but only {percent} % of its addresses are people in this file"));
            }
            verdicts.push((at, field("ManagerId", content, is_named, why)));
        }
        verdicts
    }
}

/// The first reason: the name matches, or only the content does.
fn reasons(is_named: bool, content: &str) -> Vec<String> {
    vec![if is_named { "Its name matches, and it has addresses" } else { content }.to_owned()]
}

/// Certain if its name matches and there is no other reason.
fn field(target: &str, content: &Content, is_named: bool, mut why: Vec<String>) -> Verdict {
    let others = content.filled - content.emails;
    if others > 0 {
        why.push(format!("but {others} of its values are not addresses and are invalid"));
    }
    Verdict::Field {
        target: target.to_owned(),
        is_custom: false,
        kind: Kind::Email,
        is_confident: is_named && why.len() == 1,
        why: why.join(", "),
    }
}
