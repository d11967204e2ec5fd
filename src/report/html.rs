//! The report as a page.

use askama::Template;

use crate::{
    check::{Finding, Report},
    messages,
};

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;\
max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.4rem}table{border-collapse:collapse;\
width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8886}\
.error{color:light-dark(#a80000,#ff9d99);font-weight:600}.warning{color:light-dark(#8a5200,#f0c069);\
font-weight:600}code{font-size:.95em}";

/// What the page shows; everything in it is escaped.
#[derive(Template)]
#[template(path = "report.html", config = "src/askama.toml")]
struct Page<'a> {
    title: String,
    contents: String,
    findings: &'a [Finding],
    totals: String,
}

/// The report as a page of its own, without a script and without anything from elsewhere.
#[must_use]
pub fn html(report: &Report, file: &str) -> String {
    let page = Page {
        title: format!("{}: {file}", messages::verdict(report)),
        contents: messages::contents(report),
        findings: &report.findings,
        totals: messages::totals(report),
    };
    // Nothing that is shown refuses to be written; if it did, the page would say so.
    page.render().unwrap_or_else(|error| format!("this report cannot be shown as a page: {error}"))
}
