# Containers, queues and table of the program, and its roles on each.
locals {
  containers = [
    { name = "inbox", role = "Storage Blob Data Reader" },
    { name = "connections", role = "Storage Blob Data Reader" },
    { name = "packages", role = "Storage Blob Data Contributor" },
    { name = "reports", role = "Storage Blob Data Contributor" },
  ]

  queues = ["arrivals", "arrivals-poison", "steps", "steps-poison"]

  # While the trigger works on a message, it extends the time in which the message is invisible. That is an
  # update of the message, which Reader and Message Processor do not permit. The trigger moves a message
  # that failed too often into the poison queue, for which it only has to send. `sweep` and `advance` receive and delete
  # the messages there, and `doctor` peeks at them; Message Processor permits all three. Nobody reads the
  # properties of that queue or updates its messages, so Reader and Contributor are not needed.
  queue_roles = [
    { queue = "arrivals", role = "Storage Queue Data Contributor" },
    { queue = "steps", role = "Storage Queue Data Contributor" },
    { queue = "arrivals-poison", role = "Storage Queue Data Message Sender" },
    { queue = "arrivals-poison", role = "Storage Queue Data Message Processor" },
    { queue = "steps-poison", role = "Storage Queue Data Message Sender" },
    { queue = "steps-poison", role = "Storage Queue Data Message Processor" },
  ]

  imports_id = "${local.data_account_id}/tableServices/default/tables/${azurerm_storage_table.imports.name}"

  # Logs who read, changed or deleted HR data. Reads of queue and table are not logged: the host polls both
  # every few seconds.
  data_logs = {
    blobServices  = ["StorageRead", "StorageWrite", "StorageDelete"]
    queueServices = ["StorageWrite"]
    tableServices = ["StorageWrite", "StorageDelete"]
  }
}

resource "azurerm_storage_container" "data" {
  # checkov:skip=CKV2_AZURE_21:It requires the classic logs; data.tf sends reads, writes and deletes to Log Analytics
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
  # checkov:skip=CKV2_AZURE_20:It requires the classic logs; data.tf logs writes and deletes, and the host reads every minute
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
