//! Notifications by webhook, when a person has to act.
//!
//! A notification names the file, the connection, the state of the import and what to do. It never holds a
//! cell's value, nor the key of the status page. If a secret is configured, it is signed as Standard
//! Webhooks specifies, so that the receiver can verify the sender.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use url::Url;

use crate::{
    config::Lookup,
    connection::Connection,
    http::{self, ClientError, is_loopback_http},
    import::{Import, NotificationKind, reason::Reason, to_the_second},
    messages,
    schema::{Format, Notify},
};

/// The time limit for the webhook.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The prefix of a secret; its bytes follow in base64. Source: Standard Webhooks 1.0.0, which requires 24 to 64.
const BASE64_SECRET: &str = "whsec_";
const FEWEST_SECRET_BYTES: usize = 24;

/// A notification.
#[derive(Debug)]
pub struct Notification<'a> {
    /// What happened.
    pub kind: NotificationKind,
    /// When it happened.
    pub since: OffsetDateTime,
    /// The import or connection that it concerns.
    pub about: About<'a>,
    /// The page of the import, for users who may open it.
    pub page: Option<String>,
}

/// What a notification concerns.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// An import; for an overdue file, the last import.
    Import(&'a Import),
    /// A connection that has never had a file, so that there is no import.
    Connection {
        /// The connection.
        connection: &'a Connection,
        /// Since when a file is expected.
        since: OffsetDateTime,
        /// The expected interval in days.
        every_days: u32,
    },
    /// A connection whose document is invalid, so that its files have no import.
    Document {
        /// The name of the connection.
        connection: &'a str,
        /// What is wrong with the document.
        reason: &'a Reason,
    },
}

impl Notification<'_> {
    fn title(&self) -> String {
        match self.about {
            About::Import(import) => messages::title(self.kind, import),
            About::Connection { connection, .. } => messages::overdue_title(&connection.name),
            About::Document { connection, .. } => messages::invalid_title(connection),
        }
    }

    fn message(&self) -> String {
        match self.about {
            About::Import(import) => messages::text(self.kind, import),
            About::Connection { since, every_days, .. } => messages::never_came(since, every_days),
            About::Document { reason, .. } => messages::invalid(reason),
        }
    }

    fn action(&self) -> String {
        match self.about {
            About::Import(import) => messages::action_at(self.kind, import),
            About::Connection { .. } => messages::OVERDUE_ACTION.to_owned(),
            About::Document { connection, .. } => messages::invalid_action(connection),
        }
    }

    /// The id of the event, the same for each attempt. It contains no full stop, because full stops separate the
    /// signed parts.
    #[must_use]
    pub fn id(&self) -> String {
        let what = match self.about {
            About::Import(import) => import.id.key.clone(),
            About::Connection { connection, .. } => {
                let whose = format!("{}/{}", connection.caller.tenant, connection.name);
                format!("{:x}", Sha256::digest(whose))
            }
            About::Document { connection, .. } => format!("{:x}", Sha256::digest(connection)),
        };
        format!("{what}/{}/{}", self.kind.as_ref(), to_the_second(self.since))
    }

    /// The body in this format, and its media type.
    #[must_use]
    pub fn body(&self, format: Format) -> (Value, &'static str) {
        match format {
            Format::Teams => (self.teams(), "application/json"),
            Format::Slack => (self.slack(), "application/json"),
            Format::CloudEvents => (self.cloud_event(), "application/cloudevents+json"),
        }
    }

    /// Source: "Create an incoming webhook", Microsoft Teams: a message with one Adaptive Card.
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
                block(&self.message(), json!({})),
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
        let (title, message) = (plain(&self.title()), plain(&self.message()));
        json!({ "text": format!("*{title}*\n{message}\n{}{page}", plain(&self.action())) })
    }

    /// Source: the specification of CloudEvents 1.0. The same event always has the same id.
    fn cloud_event(&self) -> Value {
        let import = match self.about {
            About::Import(import) => Some(import),
            About::Connection { .. } | About::Document { .. } => None,
        };
        let connection = match self.about {
            About::Import(import) => &import.connection,
            About::Connection { connection, .. } => &connection.name,
            About::Document { connection, .. } => connection,
        };
        let file = import.map(|import| import.source.file());
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id(),
            "source": format!("/viva-import/connections/{connection}"),
            "type": format!("viva-import.{}", self.kind.as_ref()),
            "subject": file,
            "time": to_the_second(self.since),
            "datacontenttype": "application/json",
            "data": {
                "connection": connection,
                "file": file,
                "import": import.map(|import| import.id.name()),
                "state": import.map(|import| import.state.as_ref()),
                "rows": import.and_then(|import| import.rows),
                "errorCount": import.map(|import| import.error_count),
                "message": self.message(),
                "recommendedAction": self.action(),
                "page": self.page,
            },
        });
        // A missing attribute is left out; the members of `data` are always present.
        if let Some(event) = event.as_object_mut().filter(|_| file.is_none()) {
            event.shift_remove("subject");
        }
        event
    }
}

/// The text with the Markdown characters of a card escaped.
fn unmarked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for notification in text.chars() {
        if "\\`*_[]()#<>".contains(notification) {
            plain.push('\\');
        }
        plain.push(notification);
    }
    plain
}

/// Why a notification was not sent. The address is a secret and in no message.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The setting with the address does not exist.
    #[error("setting {0}, which has the address of the webhook, does not exist")]
    NoSetting(String),
    /// The setting has no address that is allowed.
    #[error("setting {0} has no https address (is its Key Vault reference resolved?)")]
    NoAddress(String),
    /// The setting with the signing secret does not exist.
    #[error(
        "setting {0}, which has the signing secret, does not exist; nothing is sent without it"
    )]
    NoSigningSetting(String),
    /// The setting has no signing secret.
    #[error(
        "setting {0} has no signing secret: `whsec_` and at least 24 bytes in base64 (is its Key Vault \
         reference resolved?)"
    )]
    NoSecret(String),
    /// The client could not be created.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The webhook did not answer.
    #[error("the webhook did not answer within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
    /// The connection broke.
    #[error("{}", http::broke(.0))]
    Broken(#[source] reqwest::Error),
    /// The webhook answered with an error.
    #[error("the webhook answered {0}")]
    Refused(StatusCode),
}

/// Sends a notification once, at `now`. Any 2xx is a success: the formats have no common answer.
///
/// # Errors
/// Why it was not sent. If the signing secret is configured but missing, nothing is sent.
pub async fn send(
    notification: &Notification<'_>,
    notify: &Notify,
    setting: &Lookup,
    now: OffsetDateTime,
) -> Result<(), NotifyError> {
    let address = address(notify, setting)?;
    let key = signing_key(notify, setting)?;
    let client = http::build(http::client((&address).into()), "the webhook")?;
    let (body, media_type) = notification.body(notify.format);
    let body = body.to_string();
    let mut request = client.post(address).header(CONTENT_TYPE, media_type);
    if let Some(key) = key {
        for (name, value) in signed(&key, &notification.id(), now, &body) {
            request = request.header(name, value);
        }
    }
    let request = request.body(body);
    // Only the status counts, so the body of the answer is not awaited.
    let answer = tokio::time::timeout(TIME_LIMIT, request.send()).await;
    let answer = answer.map_err(|_| NotifyError::TimedOut)?;
    let answer = answer.map_err(|error| NotifyError::Broken(error.without_url()))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(NotifyError::Refused(status)) }
}

/// The address in the setting. It is a secret and never logged.
///
/// # Errors
/// The setting has no valid address.
pub fn address(notify: &Notify, setting: &Lookup) -> Result<Url, NotifyError> {
    let name = &notify.setting;
    let text = setting(name).ok_or_else(|| NotifyError::NoSetting(name.clone()))?;
    let url = Url::parse(text.trim()).ok();
    url.filter(|url| url.scheme() == "https" || is_loopback_http(url))
        .ok_or_else(|| NotifyError::NoAddress(name.clone()))
}

/// The key that signs notifications; `None` if no setting is configured. As in Standard Webhooks, the setting
/// holds its bytes as base64 after `whsec_`; a line break at the end is ignored.
///
/// # Errors
/// A setting is configured but has no secret.
pub fn signing_key(notify: &Notify, setting: &Lookup) -> Result<Option<hmac::Key>, NotifyError> {
    let Some(name) = &notify.signing_setting else { return Ok(None) };
    let text = setting(name).ok_or_else(|| NotifyError::NoSigningSetting(name.clone()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    let secret = text.strip_prefix(BASE64_SECRET);
    let secret = secret.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
    let secret = secret.filter(|secret| secret.len() >= FEWEST_SECRET_BYTES);
    let secret = secret.ok_or_else(|| NotifyError::NoSecret(name.clone()))?;
    Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
}

/// The headers of a signed notification.
///
/// Source: the specification of Standard Webhooks 1.0.0: id, timestamp and body are signed, with full stops
/// between them. The timestamp is the time of this attempt, so that a repetition is not rejected as old.
fn signed(
    key: &hmac::Key,
    id: &str,
    now: OffsetDateTime,
    body: &str,
) -> [(&'static str, String); 3] {
    let timestamp = now.unix_timestamp();
    let tag = hmac::sign(key, format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = format!("v1,{}", BASE64_STANDARD.encode(tag));
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: Option<&str>) -> Result<Option<hmac::Key>, NotifyError> {
        let notify = Notify {
            setting: "HOOK".to_owned(),
            format: Format::CloudEvents,
            signing_setting: Some("SECRET".to_owned()),
            completed: false,
        };
        let secret = secret.map(str::to_owned);
        signing_key(&notify, &move |name: &str| secret.clone().filter(|_| name == "SECRET"))
    }

    /// Source: the example in the libraries of Standard Webhooks.
    #[test]
    fn a_notification_is_signed_as_the_libraries_of_standard_webhooks_do() {
        let key = key(Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap().unwrap();
        let sent = OffsetDateTime::from_unix_timestamp(1_614_265_330).unwrap();
        let headers = signed(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", sent, "{\"test\": 2432232314}");
        let expected = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(
            headers.map(|(name, value)| (name, value)),
            expected.map(|(n, v)| (n, v.to_owned()))
        );
    }

    #[test]
    fn only_whsec_and_enough_bytes_in_base64_are_accepted_as_a_secret() {
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for secret in [good.to_owned(), format!("{good}\r\n")] {
            assert!(key(Some(&secret)).unwrap().is_some());
        }
        let reference = "@Microsoft.KeyVault(SecretUri=https://v/hunter2)";
        let long = "hunter2hunter2hunter2hunter2hunter2hunter2";
        for secret in [
            Some(""),
            Some("whsec_"),
            Some("whsec_hunter2!"),
            Some("whsec_aHVudGVyMg=="),
            Some(long),
            Some(reference),
            None,
        ] {
            let error = key(secret).unwrap_err().to_string();
            assert!(error.contains("SECRET") && !error.contains("hunter2"), "{error}");
        }
    }
}
