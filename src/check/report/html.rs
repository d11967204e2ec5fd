//! The report as a page.

use std::fmt::Write as _;

use super::{Report, place};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1b1b1b}h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ddd}\
.error{color:#a80000;font-weight:600}.warning{color:#8a5200;font-weight:600}.hint{color:#505050}\
code{font-size:.95em}";

pub(super) fn page(report: &Report, file: &str) -> String {
    let title = format!("{}: {}", report.verdict(), escaped(file));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&report.what_it_is())
    );
    if !report.findings.is_empty() {
        page.push_str(
            "<table>\n<tr><th>severity</th><th>rule</th><th>where</th><th>what, and what to do\
             </th></tr>\n",
        );
    }
    for finding in &report.findings {
        let word = finding.severity.word();
        let values: Vec<String> = finding
            .rows
            .iter()
            .zip(&finding.values)
            .map(|(row, value)| format!("<br>row {row}: <code>{}</code>", escaped(value)))
            .collect();
        // Writing into a string does not fail.
        let _ = writeln!(
            page,
            "<tr><td class=\"{word}\">{word}</td><td title=\"{}\">{}</td><td>{}</td><td>{}{}</td></tr>",
            escaped(finding.rule.rule().about),
            finding.rule,
            escaped(&place(finding)),
            escaped(&finding.message),
            values.concat()
        );
    }
    if !report.findings.is_empty() {
        page.push_str("</table>\n");
    }
    let _ = write!(page, "<p>{}</p>\n</body>\n</html>\n", escaped(&report.last_words()));
    page
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}
