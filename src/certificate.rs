//! `viva-import certificate`: creates a certificate for an app registration, with a public part for the
//! administrator and a private part for the program.
//!
//! It never overwrites a file. From the start, only its owner can read the private part.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use azure_core::credentials::Secret;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    outcome::{Argument, CommandError, CommandOutput, command_line},
    schema::is_connection_name,
};

/// The longest validity of a certificate, in days.
const MAX_DAYS: u32 = 3650;

/// A new certificate.
pub struct Made {
    /// Its name: the subject's common name, and the name of the files.
    pub name: String,
    /// The public part, PEM.
    pub certificate: String,
    /// The private key, PKCS#8 in PEM.
    pub key: Secret,
    /// The SHA-1 of the certificate as the portal shows it: upper case, without colons.
    pub thumbprint: String,
    /// When it expires.
    pub expires: OffsetDateTime,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The two files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `NAME.cer`, the certificate without the private key.
    pub public: PathBuf,
    /// `NAME.pem`, the private key and the certificate.
    pub private: PathBuf,
}

/// Creates an RSA key of 2048 bits, which Microsoft Entra accepts, and a self-signed certificate that is valid
/// for `days` from `now`.
///
/// # Errors
/// If the name cannot be the name of a file, or `days` is not from 1 to 3650.
pub fn make(name: &str, days: u32, now: OffsetDateTime) -> Result<Made, String> {
    if !is_connection_name(name) {
        let why = "the name must be at most 64 letters, digits, -, _ and ., and begin with a letter or digit";
        return Err(why.to_owned());
    }
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(format!("a certificate must be valid for 1 to {MAX_DAYS} days"));
    }
    let failed = |error: rcgen::Error| format!("the certificate cannot be created: {error}");
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
    let mut wanted = CertificateParams::default();
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted.is_ca = IsCa::ExplicitNoCa;
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    // The authority's clock may be a little behind.
    wanted.not_before = now - Duration::minutes(10);
    wanted.not_after = now + Duration::days(days.into());
    let expires = wanted.not_after;
    let certificate = wanted.self_signed(&key).map_err(failed)?;
    let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
    Ok(Made {
        name: name.to_owned(),
        certificate: certificate.pem(),
        key: Secret::new(key.serialize_pem()),
        thumbprint: thumbprint.as_ref().iter().map(|byte| format!("{byte:02X}")).collect(),
        expires,
    })
}

/// Writes both files into a folder, which is created if it does not exist.
///
/// # Errors
/// If a file exists already or cannot be written; then neither is left behind.
pub fn write(made: &Made, folder: &Path) -> Result<Files, String> {
    let files = Files {
        public: folder.join(format!("{}.cer", made.name)),
        private: folder.join(format!("{}.pem", made.name)),
    };
    let failed = |path: &Path, error: &io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            format!(
                "{} already exists, so no file was written\nChoose another name or folder.",
                path.display()
            )
        } else {
            format!("{} cannot be written: {error}", path.display())
        }
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut public = create(&files.public, false).map_err(|error| failed(&files.public, &error))?;
    let private = create(&files.private, true).and_then(|mut private| {
        let written = private
            .write_all(made.key.secret().as_bytes())
            .and_then(|()| private.write_all(made.certificate.as_bytes()));
        written.inspect_err(|_| drop(fs::remove_file(&files.private)))
    });
    let written = private.map_err(|error| failed(&files.private, &error)).and_then(|()| {
        let written = public.write_all(made.certificate.as_bytes());
        written.map_err(|error| failed(&files.public, &error))
    });
    written.inspect_err(|_| drop(fs::remove_file(&files.public)))?;
    Ok(files)
}

/// Creates a new file.
fn create(path: &Path, is_private: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    // On other systems, the permissions of the folder apply.
    #[cfg(not(unix))]
    let _ = is_private;
    options.open(path)
}

/// Creates a certificate and writes its files; returns the text for the user.
///
/// # Errors
/// If it cannot be created or written.
pub fn run(
    name: &str,
    days: u32,
    folder: &Path,
    now: OffsetDateTime,
) -> Result<CommandOutput, CommandError> {
    let made = make(name, days, now)?;
    let Files { public, private } = write(&made, folder)?;
    let push = command_line(&[
        Argument::Word(
            "viva-import push info.zip --tenant $TENANT --client-id $CLIENT --credential \
             clientCertificate --certificate",
        ),
        Argument::File(&private),
    ]);
    let import = command_line(&[
        Argument::Word("az keyvault secret set --vault-name $VAULT --name"),
        Argument::Value(name),
        Argument::Word("--file"),
        Argument::File(&private),
    ]);
    let (public, private) = (public.display().to_string(), private.display().to_string());
    let Made { thumbprint, expires, .. } = made;
    let text = format!(
        "{public}: the public part\n\
         {private}: the private key and the certificate. Keep this file secret.\n\
         The certificate expires on {}. Its thumbprint is {thumbprint}.\n\
         \n\
         Next:\n\
         1. Give {public} to the administrator of Microsoft Entra, who uploads it to the app registration\n\
         \x20  under Certificates & secrets.\n\
         2. To push from this machine:\n\
         \x20  `{push}`\n\
         3. To push from the app, store the file as a secret of a Key Vault and name the secret in a setting of\n\
         \x20  the app. Then delete {private}:\n\
         \x20  `{import}`",
        expires.date()
    );
    let json = json!({
        "certificate": public, "privateKey": private, "thumbprint": thumbprint,
        "expires": expires.format(&Rfc3339).unwrap_or_default(),
    });
    Ok(CommandOutput::done(text, json))
}

#[cfg(test)]
mod tests;
