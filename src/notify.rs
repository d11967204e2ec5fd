//! The message to somebody when a person is needed, and the one way it goes out.
//!
//! It says which file, which connection, where the import stands and what to do; it never holds a
//! cell's value, nor the key that opens the status page. Where a secret is named it is signed as the
//! specification of Standard Webhooks says, so that the other side can tell it from one of somebody else.

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
    import::{Import, NotificationKind, to_the_second},
    messages,
    schema::{Format, Notify},
};

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a secret begins with; its bytes follow in base64. Source: Standard Webhooks 1.0.0, which wants 24 to 64.
const BASE64_SECRET: &str = "whsec_";
const FEWEST_SECRET_BYTES: usize = 24;

/// A message, in words.
#[derive(Debug)]
pub struct Notification<'a> {
    /// What happened.
    pub occasion: NotificationKind,
    /// When.
    pub since: OffsetDateTime,
    /// To what.
    pub about: About<'a>,
    /// Where the import can be looked at, for whoever may.
    pub page: Option<String>,
}

/// What something has happened to.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// An import; where nothing has come since, the last one that did.
    Import(&'a Import),
    /// A connection of which no file has come, and so there is no import.
    Connection {
        /// The connection.
        connection: &'a Connection,
        /// Since when a file is waited for.
        since: OffsetDateTime,
        /// How often one is expected, in days.
        every_days: u32,
    },
}

impl Notification<'_> {
    fn title(&self) -> String {
        match self.about {
            About::Import(import) => messages::title(self.occasion, import),
            About::Connection { connection, .. } => messages::overdue_title(&connection.name),
        }
    }

    fn told(&self) -> String {
        match self.about {
            About::Import(import) => messages::told(self.occasion, import),
            About::Connection { since, every_days, .. } => messages::never_came(since, every_days),
        }
    }

    fn action(&self) -> String {
        match self.about {
            About::Import(import) => messages::action_at(self.occasion, import),
            About::Connection { .. } => messages::OVERDUE_ACTION.to_owned(),
        }
    }

    /// What the event is called: once more the same where it is sent once more, and no full stop in it, since
    /// those separate what is signed.
    #[must_use]
    pub fn id(&self) -> String {
        let what = match self.about {
            About::Import(import) => import.id.key.clone(),
            About::Connection { connection, .. } => {
                let whose = format!("{}/{}", connection.caller.tenant, connection.name);
                format!("{:x}", Sha256::digest(whose))
            }
        };
        format!("{what}/{}/{}", self.occasion.as_ref(), to_the_second(self.since))
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
        let import = match self.about {
            About::Import(import) => Some(import),
            About::Connection { .. } => None,
        };
        let connection = match self.about {
            About::Import(import) => &import.connection,
            About::Connection { connection, .. } => &connection.name,
        };
        let file = import.map(|import| import.source.file());
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id(),
            "source": format!("/viva-import/connections/{connection}"),
            "type": format!("viva-import.{}", self.occasion.as_ref()),
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
                "message": self.told(),
                "recommendedAction": self.action(),
                "page": self.page,
            },
        });
        // An attribute that there is not is left out; members of the data are always there.
        if let Some(event) = event.as_object_mut().filter(|_| file.is_none()) {
            event.shift_remove("subject");
        }
        event
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
    /// The setting of the secret to sign by is not there.
    #[error("there is no setting {0} with the secret to sign by, and nothing is sent without it")]
    NoSigningSetting(String),
    /// The setting holds no secret to sign by.
    #[error(
        "the setting {0} holds no secret to sign by: whsec_ and at least 24 bytes in base64 (a reference \
         to a Key Vault that cannot be resolved is none)"
    )]
    NoSecret(String),
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

/// Sends a letter once; it is `now`. Any 2xx counts: the formats have no answer in common.
///
/// # Errors
/// Why it did not arrive. Without the secret that is named nothing is sent.
pub async fn send(
    letter: &Notification<'_>,
    notify: &Notify,
    setting: &Lookup,
    now: OffsetDateTime,
) -> Result<(), NotifyError> {
    let address = address(notify, setting)?;
    let key = signing_key(notify, setting)?;
    let client = http::build(http::client((&address).into()), "the webhook")?;
    let (body, media_type) = letter.body(notify.format);
    let body = body.to_string();
    let mut request = client.post(address).header(CONTENT_TYPE, media_type);
    if let Some(key) = key {
        for (name, value) in signed(&key, &letter.id(), now, &body) {
            request = request.header(name, value);
        }
    }
    let request = request.body(body);
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

/// The key that messages are signed by; `None` where they are not. The setting holds its bytes as base64
/// behind `whsec_`, as Standard Webhooks has it; a line's end behind them is none of them.
///
/// # Errors
/// Where a setting is named and holds none.
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

/// The headers of a message that is signed.
///
/// Source: the specification of Standard Webhooks 1.0.0: what is signed are id, time stamp and body, with
/// full stops between them. The time is that of the sending, so that a repetition is as young as its sending.
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

    /// Source: the example of the libraries of Standard Webhooks.
    #[test]
    fn a_message_is_signed_as_the_libraries_of_standard_webhooks_do() {
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
    fn a_secret_is_whsec_and_enough_bytes_in_base64_and_nothing_else_is_taken_for_one() {
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
