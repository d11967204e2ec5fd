//! All issuers of tokens, over real HTTP: Microsoft Entra over TLS, the identity endpoint of App Service, and a
//! program named `az`.
//!
//! The endpoint of a virtual machine is not among them. `azure_identity` 1.0.0 uses the address
//! 169.254.169.254 and does not read `AZURE_POD_IDENTITY_AUTHORITY_HOST`, so a mock would need changes to the
//! machine's network.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path as InPath, Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
    server::TlsStream,
};
use tokio_util::task::AbortOnDropHandle;
use url::form_urlencoded;

mod judge;

/// The ids in each error that has a code.
pub(crate) const TRACE_ID: &str = "7d6c5b4a-0000-4000-8000-00000000000a";
pub(crate) const CORRELATION_ID: &str = "7d6c5b4a-0000-4000-8000-00000000000b";

/// The token with which an identity pushes.
pub(crate) const PUSH_TOKEN: &str = "token-of-the-identity-for-the-push";
/// The token that an identity uses as the assertion of an app registration.
pub(crate) const EXCHANGE_TOKEN: &str = "token-of-the-identity-for-the-exchange";
pub(crate) const SECRET_HEADER: &str = "secret-of-the-identity-endpoint";
pub(crate) const SCOPE: &str = "9d827643-d003-4cca-9dc8-71213a8f1644/.default";

/// The requests to the identity endpoint: resource and client id.
pub(crate) type Asked = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// Starts the identity endpoint of App Service; returns its address.
pub(crate) async fn identity_endpoint(asked: Asked) -> String {
    let token = async move |headers: HeaderMap, Query(query): Query<HashMap<String, String>>| {
        assert_eq!(headers["x-identity-header"], SECRET_HEADER);
        let resource = query["resource"].clone();
        asked.lock().unwrap().push((resource.clone(), query.get("client_id").cloned()));
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let token = match resource.as_str() {
            "https://storage.azure.com" => {
                let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
                let claims = json!({
                    "aud": resource,
                    "iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
                    "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
                });
                let head = encode(json!({ "alg": "none", "typ": "JWT" }));
                format!("{head}.{}.c2ln", encode(claims))
            }
            "api://AzureADTokenExchange" => EXCHANGE_TOKEN.to_owned(),
            _ => PUSH_TOKEN.to_owned(),
        };
        Json(json!({
            "access_token": token,
            "expires_on": (now + 3600).to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/msi/token", get(token));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/msi/token")
}

/// Writes a certificate for this machine and its certificate authority as PEM files into `folder`.
pub(crate) fn certificates(folder: &Path) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

/// Writes a program `az` into `folder`, which prints `prints` to both outputs, ends with the exit code `ends`,
/// and appends its arguments to the file `asked`; returns the PATH with it.
pub(crate) fn az(folder: &Path, prints: &str, ends: i32) -> String {
    let program = folder.join("az");
    let asked = folder.join("asked").display().to_string();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {asked}\ntee /dev/stderr <<'EOF'\n{prints}\nEOF\nexit {ends}\n"
    );
    std::fs::write(&program, script).unwrap();
    #[cfg(unix)]
    {
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, rights).unwrap();
    }
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// How an app registration authenticates.
pub(crate) enum Proof {
    Secret(&'static str),
    /// A statement signed with the key of this certificate, DER.
    Certificate(Vec<u8>),
    /// The identity's token.
    Identity,
}

/// An answer without a usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 400 with this code, and everything that was sent quoted after it.
    Code(u64),
    /// 400 with a page.
    Page,
    /// 500 with everything that was sent.
    Failing,
    /// 200 and invalid JSON, with everything that was sent.
    Garbled,
    /// 200 and JSON without a token.
    NoToken,
    /// No answer.
    Silent,
}

/// Microsoft Entra with one app registration, which any tenant knows.
pub(crate) struct Authority {
    address: SocketAddr,
    world: Arc<World>,
    folder: TempDir,
    _server: AbortOnDropHandle<()>,
}

struct World {
    host: String,
    client_id: &'static str,
    proof: Proof,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// The seconds that a token is valid; `None` for an hour.
    lifetime: Option<u64>,
    fault: Option<Fault>,
    /// The tenants of the tokens that were issued.
    given: Vec<String>,
    /// What was wrong with a request.
    complaints: Vec<String>,
    /// Everything that must not be shown.
    secrets: Vec<String>,
}

impl Authority {
    pub(crate) async fn start(client_id: &'static str, proof: Proof) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let chain = CertificateDer::from_pem_file(folder.path().join("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![chain], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = format!("https://{address}");
        let world = Arc::new(World { host, client_id, proof, book: Mutex::default() });
        let router = Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(answer))
            .with_state(world.clone());
        let serve = async move {
            let _ = axum::serve(Tls { listener, acceptor }, router).await;
        };
        let server = AbortOnDropHandle::new(tokio::spawn(serve));
        Self { address, world, folder, _server: server }
    }

    /// The settings with its address and its certificate authority.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let trusted = self.folder.path().join("authority.pem").display().to_string();
        let host = format!("https://{}", self.address);
        vec![("AZURE_AUTHORITY_HOST", host), ("SSL_CERT_FILE", trusted)]
    }

    /// Sets the fault of all later answers.
    pub(crate) fn fault(&self, fault: Option<Fault>) {
        self.world.book().fault = fault;
    }

    /// Sets the seconds that later tokens are valid.
    pub(crate) fn lifetime(&self, seconds: u64) {
        self.world.book().lifetime = Some(seconds);
    }

    /// The tenants of the tokens that it issued. It panics if a request was invalid.
    pub(crate) fn given(&self) -> Vec<String> {
        let book = self.world.book();
        assert!(book.complaints.is_empty(), "{:#?}", book.complaints);
        book.given.clone()
    }

    /// Every secret that was sent to it or issued by it.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.world.book().secrets.clone()
    }
}

impl World {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

async fn answer(
    State(world): State<Arc<World>>,
    InPath(tenant): InPath<String>,
    body: Bytes,
) -> Response {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let sent = String::from_utf8_lossy(&body).into_owned();
    let fault = {
        let mut book = world.book();
        for name in ["client_secret", "client_assertion"] {
            book.secrets.extend(form.get(name).cloned());
        }
        if let Err(complaint) = world.judge(&tenant, &form) {
            book.complaints.push(complaint);
        }
        book.fault
    };
    let refusal = |code: u64| {
        // As Entra writes it, with line ends in the text.
        json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS{code}: no, not with {form:?}.\r\nTrace ID: {sent}"),
            "error_codes": [code],
            "trace_id": TRACE_ID,
            "correlation_id": CORRELATION_ID,
            "timestamp": "2026-11-30 07:00:00Z",
        })
    };
    match fault {
        Some(Fault::Code(code)) => (StatusCode::BAD_REQUEST, Json(refusal(code))).into_response(),
        Some(Fault::Page) => {
            (StatusCode::BAD_REQUEST, Html(format!("<html>{sent}</html>"))).into_response()
        }
        Some(Fault::Failing) => (StatusCode::INTERNAL_SERVER_ERROR, sent).into_response(),
        Some(Fault::Garbled) => format!("{{\"access_token\": {sent}").into_response(),
        Some(Fault::NoToken) => Json(json!({ "token_type": "Bearer" })).into_response(),
        Some(Fault::Silent) => std::future::pending().await,
        None => {
            let mut book = world.book();
            book.given.push(tenant);
            let token = format!("token-of-entra-{}-{}", book.given.len(), world.client_id);
            book.secrets.push(token.clone());
            let expires_in = book.lifetime.unwrap_or(3600);
            let token = json!({
                "token_type": "Bearer", "expires_in": expires_in, "access_token": token,
            });
            Json(token).into_response()
        }
    }
}

/// Connections over TLS.
struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A certificate of the fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}
