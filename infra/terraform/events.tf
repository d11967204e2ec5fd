# Event Grid puts a message into the queue `arrivals` for each blob that is created or renamed in the inbox.
locals {
  owns_topic      = var.existing_system_topic_id == ""
  topic_id        = local.owns_topic ? azurerm_eventgrid_system_topic.this[0].id : var.existing_system_topic_id
  topic_name      = local.owns_topic ? azurerm_eventgrid_system_topic.this[0].name : split("/", var.existing_system_topic_id)[8]
  topic_principal = local.owns_topic ? azurerm_eventgrid_system_topic.this[0].identity[0].principal_id : data.azurerm_eventgrid_system_topic.existing[0].identity[0].principal_id
}

data "azurerm_eventgrid_system_topic" "existing" {
  count               = local.owns_topic ? 0 : 1
  name                = split("/", var.existing_system_topic_id)[8]
  resource_group_name = local.data_group_name
}

# Its identity is system-assigned: Event Grid uses no other identity to deliver through a storage firewall.
resource "azurerm_eventgrid_system_topic" "this" {
  count               = local.owns_topic ? 1 : 0
  name                = "evgt-${local.token}"
  location            = local.data_location
  resource_group_name = local.data_group_name
  source_resource_id  = local.data_account_id
  topic_type          = "Microsoft.Storage.StorageAccounts"
  tags                = local.tags
  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_storage_container" "dead_letter" {
  # checkov:skip=CKV2_AZURE_21:It requires the classic logs; data.tf sends reads, writes and deletes to Log Analytics
  name                  = "dead-letter"
  storage_account_id    = local.data_account_id
  container_access_type = "private"
}

resource "azurerm_role_assignment" "topic_queue" {
  scope                = azurerm_storage_queue.data["arrivals"].id
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = local.topic_principal
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "topic_dead_letter" {
  scope                = azurerm_storage_container.dead_letter.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = local.topic_principal
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_system_topic_event_subscription" "arrivals" {
  name                  = "arrivals"
  system_topic          = local.topic_name
  resource_group_name   = local.data_group_name
  event_delivery_schema = "EventGridSchema"
  # Only with a hierarchical namespace, also by SFTP, is a file renamed: often from a name that does not end with
  # .csv, when its upload is complete.
  included_event_types                 = ["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"]
  advanced_filtering_on_arrays_enabled = true
  delivery_identity {
    type = "SystemAssigned"
  }
  dead_letter_identity {
    type = "SystemAssigned"
  }
  storage_queue_endpoint {
    storage_account_id                    = local.data_account_id
    queue_name                            = azurerm_storage_queue.data["arrivals"].name
    queue_message_time_to_live_in_seconds = 604800
  }
  storage_blob_dead_letter_destination {
    storage_account_id          = local.data_account_id
    storage_blob_container_name = azurerm_storage_container.dead_letter.name
  }
  # In the example of Microsoft's documentation, the subject of BlobRenamed is the new name, as
  # `data.destinationUrl` is. That was never verified. If the subject were the old name, this filter would drop
  # the renaming to .csv and into the inbox; `sweep` finds such a file within an hour.
  subject_filter {
    subject_begins_with = "/blobServices/default/containers/inbox/blobs/"
    subject_ends_with   = ".csv"
    case_sensitive      = false
  }
  advanced_filter {
    # Only the calls that finish a write or rename a file. With a hierarchical namespace or SFTP, Event Grid also
    # raises an event when a file is opened and still empty.
    string_in {
      key    = "data.api"
      values = ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit", "RenameFile", "SftpRename"]
    }
  }
  retry_policy {
    max_delivery_attempts = 30
    event_time_to_live    = 1440
  }
  depends_on = [azurerm_role_assignment.topic_queue, azurerm_role_assignment.topic_dead_letter]
}

resource "azurerm_monitor_diagnostic_setting" "topic" {
  name                       = "viva-import"
  target_resource_id         = local.topic_id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  enabled_log {
    category_group = "allLogs"
  }
}
