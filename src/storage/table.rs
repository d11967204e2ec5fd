//! A thin client of Azure Table Storage over the Azure SDK's pipeline.
//!
//! There is no maintained crate for tables, so this client does the six things that the program needs:
//! create, get, replace and delete with If-Match, query, and the entity-group transaction. Retries, bearer
//! tokens and request ids come from the pipeline.
//! Source: "Table service REST API" of the Azure Storage reference.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    Error, Result,
    credentials::TokenCredential,
    error::ErrorKind,
    http::{
        ClientOptions, Context, Etag, Method, Pipeline, RawResponse, Request, StatusCode, Url,
        headers::HeaderName,
        policies::{Policy, PolicyResult, auth::BearerTokenAuthorizationPolicy},
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::schema::document;

/// The oldest version that accepts Entra tokens for tables.
const API_VERSION: &str = "2020-12-06";
/// The most rows of one answer without `$top`.
const PAGE_ROWS: usize = 1000;
/// The error codes of a 404 that is not about a row.
const ABOVE_ROWS: [&str; 2] = ["TableNotFound", "AccountNotFound"];
const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");
const MINIMAL_METADATA: &str = "application/json;odata=minimalmetadata";
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A row's properties by name, including `PartitionKey` and `RowKey`.
pub type Properties = Map<String, Value>;

/// A row with the ETag that a later write must match.
#[derive(Clone, Debug)]
pub struct Row {
    /// The version of the row when it was read.
    pub etag: Etag,
    /// Its properties.
    pub properties: Properties,
}

/// One write of an entity-group transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// The row must not exist.
    Insert(Properties),
    /// The row must still have this ETag.
    Replace(Properties, Etag),
    /// The row may exist or not, and keeps its other properties.
    Merge(Properties),
    /// The row may exist or not, and is replaced.
    Put(Properties),
    /// The row with these keys must exist.
    Delete(Properties),
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    endpoint: Url,
    name: String,
    pipeline: Pipeline,
}

#[derive(Debug)]
struct VersionHeaders;

#[async_trait]
impl Policy for VersionHeaders {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header("x-ms-version", API_VERSION);
        request.insert_header("dataserviceversion", "3.0;NetFx");
        request.insert_header("maxdataserviceversion", "3.0;NetFx");
        next[0].send(context, request, &next[1..]).await
    }
}

impl Table {
    /// A client of table `name` at the account's table `endpoint`.
    ///
    /// Without a credential, `options.per_try_policies` must contain a signing policy.
    #[must_use]
    pub fn new(
        endpoint: Url,
        name: &str,
        credential: Option<Arc<dyn TokenCredential>>,
        options: ClientOptions,
    ) -> Self {
        let mut per_try: Vec<Arc<dyn Policy>> = vec![Arc::new(VersionHeaders)];
        if let Some(credential) = credential {
            let scope = ["https://storage.azure.com/.default"];
            per_try.push(Arc::new(BearerTokenAuthorizationPolicy::new(credential, scope)));
        }
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            vec![],
            per_try,
            None,
        );
        Self { endpoint, name: name.to_owned(), pipeline }
    }

    /// Creates the table unless it exists.
    ///
    /// # Errors
    /// Any error of the service but "already exists".
    pub async fn create_if_missing(&self) -> Result<()> {
        let mut request = Request::new(self.url("Tables"), Method::Post);
        request.insert_header("prefer", "return-no-content");
        request.set_json(&json!({ "TableName": self.name }))?;
        match self.send(request).await {
            Err(error) if error.http_status() == Some(StatusCode::Conflict) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Replaces a row that still has `etag`; returns its new ETag.
    ///
    /// # Errors
    /// 412 if the row has changed, 404 if it does not exist.
    pub async fn replace(&self, properties: &Properties, etag: &Etag) -> Result<Etag> {
        let mut request = Request::new(self.row_url(properties), Method::Put);
        request.insert_header("if-match", etag.to_string());
        request.set_json(properties)?;
        etag_of(&self.send(request).await?)
    }

    /// Deletes the row with these keys, if it still has `etag`, or whatever it has if `etag` is `*`.
    ///
    /// # Errors
    /// 412 if the row has changed, 404 if it does not exist.
    pub async fn delete(&self, keys: &Properties, etag: &Etag) -> Result<()> {
        let mut request = Request::new(self.row_url(keys), Method::Delete);
        request.insert_header("if-match", etag.to_string());
        self.send(request).await.map(drop)
    }

    /// Reads one row, `None` if it does not exist.
    ///
    /// # Errors
    /// Any other error of the service. A table that does not exist is one (`TableNotFound`).
    pub async fn get(&self, partition: &str, row: &str) -> Result<Option<Row>> {
        match self.send(Request::new(self.entity_url(partition, row), Method::Get)).await {
            Ok(answer) => Ok(Some(Row {
                etag: etag_of(&answer)?,
                properties: serde_json::from_slice(answer.body())?,
            })),
            Err(error) if is_missing_row(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All rows that match `filter` (`OData`), in the order of their keys.
    ///
    /// # Errors
    /// Any error of the service.
    pub async fn query(&self, filter: &str) -> Result<Vec<Row>> {
        self.query_first(filter, usize::MAX).await
    }

    /// The first `top` rows that match `filter` (`OData`), in the order of their keys.
    ///
    /// # Errors
    /// Any error of the service.
    pub(crate) async fn query_first(&self, filter: &str, top: usize) -> Result<Vec<Row>> {
        let (mut rows, mut next) = (vec![], None);
        loop {
            let left = top - rows.len();
            let (page, continuation) = self.query_page(filter, left, next.as_ref()).await?;
            rows.extend(page); // a page may be empty and still have a continuation
            rows.truncate(top);
            next = continuation;
            if next.is_none() || rows.len() == top {
                return Ok(rows);
            }
        }
    }

    async fn query_page(
        &self,
        filter: &str,
        top: usize,
        next: Option<&(String, Option<String>)>,
    ) -> Result<(Vec<Row>, Option<(String, Option<String>)>)> {
        let mut parameters = vec![("$filter", filter.to_owned())];
        if top < PAGE_ROWS {
            parameters.push(("$top", top.to_string()));
        }
        if let Some((partition, row)) = next {
            parameters.push(("NextPartitionKey", partition.clone()));
            parameters.extend(row.clone().map(|row| ("NextRowKey", row)));
        }
        let mut url = self.url(&format!("{}()", self.name));
        url.set_query(Some(&query_of(&parameters)));
        let answer = self.send(Request::new(url, Method::Get)).await?;
        let header = |name: &'static str| {
            answer.headers().get_optional_str(&HeaderName::from_static(name)).map(str::to_owned)
        };
        let continuation = header("x-ms-continuation-nextpartitionkey")
            .map(|partition| (partition, header("x-ms-continuation-nextrowkey")));
        let mut body: Properties = serde_json::from_slice(answer.body())?;
        let Some(Value::Array(values)) = body.remove("value") else {
            return Err(malformed("a query result without `value`"));
        };
        let rows = values
            .into_iter()
            .map(|value| {
                let properties: Properties = serde_json::from_value(value)?;
                let etag = properties.get("odata.etag").and_then(Value::as_str);
                let etag = etag.ok_or_else(|| malformed("a row without its ETag"))?;
                Ok(Row { etag: Etag::from(etag), properties })
            })
            .collect::<Result<_>>()?;
        Ok((rows, continuation))
    }

    /// Writes rows of one partition, all or none; returns the new ETag of the first row.
    ///
    /// # Errors
    /// The status of the first write that failed (412, 409, 404); then no row is written.
    pub async fn transact(&self, writes: &[Write]) -> Result<Etag> {
        let batch = format!("batch_{}", azure_core::Uuid::new_v4());
        let changes = format!("changeset_{}", azure_core::Uuid::new_v4());
        let mut body =
            format!("--{batch}\r\nContent-Type: multipart/mixed; boundary={changes}\r\n\r\n");
        for (number, write) in writes.iter().enumerate() {
            let (verb, url, properties, extra) = match write {
                Write::Insert(properties) => (
                    "POST",
                    self.url(&self.name),
                    Some(properties),
                    "Prefer: return-no-content\r\n".to_owned(),
                ),
                Write::Replace(properties, etag) => {
                    let condition = format!("If-Match: {etag}\r\n");
                    ("PUT", self.row_url(properties), Some(properties), condition)
                }
                Write::Merge(properties) => {
                    ("PATCH", self.row_url(properties), Some(properties), String::new())
                }
                Write::Put(properties) => {
                    ("PUT", self.row_url(properties), Some(properties), String::new())
                }
                Write::Delete(keys) => {
                    ("DELETE", self.row_url(keys), None, "If-Match: *\r\n".to_owned())
                }
            };
            let content = match properties {
                Some(properties) => {
                    let json = serde_json::to_string(properties)?;
                    format!("Content-Type: application/json\r\n\r\n{json}\r\n")
                }
                None => "\r\n".to_owned(),
            };
            body += &format!(
                "--{changes}\r\nContent-Type: application/http\r\n\
                 Content-Transfer-Encoding: binary\r\nContent-ID: {number}\r\n\r\n\
                 {verb} {url} HTTP/1.1\r\nAccept: {MINIMAL_METADATA}\r\n\
                 DataServiceVersion: 3.0;NetFx\r\n{extra}{content}"
            );
        }
        body += &format!("--{changes}--\r\n--{batch}--\r\n");
        let mut request = Request::new(self.url("$batch"), Method::Post);
        request.insert_header("content-type", format!("multipart/mixed; boundary={batch}"));
        request.set_body(body.into_bytes());
        transaction_etag(&self.send(request).await?)
    }

    async fn send(&self, mut request: Request) -> Result<RawResponse> {
        request.insert_header("accept", MINIMAL_METADATA);
        if request.headers().get_optional_str(&HeaderName::from_static("content-type")).is_none() {
            request.insert_header("content-type", "application/json");
        }
        self.pipeline.send(&Context::new(), &mut request, None).await.map_err(with_code_of_body)
    }

    fn url(&self, tail: &str) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}/{tail}", url.path().trim_end_matches('/')));
        url
    }

    fn row_url(&self, properties: &Properties) -> Url {
        let key = |name| properties.get(name).and_then(Value::as_str).unwrap_or_default();
        self.entity_url(key("PartitionKey"), key("RowKey"))
    }

    fn entity_url(&self, partition: &str, row: &str) -> Url {
        let quoted =
            |key: &str| utf8_percent_encode(&key.replace('\'', "''"), &UNRESERVED).to_string();
        let (partition, row) = (quoted(partition), quoted(row));
        self.url(&format!("{}(PartitionKey='{partition}',RowKey='{row}')", self.name))
    }
}

/// A query whose blanks are `%20`. `query_pairs_mut` of an URL writes `+`, which only forms define.
fn query_of(parameters: &[(&str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| {
        format!("{name}={}", utf8_percent_encode(value, &UNRESERVED))
    };
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// An error with the code from the body of the answer: unlike the other services, the table service sends no
/// `x-ms-error-code`. The new error does not quote the body.
fn with_code_of_body(error: Error) -> Error {
    let ErrorKind::HttpResponse { status, raw_response: Some(answer), .. } = error.kind() else {
        return error;
    };
    let code = answer.headers().get_optional_string(&ERROR_CODE);
    let error_code = code.or_else(|| code_of(answer.body()));
    let kind =
        ErrorKind::HttpResponse { status: *status, error_code, raw_response: Some(answer.clone()) };
    Error::with_message(kind, "the table service answered with an error")
}

/// Whether a row does not exist, which storage says by more than one code.
fn is_missing_row(error: &Error) -> bool {
    let ErrorKind::HttpResponse { status: StatusCode::NotFound, error_code, .. } = error.kind()
    else {
        return false;
    };
    error_code.as_deref().is_none_or(|code| !ABOVE_ROWS.contains(&code))
}

/// The code in an error of the table service; `None` for a body of another form.
fn code_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(document::unmarked(body)).ok()?;
    let code = body.get("odata.error")?.get("code")?.as_str()?;
    let is_code = !code.is_empty() && code.chars().all(|letter| letter.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

/// The ETag in the first inner answer of a transaction. The outer status is 202 also if it failed.
fn transaction_etag(answer: &RawResponse) -> Result<Etag> {
    let text = String::from_utf8_lossy(answer.body());
    let mut first = None;
    for part in text.split("HTTP/1.1 ").skip(1) {
        let status = part.get(..3).and_then(|digits| digits.parse::<u16>().ok());
        let status = status.ok_or_else(|| malformed("a transaction without a status"))?;
        if !(200..300).contains(&status) {
            let kind = ErrorKind::HttpResponse {
                status: status.into(),
                error_code: part.split_once("\r\n\r\n").and_then(|(_, body)| code_of_part(body)),
                raw_response: None,
            };
            return Err(Error::with_message(kind, "the transaction failed"));
        }
        first.get_or_insert(part);
    }
    let first = first.ok_or_else(|| malformed("a transaction without answers"))?;
    let etag = first.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("etag").then(|| Etag::from(value.trim()))
    });
    etag.ok_or_else(|| malformed("a written row without its ETag"))
}

/// The code in the body of an inner answer, which the boundary of the next part follows.
fn code_of_part(body: &str) -> Option<String> {
    let body = body.split("\r\n--").next()?;
    code_of(body.trim().as_bytes())
}

fn etag_of(answer: &RawResponse) -> Result<Etag> {
    answer
        .headers()
        .get_optional_str(&HeaderName::from_static("etag"))
        .map(Etag::from)
        .ok_or_else(|| malformed("an answer without an ETag"))
}

fn malformed(what: &str) -> Error {
    Error::with_message(ErrorKind::DataConversion, format!("the table service sent {what}"))
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use axum::{
        Router,
        http::{StatusCode, Uri},
    };
    use azure_core::http::{RetryOptions, headers::Headers};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::{
        Destination,
        azure::{client_options, sentence, storage_answer},
    };

    /// A client of a service that sends this answer to every request, and the requests that it got.
    async fn answering(status: u16, body: &'static [u8]) -> (Table, Arc<Mutex<Vec<Uri>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/account", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(vec![]));
        let noted = seen.clone();
        let app = Router::new().fallback(async move |uri: Uri| {
            noted.lock().unwrap().push(uri);
            (StatusCode::from_u16(status).unwrap(), body)
        });
        tokio::spawn(axum::serve(listener, app).into_future());
        let options = client_options(Destination::LocalHttp, Duration::from_mins(1)).unwrap();
        let options = ClientOptions { retry: RetryOptions::none(), ..options };
        (Table::new(Url::parse(&endpoint).unwrap(), "imports", None, options), seen)
    }

    #[tokio::test]
    async fn the_error_code_is_read_from_the_body_of_the_answer() {
        const MISSING: &[u8] = br#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-US","value":"The table specified does not exist.\nRequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z"}}}"#;
        const MARKED: &[u8] = b"\xEF\xBB\xBF{\"odata.error\":{\"code\":\"AuthorizationPermissionMismatch\",\"message\":{\"lang\":\"en-US\",\"value\":\"This request is not authorized to perform this operation using this permission.\"}}}";
        const FIREWALL: &[u8] = br#"{"odata.error":{"code":"AuthorizationFailure","message":{"lang":"en-US","value":"This request is not authorized to perform this operation."}}}"#;
        const BUSY: &[u8] = br#"{"odata.error":{"code":"ServerBusy","message":{"lang":"en-US","value":"The server is busy."}}}"#;
        const SENTENCE: &[u8] = br#"{"odata.error":{"code":"the secret","message":"the secret"}}"#;
        for (status, body, code) in [
            (404, MISSING, Some("TableNotFound")),
            (403, MARKED, Some("AuthorizationPermissionMismatch")),
            (403, FIREWALL, Some("AuthorizationFailure")),
            (503, BUSY, Some("ServerBusy")),
            (403, SENTENCE, None),
            (403, b"<html>the secret</html>", None),
            (403, b"", None),
        ] {
            let (table, _) = answering(status, body).await;
            let error = table.query("PartitionKey eq 'a'").await.unwrap_err();
            let answer = storage_answer(&error);
            assert_eq!((answer.status, answer.code.as_deref()), (Some(status), code));
            let code = code.unwrap_or("no error code");
            assert_eq!(sentence(&error), format!("Azure Storage answered {status} ({code})"));
            let text = format!("{error} {}", error.kind());
            assert!(!text.contains("secret") && !text.contains("authorized"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_row_is_missing_only_if_its_table_exists() {
        const ROW: &[u8] = br#"{"odata.error":{"code":"ResourceNotFound","message":{"lang":"en-US","value":"The specified resource does not exist.\nRequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z"}}}"#;
        const TABLE: &[u8] = br#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-US","value":"The table specified does not exist.\nRequestId:c1d2\nTime:2026-11-24T10:00:04.1234567Z"}}}"#;
        const OTHER: &[u8] =
            br#"{"odata.error":{"code":"AccountNotFound","message":{"lang":"en-US","value":"?"}}}"#;
        const ENTITY: &[u8] =
            br#"{"odata.error":{"code":"EntityNotFound","message":{"lang":"en-US","value":"?"}}}"#;
        for (body, failed) in [
            (ROW, None),
            (ENTITY, None),
            (b"", None),
            (TABLE, Some("Azure Storage answered 404 (TableNotFound)")),
            (OTHER, Some("Azure Storage answered 404 (AccountNotFound)")),
        ] {
            let (table, _) = answering(404, body).await;
            let read = table.get("t", "r").await;
            match failed {
                None => assert!(read.unwrap().is_none()),
                Some(failed) => assert_eq!(sentence(&read.unwrap_err()), failed),
            }
        }
    }

    #[test]
    fn the_error_code_of_a_transaction_is_that_of_the_write_that_failed() {
        let body = "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n\
             --changesetresponse_2\r\nContent-Type: application/http\r\n\
             Content-Transfer-Encoding: binary\r\n\r\n\
             HTTP/1.1 412 Precondition Failed\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Type: application/json;odata=minimalmetadata;streaming=true;charset=utf-8\r\n\r\n\
             {\"odata.error\":{\"code\":\"UpdateConditionNotSatisfied\",\"message\":{\"lang\":\"en-US\",\
             \"value\":\"0:The update condition specified in the request was not satisfied.\"}}}\r\n\
             --changesetresponse_2--\r\n--batchresponse_1--\r\n";
        let answer = RawResponse::from_bytes(202.into(), Headers::new(), body);
        let answer = storage_answer(&transaction_etag(&answer).unwrap_err());
        assert_eq!(answer.status, Some(412));
        assert_eq!(answer.code.as_deref(), Some("UpdateConditionNotSatisfied"));
    }

    #[tokio::test]
    async fn a_blank_in_a_filter_is_sent_as_percent_20() {
        let (table, seen) = answering(200, br#"{"value":[]}"#).await;
        table.query_first("PartitionKey eq 'a+b \u{e9}&c'", 5).await.unwrap();
        let query = seen.lock().unwrap()[0].query().unwrap().to_owned();
        assert_eq!(query, "$filter=PartitionKey%20eq%20%27a%2Bb%20%C3%A9%26c%27&$top=5");
    }

    #[tokio::test]
    async fn the_keys_of_the_next_page_are_sent_as_they_came() {
        let (table, seen) = answering(200, br#"{"value":[]}"#).await;
        let next = ("1!8!YSBi +/=".to_owned(), Some("1!4!Yw--".to_owned()));
        table.query_page("a", usize::MAX, Some(&next)).await.unwrap();
        let query = seen.lock().unwrap()[0].query().unwrap().to_owned();
        let keys = "NextPartitionKey=1%218%21YSBi%20%2B%2F%3D&NextRowKey=1%214%21Yw--";
        assert_eq!(query, format!("$filter=a&{keys}"));
    }
}
