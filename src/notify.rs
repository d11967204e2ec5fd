//! The message to somebody when a person is needed, and the one way it goes out.
//!
//! It says which file, which connection, where the import stands and what to do; it never holds a
//! cell's value, nor the key that opens the status page.

use std::time::Duration;

use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

use crate::{
    config::Lookup,
    connection::{Format, Notify},
    http::{self, ClientError, is_loopback_http},
    import::{Import, NotificationKind, to_the_second},
    messages,
};

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message, in words.
#[derive(Debug)]
pub struct Notification<'a> {
    /// What happened.
    pub occasion: NotificationKind,
    /// When.
    pub since: OffsetDateTime,
    /// To which import; where nothing has come, the last one that did.
    pub import: &'a Import,
    /// Where the import can be looked at, for whoever may.
    pub page: Option<String>,
}

impl Notification<'_> {
    fn title(&self) -> String {
        messages::title(self.occasion, self.import)
    }

    fn told(&self) -> String {
        messages::told(self.occasion, self.import)
    }

    fn action(&self) -> String {
        messages::action_at(self.occasion, self.import)
    }

    /// The body in the format that the other side takes, and its media type.
    #[must_use]
    pub fn body(&self, format: Format) -> (Value, &'static str) {
        match format {
            Format::Teams => (self.teams(), "application/json"),
            Format::Slack => (self.slack(), "application/json"),
            Format::CloudEvents => (self.cloud_event(), "application/cloudevents+json"),
        }
    }

    /// Source: "Create an incoming webhook", Microsoft Teams: a message with one adaptive card.
    fn teams(&self) -> Value {
        let block = |text: &str, more: Value| {
            let text = unmarked(text);
            let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
            if let (Some(block), Value::Object(more)) = (block.as_object_mut(), more) {
                block.extend(more);
            }
            block
        };
        let bold = json!({ "weight": "Bolder", "size": "Medium" });
        let mut card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
                block(&self.title(), bold),
                block(&self.told(), json!({})),
                block(&self.action(), json!({ "isSubtle": true })),
            ],
        });
        if let Some(page) = &self.page {
            card["actions"] = json!([{ "type": "Action.OpenUrl", "title": "Look", "url": page }]);
        }
        let kind = "application/vnd.microsoft.card.adaptive";
        json!({ "type": "message", "attachments": [{ "contentType": kind, "content": card }] })
    }

    /// Source: "Formatting text for app surfaces", Slack: three characters are escaped.
    fn slack(&self) -> Value {
        let plain =
            |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let page = self.page.as_ref().map(|page| format!("\n<{page}>")).unwrap_or_default();
        let (title, told) = (plain(&self.title()), plain(&self.told()));
        json!({ "text": format!("*{title}*\n{told}\n{}{page}", plain(&self.action())) })
    }

    /// Source: the specification of CloudEvents 1.0; the same event always has the same id.
    fn cloud_event(&self) -> Value {
        let (import, word) = (self.import, self.occasion.as_ref());
        let since = to_the_second(self.since);
        json!({
            "specversion": "1.0",
            "id": format!("{}/{word}/{since}", import.id),
            "source": format!("/viva-import/connections/{}", import.connection),
            "type": format!("viva-import.{word}"),
            "subject": import.source.file(),
            "time": since,
            "datacontenttype": "application/json",
            "data": {
                "connection": import.connection,
                "file": import.source.file(),
                "import": import.id.key,
                "state": import.state.as_ref(),
                "rows": import.rows,
                "problems": import.error_count,
                "told": self.told(),
                "toDo": self.action(),
                "page": self.page,
            },
        })
    }
}

/// A text in which nothing is markup of a card.
fn unmarked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]()#<>".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

/// Why a letter did not arrive; the address, which is a secret, is told by none.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The setting of the address is not there.
    #[error("there is no setting {0}")]
    NoSetting(String),
    /// The setting holds something else than an address to which a letter may go.
    #[error(
        "the setting {0} holds no https address (a reference to a Key Vault that cannot be resolved \
         is none)"
    )]
    NoAddress(String),
    /// Nothing could be sent.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The other side is silent.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// The exchange broke off.
    #[error("{}", http::broke(.0))]
    Broken(#[source] reqwest::Error),
    /// The other side refused.
    #[error("the webhook answered {0}")]
    Refused(StatusCode),
}

/// Sends a letter once. Any 2xx counts: the formats have no answer in common.
///
/// # Errors
/// Why it did not arrive.
pub async fn send(
    letter: &Notification<'_>,
    notify: &Notify,
    setting: &Lookup,
) -> Result<(), NotifyError> {
    let address = address(notify, setting)?;
    let client = http::build(http::client((&address).into()), "the webhook")?;
    let (body, media_type) = letter.body(notify.format);
    let request = client.post(address).header(CONTENT_TYPE, media_type).body(body.to_string());
    // Nothing of an answer counts but its status, so its body is not waited for.
    let answer = tokio::time::timeout(PATIENCE, request.send()).await;
    let answer = answer.map_err(|_| NotifyError::TimedOut)?;
    let answer = answer.map_err(|error| NotifyError::Broken(error.without_url()))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(NotifyError::Refused(status)) }
}

/// The address that the setting holds; it is a secret and never told.
///
/// # Errors
/// Where the setting holds none.
pub fn address(notify: &Notify, setting: &Lookup) -> Result<Url, NotifyError> {
    let name = &notify.setting;
    let text = setting(name).ok_or_else(|| NotifyError::NoSetting(name.clone()))?;
    let url = Url::parse(text.trim()).ok();
    url.filter(|url| url.scheme() == "https" || is_loopback_http(url))
        .ok_or_else(|| NotifyError::NoAddress(name.clone()))
}
