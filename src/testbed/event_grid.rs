//! What Event Grid does in Azure: a blob was created, so a message goes to the arrivals queue.
//! Azurite raises no events.

use azure_storage_queue::{QueueClient, models::QueueMessage};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::storage::blob::Blob;

/// The event of a blob, in Event Grid's own schema.
#[must_use]
pub fn blob_created(blob: &Blob) -> Value {
    json!({
        "topic": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers\
                  /Microsoft.Storage/storageAccounts/rehearsal",
        "subject": format!("/blobServices/default/containers/{}/blobs/{}", blob.container, blob.name),
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": azure_core::Uuid::new_v4().to_string(),
        "data": {
            "api": "PutBlob",
            "eTag": blob.etag,
            "contentType": "text/csv",
            "contentLength": blob.bytes,
            "blobType": "BlockBlob",
            "url": format!(
                "https://rehearsal.blob.core.windows.net/{}/{}",
                blob.container, blob.name
            ),
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T06:00:00.0000000Z",
    })
}

/// Puts an event on the queue as Event Grid does: one event, base64.
///
/// # Errors
/// Whatever the queue says.
pub async fn deliver(queue: &QueueClient, event: &Value) -> azure_core::Result<()> {
    let message = QueueMessage { message_text: Some(STANDARD.encode(event.to_string())) };
    queue.send_message(message.try_into()?, None).await.map(drop)
}
