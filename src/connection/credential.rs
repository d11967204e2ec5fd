//! Who calls the service, and for whom: what a push needs besides the file, the member `credential` among
//! it.
//!
//! A credential names things and never holds a secret: a secret, a token or a password is only ever in a
//! setting, which may be a reference to a Key Vault.

use serde_json::{Map, Value};

use super::{Reader, read};
use crate::schema::{
    Certificate, Credential, Fault, ServiceIdentity, Target, document, is_guid, is_plain_name,
};

const AT: &str = "/credential";
/// Members under which somebody may have written a secret.
const SECRETS: [&str; 4] = ["secret", "clientSecret", "password", "token"];

/// The longest name of a setting that is taken for one.
const MAX_NAME_BYTES: usize = 64;

impl Reader {
    pub(super) fn credential(&mut self, members: &Map<String, Value>) -> Option<Credential> {
        match self.text(AT, members, "kind").unwrap_or_default() {
            "managedIdentity" => {
                self.only(members, &["kind", "clientId"]);
                let client_id = self.optional_client_id(members, "clientId");
                Some(Credential::ManagedIdentity { client_id })
            }
            "federatedIdentity" => {
                self.only(members, &["kind", "clientId", "identityClientId"]);
                let client_id = self.client_id(members);
                let identity = self.optional_client_id(members, "identityClientId");
                Some(Credential::FederatedIdentity { client_id: client_id?, identity })
            }
            "clientCertificate" => {
                self.only(members, &["kind", "clientId", "file", "setting", "passwordSetting"]);
                let client_id = self.client_id(members);
                let certificate = self.certificate(members);
                let password = self.setting(members, "passwordSetting");
                Some(Credential::ClientCertificate {
                    client_id: client_id?,
                    certificate: certificate?,
                    password,
                })
            }
            "clientSecret" => {
                self.only(members, &["kind", "clientId", "setting"]);
                let client_id = self.client_id(members);
                self.text(AT, members, "setting")?;
                let setting = self.setting(members, "setting")?;
                Some(Credential::ClientSecret { client_id: client_id?, setting })
            }
            "azureCli" => {
                self.only(members, &["kind"]);
                Some(Credential::AzureCli)
            }
            "accessToken" => {
                self.only(members, &["kind", "setting"]);
                self.text(AT, members, "setting")?;
                let setting = self.setting(members, "setting")?;
                Some(Credential::AccessToken { setting })
            }
            kind => {
                self.refuse_unknown(AT, members, &["kind", "clientId", "setting"]);
                if !kind.is_empty() {
                    let known = "must be \"managedIdentity\", \"federatedIdentity\", \
                                 \"clientCertificate\", \"clientSecret\", \"azureCli\" or \
                                 \"accessToken\"";
                    self.fault("/credential/kind", known);
                }
                None
            }
        }
    }

    /// Refuses what is not known here, and says of a secret where it belongs.
    fn only(&mut self, members: &Map<String, Value>, known: &[&str]) {
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            let pointer = format!("{AT}/{}", document::escaped(key));
            if SECRETS.contains(&key.as_str()) {
                let what = "a secret never stands here: put it into a setting, best as a reference \
                            to a Key Vault, and name that setting";
                self.fault(&pointer, what);
            } else {
                self.unknown(&pointer, known);
            }
        }
    }

    fn certificate(&mut self, members: &Map<String, Value>) -> Option<Certificate> {
        let file = self.optional_text(AT, members, "file");
        let setting = self.setting(members, "setting");
        if members.contains_key("file") == members.contains_key("setting") {
            let what = "must name the certificate by exactly one of \"file\" and \"setting\"";
            self.fault(AT, what);
        }
        file.map(|path| Certificate::File(path.into()))
            .or_else(|| setting.map(Certificate::Setting))
    }

    /// The name of a setting. Somebody may have put the secret itself there, so it is not quoted.
    fn setting(&mut self, members: &Map<String, Value>, key: &str) -> Option<String> {
        let name = self.optional_text(AT, members, key)?;
        let is_name = is_setting_name(name);
        if !is_name {
            let what = "must be the name of a setting: letters, digits and _, at most 64. If it is \
                        the secret itself, that is compromised where this document can be read";
            self.fault(&format!("{AT}/{key}"), what);
        }
        is_name.then(|| name.to_owned())
    }

    fn client_id(&mut self, members: &Map<String, Value>) -> Option<String> {
        self.text(AT, members, "clientId")?;
        self.optional_client_id(members, "clientId")
    }

    fn optional_client_id(&mut self, members: &Map<String, Value>, key: &str) -> Option<String> {
        let id = self.optional_text(AT, members, key)?;
        if !is_guid(id) {
            self.fault(&format!("{AT}/{key}"), "must be a client id, a GUID");
        }
        Some(id.to_owned())
    }
}

/// Whether a setting may be called so.
pub(super) fn is_setting_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The members of a document that say it.
pub(super) const KNOWN: [&str; 4] = ["tenantId", "connector", "credential", "scaleUnit"];

impl ServiceIdentity {
    /// Reads a document that says no more than this.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(document: &[u8]) -> Result<Self, Vec<Fault>> {
        let (members, mut reader) = read(document)?;
        reader.refuse_unknown("", &members, &KNOWN);
        let caller = reader.caller(&members);
        caller.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
    }
}

impl Reader {
    pub(super) fn caller(&mut self, members: &Map<String, Value>) -> Option<ServiceIdentity> {
        let tenant = self.text("", members, "tenantId").and_then(|id| {
            let good = is_guid(id);
            if !good {
                self.fault("/tenantId", "must be the tenant's id, a GUID");
            }
            good.then(|| id.to_ascii_lowercase())
        });
        let connector = self.text("", members, "connector").and_then(|word| {
            let connector = word.parse().ok();
            if connector.is_none() {
                self.fault("/connector", "must be \"HR\" or \"Survey\"");
            }
            connector
        });
        let scale_unit = self.optional_text("", members, "scaleUnit").map(str::to_owned);
        if scale_unit.as_deref().is_some_and(|unit| !is_plain_name(unit)) {
            self.fault("/scaleUnit", "must be letters, digits and hyphens, like novaprdwus2-01");
        }
        let credential =
            self.object("", members, "credential").and_then(|members| self.credential(members));
        Some(ServiceIdentity {
            target: Target::default(),
            tenant: tenant?,
            connector: connector?,
            credential: credential?,
            scale_unit,
        })
    }
}

#[cfg(test)]
mod tests;
