# The accounts accept no keys, so people need roles too. These roles let one person or group write
# connections, drop files, read reports, and manage imports with `viva-import --account`.
locals {
  has_operator = var.operator_principal_id != ""

  # The commands that change an import send a message for its next step.
  operator_queue_roles = [
    { queue = "arrivals", role = "Storage Queue Data Reader" },
    { queue = "arrivals-poison", role = "Storage Queue Data Reader" },
    { queue = "steps", role = "Storage Queue Data Message Sender" },
    { queue = "steps-poison", role = "Storage Queue Data Reader" },
  ]
}

resource "azurerm_role_assignment" "operator_container" {
  for_each             = toset(local.has_operator ? local.containers[*].name : [])
  scope                = azurerm_storage_container.data[each.key].id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = var.operator_principal_id
}

resource "azurerm_role_assignment" "operator_queue" {
  for_each             = { for item in local.operator_queue_roles : item.queue => item.role if local.has_operator }
  scope                = azurerm_storage_queue.data[each.key].id
  role_definition_name = each.value
  principal_id         = var.operator_principal_id
}

resource "azurerm_role_assignment" "operator_table" {
  count                = local.has_operator ? 1 : 0
  scope                = local.imports_id
  role_definition_name = "Storage Table Data Contributor"
  principal_id         = var.operator_principal_id
}
