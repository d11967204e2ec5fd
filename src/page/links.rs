//! The addresses of the pages among each other.
//!
//! Who opened a page with a key in its address needs it in the next one too: links carry what the
//! page's own address carries, and nothing else holds it.

use url::form_urlencoded::{Serializer, parse};

/// The parameter that keeps a page from refreshing.
const STILL: &str = "still";
/// The parameters that go along.
const KEPT: [&str; 2] = ["code", STILL];

/// Addresses as seen from one page.
#[derive(Clone, Debug)]
pub struct Links {
    /// What goes before `/status`.
    base: String,
    /// What every address keeps of the page's own: the key, and that it does not refresh.
    pub(super) kept: Vec<(String, String)>,
    /// The page's own path.
    path: String,
    /// The rest of its own query.
    query: Vec<(String, String)>,
}

impl Links {
    /// As seen from the page at `path` with `query`.
    #[must_use]
    pub fn new(path: &str, query: &str) -> Self {
        let signed_in = path.to_ascii_lowercase().starts_with("/api/signed-in/");
        let base = if signed_in { "/api/signed-in" } else { "/api" }.to_owned();
        let all = parse(query.as_bytes()).into_owned();
        let (kept, query) = all.partition(|(name, _)| KEPT.contains(&name.as_str()));
        Self { base, kept, path: path.to_owned(), query }
    }

    /// The main page, with more of a query.
    #[must_use]
    pub fn home(&self, query: &str) -> String {
        self.to(&format!("{}/status", self.base), parse(query.as_bytes()).into_owned().collect())
    }

    /// The main page with the imports of one connection.
    #[must_use]
    pub fn of_connection(&self, name: &str) -> String {
        self.home(&query(&[("connection", name)]))
    }

    /// The page of an import.
    #[must_use]
    pub fn import(&self, id: &str) -> String {
        self.to(&format!("{}/status/{id}", self.base), vec![])
    }

    /// The service's own error file of an import.
    #[must_use]
    pub fn service_errors(&self, id: &str) -> String {
        self.to(&format!("{}/status/{id}/{}", self.base, crate::engine::SERVICE_ERRORS), vec![])
    }

    /// The page itself, which from then on stays as it is, or refreshes.
    #[must_use]
    pub fn here(&self, still: bool) -> String {
        let mut other = self.clone();
        other.kept.retain(|(name, _)| name != STILL);
        if still {
            other.kept.push((STILL.to_owned(), "1".to_owned()));
        }
        other.to(&self.path, self.without_done())
    }

    /// The page itself, after what was asked for there was done.
    #[must_use]
    pub fn after(&self, done: &str) -> String {
        let mut query = self.without_done();
        query.push(("done".to_owned(), done.to_owned()));
        self.to(&self.path, query)
    }

    fn without_done(&self) -> Vec<(String, String)> {
        self.query.iter().filter(|(name, _)| name != "done").cloned().collect()
    }

    fn to(&self, path: &str, mut query: Vec<(String, String)>) -> String {
        query.extend(self.kept.iter().cloned());
        if query.is_empty() {
            return path.to_owned();
        }
        format!("{path}?{}", Serializer::new(String::new()).extend_pairs(query).finish())
    }
}

/// A query of pairs, without those whose value is empty.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_along_and_only_where_there_is_one() {
        let with = Links::new("/api/status", "code=a%2Bb&connection=hr&after=x&done=retry");
        assert_eq!(with.import("9-a"), "/api/status/9-a?code=a%2Bb");
        assert_eq!(with.of_connection("hr"), "/api/status?connection=hr&code=a%2Bb");
        assert_eq!(with.here(true), "/api/status?connection=hr&after=x&code=a%2Bb&still=1");
        let still = Links::new("/api/status", "still=1");
        assert_eq!(
            (still.home(""), still.here(false)),
            ("/api/status?still=1".into(), "/api/status".into())
        );
        let without = Links::new("/api/signed-in/status/9-a", "");
        assert_eq!(without.home(""), "/api/signed-in/status");
        assert_eq!(without.after("retry"), "/api/signed-in/status/9-a?done=retry");
        let errors = "/api/signed-in/status/9-a/service-errors.txt";
        assert_eq!(without.service_errors("9-a"), errors);
    }
}
