//! The guide for those who move here from Microsoft's four options: its commands are run as they are
//! printed there, one after the other.

use std::{path::Path, sync::Arc};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::process::Command;
use viva_import::{
    config::{CONNECTIONS, Config, INBOX},
    engine::Engine,
    import::State,
    messages, target,
    testbed::{
        SAMPLE_CONNECTION,
        service::{Rules, Service},
    },
};

use crate::{
    authority::{Authority, Proof, az},
    identity::Secured,
    rules::case::zip,
    stage::BINARY,
    world::deliver,
};

const TENANT: &str = "0f2c1d3e-5b6a-4798-8a9b-c0d1e2f3a4b5";
const CLIENT: &str = "aaaaaaaa-1111-2222-3333-444444444444";
const SECRET: &str = "the-secret-of-the-app-registration";
const WHO: &str =
    "--tenant $TENANT --client-id $CLIENT --credential clientCertificate --certificate viva-hr.pem";
/// What stands in a cell of every file here.
const CELL: &str = "ana@contoso.com";

const EXPORT: &str = "PersonId,EffectiveDate,ManagerId,Organization,Cost_Center\n\
     ana@contoso.com,11/21/2026,,HQ,A\nbo@contoso.com,11/21/2026,ana@contoso.com,Sales,B\n";
const CHANGES: &str = "PersonId,EffectiveDate\nana@contoso.com,11/21/2026\n";
const ANSWERS: &str = "PersonId,Mood\nana@contoso.com,4\nbo@contoso.com,5\n";
const ROWS: &str = r#"[{"PersonId":"ana@contoso.com","Organization":"HQ"}]"#;
const TEMPLATE: &str = r#"{"DatasetType":"HR","IsBootstrap":"true","Mapping":{
    "PersonId":{"name":"PersonId","type":"EmailType"},
    "EffectiveDate":{"name":"EffectiveDate","type":"DateTime_MMDDYYYY"}}}"#;

/// The commands of the guide, in its order.
fn commands() -> Vec<String> {
    let guide = std::fs::read_to_string("src/guide/moving.md").unwrap();
    assert!(guide.contains(WHO), "the guide says what $WHO is");
    // Code blocks have three marks at each end, so that a word in code is an odd part before and after.
    let quoted = guide.split('`').skip(1).step_by(2);
    let commands = quoted.filter(|quoted| quoted.starts_with("viva-import "));
    commands.map(str::to_owned).filter(|command| command != "viva-import mock-service").collect()
}

/// A person's folder, and everybody that a command there speaks to.
struct World {
    folder: TempDir,
    service: Service,
    account: Secured,
    import: String,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let template = zip(&[("metadata.json", TEMPLATE), ("data.csv", "")]);
        for (name, content) in [
            ("export.csv", EXPORT.as_bytes()),
            ("changes.csv", CHANGES.as_bytes()),
            ("answers.csv", ANSWERS.as_bytes()),
            ("rows.json", ROWS.as_bytes()),
            ("template.zip", &template),
        ] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        // Any token, for several give them; and an ingestion ends at once.
        let rules = Rules { token: String::new(), ..Rules::default() };
        let service = Service::start(rules).await.unwrap();
        let account = Secured::new().await;
        let import =
            Box::pin(rejected(&account, &service, &folder.path().join("viva-hr.pem"))).await;
        Self { folder, service, account, import }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Runs a command; what it told and how it ended.
    async fn run(&self, command: &str, settings: &[(&'static str, String)]) -> (String, i32) {
        let id = self.service.ingestions().pop().map(|ingestion| ingestion.id).unwrap_or_default();
        let here = Path::new(BINARY).parent().unwrap().display().to_string();
        let storage_token = {
            let now = OffsetDateTime::now_utc().unix_timestamp();
            json!({ "accessToken": token(now), "expires_on": now + 3600, "tokenType": "Bearer" })
        };
        let path = az(self.folder.path(), &storage_token.to_string(), 0);
        let mut process = Command::new("sh");
        process
            .args(["-c", command])
            .current_dir(self.folder.path())
            .env("PATH", format!("{here}:{path}"))
            .envs([("TENANT", TENANT), ("CLIENT", CLIENT), ("ACCOUNT", "hrdata")])
            .env("WHO", WHO.replace("$TENANT", TENANT).replace("$CLIENT", CLIENT))
            .envs([("ID", &id), ("IMPORT", &self.import)])
            .env("AZURE_CLIENT_SECRET", SECRET)
            .env("INGESTION_ENDPOINT", self.service.endpoint().to_string())
            .env("POLL_MIN_SECONDS", "1")
            .envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
        let output = process.output().await.unwrap();
        let told = [output.stdout, output.stderr].concat();
        (String::from_utf8(told).unwrap(), output.status.code().unwrap())
    }
}

/// A token for storage of the shape that the emulator looks at.
fn token(now: i64) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
    });
    format!("{}.{}.c2ln", encode(json!({ "alg": "none", "typ": "JWT" })), encode(claims))
}

/// The deployed table has an import that was rejected; its id.
async fn rejected(account: &Secured, service: &Service, certificate: &Path) -> String {
    let mut connection: Value = serde_json::from_str(SAMPLE_CONNECTION).unwrap();
    connection["credential"] =
        json!({ "kind": "clientCertificate", "clientId": CLIENT, "file": certificate });
    account.put(CONNECTIONS, "hr.json", &connection.to_string()).await;
    account.put(INBOX, "hr/bad.csv", "Employee,EffectiveDate,Manager,Organization\nx,y,,z\n").await;
    let settings = account.settings();
    let config = Config::read(|name| match name {
        "INGESTION_ENDPOINT" => Some(service.endpoint().to_string()),
        "QUIET_SECONDS" => Some("0".to_owned()),
        name => settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    })
    .unwrap();
    let client = target::Service::new(config.service.clone(), Arc::new(|_| None)).unwrap();
    let storage = account.owners_view();
    let nothing = Arc::new(|_: &str| None);
    let engine = Engine::new(storage, client, config, nothing, Arc::new(OffsetDateTime::now_utc));
    assert_eq!(engine.sweep().await.unwrap(), 1);
    deliver(&engine).await.unwrap();
    let import = engine.imports().list().await.unwrap().pop().unwrap().import;
    assert_eq!(import.state, State::Rejected, "{}", messages::status(&import));
    import.id.key
}

#[tokio::test]
async fn every_command_of_the_page_that_moves_people_here_works_as_it_is_printed() {
    let world = Box::pin(World::new()).await;
    let commands = commands();
    assert!(commands.len() >= 20, "{commands:#?}");
    let (made, code) = world.run(&commands[0], &[]).await;
    assert_eq!((commands[0].as_str(), code), ("viva-import certificate viva-hr", 0), "{made}");

    let public = CertificateDer::from_pem_file(world.path("viva-hr.cer")).unwrap();
    let by_certificate = Authority::start(CLIENT, Proof::Certificate(public.to_vec())).await;
    let by_secret = Authority::start(CLIENT, Proof::Secret(SECRET)).await;
    let mut secrets = vec![SECRET.to_owned(), CELL.to_owned()];
    let key = std::fs::read_to_string(world.path("viva-hr.pem")).unwrap();
    secrets.push(key.lines().nth(5).unwrap().to_owned());
    for command in &commands[1..] {
        let authority = if command.contains("clientSecret") { &by_secret } else { &by_certificate };
        let settings = trusting_both(&world, authority);
        let (told, code) = world.run(command, &settings).await;
        // The last import of the deployed connection was rejected, and the doctor says so.
        let expected = i32::from(command.contains("doctor"));
        assert_eq!(code, expected, "{command}\n{told}");
        let note = "Add `--account hrdata` to a command that is shown here.";
        assert!(expected == 0 || told.contains(note), "{command}\n{told}");
        for secret in secrets.iter().chain(&authority.secrets()) {
            assert!(!told.contains(secret), "{command}\n{told}");
        }
    }
    let ended: Vec<String> = world.service.ingestions().into_iter().map(|it| it.status).collect();
    let pushes = commands.iter().filter(|command| command.contains("import push")).count();
    assert_eq!(ended, vec!["Completed"; pushes]);
    assert!(!by_certificate.given().is_empty() && !by_secret.given().is_empty());
}

/// The settings by which a command finds the authority and the account, and trusts both.
fn trusting_both(world: &World, authority: &Authority) -> Vec<(&'static str, String)> {
    let mut settings = [authority.settings(), world.account.settings()].concat();
    let is_trusted = |(name, _): &(&str, String)| *name == "SSL_CERT_FILE";
    let files = settings.iter().filter(|setting| is_trusted(setting));
    let both: String = files.map(|(_, file)| std::fs::read_to_string(file).unwrap()).collect();
    settings.retain(|setting| !is_trusted(setting));
    let file = world.path("trusted.pem");
    std::fs::write(&file, both).unwrap();
    settings.push(("SSL_CERT_FILE", file));
    settings
}
