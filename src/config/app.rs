//! The function app as its platform describes it.

/// Where the app is reached, and whether people sign in before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct App {
    /// Its name as seen from outside; `None` where no platform gives it one.
    pub(super) host: Option<String>,
    /// Whether a setting says that people sign in.
    pub(super) wants_sign_in: bool,
    /// Whether the platform says that its authentication is on.
    pub(super) authenticates: bool,
}

impl App {
    /// Whether people sign in before the app: the setting says so, and the platform that its
    /// authentication is on. Where one of them is missing, no name is believed.
    #[must_use]
    pub fn has_sign_in(&self) -> bool {
        self.wants_sign_in && self.authenticates
    }

    /// Whether it is reached over https, as it is in Azure and not on this machine.
    #[must_use]
    pub fn is_https(&self) -> bool {
        let host = self.host.as_deref().unwrap_or_default();
        !host.is_empty() && !host.starts_with("localhost") && !host.starts_with("127.")
    }

    /// The page of an import, where people need no key to look at it.
    #[must_use]
    pub fn page_of(&self, import: &str) -> Option<String> {
        let host = self.host.as_ref().filter(|_| self.has_sign_in())?;
        Some(format!("https://{host}/api/signed-in/status/{import}"))
    }
}
