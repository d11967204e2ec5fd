# What the program works with, and what it may do with each.
locals {
  containers = [
    { name = "inbox", role = "Storage Blob Data Reader" },
    { name = "connections", role = "Storage Blob Data Reader" },
    { name = "packages", role = "Storage Blob Data Contributor" },
    { name = "reports", role = "Storage Blob Data Contributor" },
  ]

  queues = ["arrivals", "arrivals-poison"]

  # The trigger makes a message invisible for longer while it works on it. That is an update of the
  # message, which Reader and Message Processor may not. What it gives up it puts into the other queue,
  # and `doctor` looks whether something lies there.
  queue_roles = [
    { queue = "arrivals", role = "Storage Queue Data Contributor" },
    { queue = "arrivals-poison", role = "Storage Queue Data Message Sender" },
    { queue = "arrivals-poison", role = "Storage Queue Data Reader" },
  ]

  imports_id = "${local.data_account_id}/tableServices/default/tables/${azurerm_storage_table.imports.name}"

  # Who touched HR data. Reads of queue and table are left out: the host asks every few seconds.
  data_logs = {
    blobServices  = ["StorageRead", "StorageWrite", "StorageDelete"]
    queueServices = ["StorageWrite"]
    tableServices = ["StorageWrite", "StorageDelete"]
  }
}

resource "azurerm_storage_container" "data" {
  # checkov:skip=CKV2_AZURE_21:It wants the classic logs of the account; data.tf sends reads, writes and deletes to Log Analytics
  for_each              = toset(local.containers[*].name)
  name                  = each.key
  storage_account_id    = local.data_account_id
  container_access_type = "private"
}

resource "azurerm_storage_queue" "data" {
  for_each           = toset(local.queues)
  name               = each.key
  storage_account_id = local.data_account_id
}

resource "azurerm_storage_table" "imports" {
  # checkov:skip=CKV2_AZURE_20:It wants the classic logs of the account; data.tf logs writes and deletes, reads come each minute from the host
  name               = "imports"
  storage_account_id = local.data_account_id
}

resource "azurerm_role_assignment" "container" {
  for_each             = { for item in local.containers : item.name => item.role }
  scope                = azurerm_storage_container.data[each.key].id
  role_definition_name = each.value
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "queue" {
  for_each             = { for item in local.queue_roles : "${item.queue}: ${item.role}" => item }
  scope                = azurerm_storage_queue.data[each.value.queue].id
  role_definition_name = each.value.role
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "table" {
  scope                = local.imports_id
  role_definition_name = "Storage Table Data Contributor"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_diagnostic_setting" "data" {
  for_each                   = local.data_logs
  name                       = "viva-import"
  target_resource_id         = "${local.data_account_id}/${each.key}/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  dynamic "enabled_log" {
    for_each = each.value
    content {
      category = enabled_log.value
    }
  }
}
