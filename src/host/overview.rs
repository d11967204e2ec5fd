//! The connections as pages and programs see them: documents with their last imports.

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    engine::{Document, Engine},
    import::{Import, ImportId, connection_record::ConnectionRecord},
    page::Seen,
    storage::import_table::{ImportTable, Wanted},
};

/// The number of last imports for the status and the chart of a connection.
const RECENT: usize = 30;
/// The number of connections that are read at once.
const AT_ONCE: usize = 8;

/// The document of a connection; if it does not exist, that of an import that still waits for it.
pub(super) async fn document(engine: &Engine, name: &str) -> azure_core::Result<Option<Document>> {
    if let Some(document) = engine.document(name).await? {
        return Ok(Some(document));
    }
    let tenants = engine.imports().tenants().await?;
    for tenant in &tenants {
        if engine.imports().connection(tenant, name).await?.has_waiting() {
            let waits = waiting_of(engine, tenant, name).await?;
            return Ok(waits.map(|import| Document::missing(&import)));
        }
    }
    Ok(None)
}

/// One import of each connection whose files wait, according to the records.
pub(super) async fn waiting(
    engine: &Engine,
    tenants: &[String],
) -> azure_core::Result<Vec<Import>> {
    let mut waiting = vec![];
    for tenant in tenants {
        let records = engine.imports().connections(tenant).await?;
        for (name, _) in records.into_iter().filter(|(_, record)| record.has_waiting()) {
            waiting.extend(waiting_of(engine, tenant, &name).await?);
        }
    }
    Ok(waiting)
}

async fn waiting_of(
    engine: &Engine,
    tenant: &str,
    name: &str,
) -> azure_core::Result<Option<Import>> {
    let live = engine.imports().live_of(tenant, name).await?;
    let Some(open) = live.into_iter().find(|live| !live.state.is_end()) else { return Ok(None) };
    Ok(engine.imports().get_readable(&open.id).await?.map(|stored| stored.import))
}

/// All connections with their last imports, by name: those that have a document, and those of `imports` whose
/// document does not exist any more and that still wait for it.
pub(super) async fn connections(
    engine: &Engine,
    tenants: &[String],
    imports: &[Import],
) -> azure_core::Result<Vec<Seen>> {
    let mut documents = engine.documents().await?;
    for import in imports.iter().filter(|import| !import.state.is_end()) {
        if !documents.iter().any(|document| document.name == import.connection) {
            documents.push(Document::missing(import));
        }
    }
    stream::iter(documents)
        .map(|document| seen(engine.imports(), tenants, document))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// A connection with its last imports.
pub(super) async fn seen(
    imports: &ImportTable,
    tenants: &[String],
    document: Document,
) -> azure_core::Result<Seen> {
    let name = &document.name;
    let records = tenants.iter().map(async |tenant| {
        let record = imports.connection(tenant, name).await?;
        Ok::<_, azure_core::Error>((tenant.clone(), record))
    });
    let records = futures::future::try_join_all(records).await?;
    // The files of a valid document have its tenant; files of another tenant count only while they wait.
    let is_own = |tenant: &str| {
        let read = document.read.as_ref();
        read.map_or(true, |it| it.caller.tenant == tenant)
    };
    let own = records.into_iter().filter(|(tenant, record)| is_own(tenant) || record.has_waiting());
    let (own, records): (Vec<String>, Vec<ConnectionRecord>) = own.unzip();
    let wanted = Wanted { connection: Some(name.clone()), ..Wanted::default() };
    let recent = imports.page(&own, &wanted, None, RECENT).await?.imports;
    let mut seen = Seen { document, recent, last_received: None, accepted: None, is_paused: false };
    for (tenant, record) in own.into_iter().zip(records) {
        seen.last_received = seen.last_received.max(record.last_received);
        if let Some(accepted) = record.last_accepted {
            let import = find(imports, &seen.recent, &tenant, &accepted.import).await?;
            seen.accepted =
                import.into_iter().chain(seen.accepted).max_by_key(|import| import.ended);
        }
        for pause in record.paused_by {
            let import = find(imports, &seen.recent, &tenant, &pause.import).await?;
            seen.is_paused |= import.is_some_and(|import| import.pauses);
        }
    }
    Ok(seen)
}

/// An import among those that were read, or from the table; `None` if it does not exist or is unreadable.
async fn find(
    imports: &ImportTable,
    recent: &[Import],
    tenant: &str,
    key: &str,
) -> azure_core::Result<Option<Import>> {
    let id = ImportId { tenant: tenant.to_owned(), key: key.to_owned() };
    if let Some(import) = recent.iter().find(|import| import.id == id) {
        return Ok(Some(import.clone()));
    }
    Ok(imports.get_readable(&id).await?.map(|stored| stored.import))
}
