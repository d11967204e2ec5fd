//! Where a way ends, and how that is told.

use std::error::Error;

/// Where the way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    Name,
    Connection,
    Tls,
    Proxy,
    Silence,
    Midway,
    /// Somebody answers who is not Azure Storage.
    Stranger,
}

impl Broken {
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Name => "its name is not known to the DNS",
            Self::Connection => "there is no connection to it",
            Self::Tls => "no TLS can be agreed with it, or its certificate is not trusted",
            Self::Proxy => "the proxy is not there, or does not let this through",
            Self::Silence => "no answer came in time",
            Self::Midway => "the connection broke before an answer",
            Self::Stranger => {
                "it is not Azure Storage that answers: its headers x-ms-... are missing"
            }
        }
    }
}

/// Tells by the words of its causes where an exchange failed, for they have no types in common.
pub(super) fn broken(error: &reqwest::Error) -> Broken {
    // The error's own words hold the address, in which anything may stand.
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    let words: String = causes.map(|cause| format!("{cause}\n").to_lowercase()).collect();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["tunnel error", "proxy", "socks"]) {
        Broken::Proxy
    } else if says(&["dns error"]) {
        Broken::Name
    } else if says(&["certificate", "tls", "handshake", "corrupt message"]) {
        Broken::Tls
    } else if error.is_timeout() {
        Broken::Silence
    } else if error.is_connect() {
        Broken::Connection
    } else {
        Broken::Midway
    }
}
