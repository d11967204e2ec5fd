//! Who calls the service: from the command line, or from a connection document.

use super::{CallerOptions, Desk, read};
use crate::{
    config::{self, ServiceConfig},
    connection::Connection,
    outcome::CommandError,
    schema::{self, Fault, ServiceIdentity},
    target::viva::Service,
};

/// Where a fault of the document that stands for the command line is there.
const FLAGS: [(&str, &str); 9] = [
    ("/tenantId", "--tenant"),
    ("/connector", "--connector"),
    ("/scaleUnit", "--scale-unit"),
    ("/credential/clientId", "--client-id"),
    ("/credential/identityClientId", "--identity"),
    ("/credential/file", "--certificate"),
    ("/credential/passwordSetting", "--password-from"),
    ("/credential/setting", "--secret-from or --token-from"),
    ("/credential", "--credential"),
];

/// Who calls, and the connection where one was named.
///
/// # Errors
/// What is missing or wrong, by the names of the command line.
pub(super) fn caller(
    wishes: &CallerOptions,
) -> Result<(ServiceIdentity, Option<Connection>), CommandError> {
    if let Some(path) = &wishes.connection {
        let connection = Connection::parse("given", &read(path)?).map_err(|faults| {
            format!("{} cannot be used: {}", path.display(), schema::sentence(&faults))
        })?;
        return Ok((connection.caller.clone(), Some(connection)));
    }
    let caller = ServiceIdentity::parse(wishes.document.to_string().as_bytes());
    Ok((caller.map_err(|faults| by_flags(&faults))?, None))
}

impl Desk {
    /// The service that the settings, or the command line, name.
    ///
    /// # Errors
    /// The settings' faults.
    pub(super) fn service(&self, wishes: &CallerOptions) -> Result<Service, String> {
        let config = self.service_config(wishes)?;
        Service::new(config, self.setting.clone()).map_err(|error| error.to_string())
    }

    fn service_config(&self, wishes: &CallerOptions) -> Result<ServiceConfig, String> {
        let get = |name: &str| match &wishes.endpoint {
            Some(endpoint) if name == "INGESTION_ENDPOINT" => Some(endpoint.clone()),
            _ => (self.setting)(name),
        };
        config::service(get).map_err(|faults| {
            let faults = faults.to_string();
            match &wishes.endpoint {
                Some(_) => faults.replace("INGESTION_ENDPOINT", "--endpoint"),
                None => faults,
            }
        })
    }
}

/// Faults by the names of the command line.
fn by_flags(faults: &[Fault]) -> String {
    let told = faults.iter().map(|fault| {
        let flag = FLAGS.iter().find(|(at, _)| fault.at == *at);
        let at = flag.map_or(fault.at.as_str(), |(_, flag)| flag);
        if fault.is_unknown {
            return format!("{at}: this credential has no use for it");
        }
        format!("{at}: {}", fault.what)
    });
    told.collect::<Vec<_>>().join("; ").replace(char::is_control, "\u{fffd}")
}
