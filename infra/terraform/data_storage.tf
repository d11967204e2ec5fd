locals {
  owns_storage      = var.existing_storage_account_id == ""
  data_account_id   = local.owns_storage ? azurerm_storage_account.data[0].id : var.existing_storage_account_id
  data_account_name = local.owns_storage ? azurerm_storage_account.data[0].name : split("/", var.existing_storage_account_id)[8]
  data_group_name   = local.owns_storage ? azurerm_resource_group.this.name : split("/", var.existing_storage_account_id)[4]
  data_location     = local.owns_storage ? azurerm_resource_group.this.location : data.azapi_resource.existing_storage[0].location

  # Index 8 is the vault, 10 the key.
  key = split("/", var.customer_managed_key_id)
}

# This uses azapi because the data source of azurerm would store the account keys in the state.
data "azapi_resource" "existing_storage" {
  count       = local.owns_storage ? 0 : 1
  type        = "Microsoft.Storage/storageAccounts@2025-01-01"
  resource_id = var.existing_storage_account_id
}

# The storage account of the HR data, unless an existing one is used.
resource "azurerm_storage_account" "data" {
  # checkov:skip=CKV_AZURE_33:It requires the classic logs; data.tf sends the diagnostic logs to Log Analytics
  # checkov:skip=CKV_AZURE_35:Every caller needs an Entra token; private_network also closes the firewall
  # checkov:skip=CKV_AZURE_59:Every caller needs an Entra token; private_network also closes the firewall
  # checkov:skip=CKV_AZURE_206:Zone-redundant; HR data is not copied to another region
  # checkov:skip=CKV2_AZURE_33:private_network creates the endpoints
  count                            = local.owns_storage ? 1 : 0
  name                             = "stdata${local.token}"
  location                         = azurerm_resource_group.this.location
  resource_group_name              = azurerm_resource_group.this.name
  account_kind                     = "StorageV2"
  account_tier                     = "Standard"
  account_replication_type         = "ZRS"
  min_tls_version                  = "TLS1_2"
  https_traffic_only_enabled       = true
  allow_nested_items_to_be_public  = false
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  cross_tenant_replication_enabled = false
  local_user_enabled               = false
  public_network_access            = var.private_network ? "Disabled" : "Enabled"
  # Queues and tables accept a customer-managed key only if this was set when the account was created.
  queue_encryption_key_type = "Account"
  table_encryption_key_type = "Account"
  tags                      = local.tags
  blob_properties {
    # Old versions would be kept longer than the retention allows.
    versioning_enabled = false
    delete_retention_policy {
      days = var.soft_delete_days
    }
    container_delete_retention_policy {
      days = var.soft_delete_days
    }
  }
  network_rules {
    default_action = var.private_network ? "Deny" : "Allow"
    # Event Grid is one of these services. It must reach the queue even if the firewall is closed.
    bypass = ["AzureServices"]
  }
  dynamic "identity" {
    for_each = azurerm_user_assigned_identity.key
    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.id]
    }
  }
  dynamic "customer_managed_key" {
    for_each = azurerm_user_assigned_identity.key
    content {
      # Without a version, so that the account uses a rotated key automatically.
      key_vault_key_id          = "https://${local.key[8]}.vault.azure.net/keys/${local.key[10]}"
      user_assigned_identity_id = customer_managed_key.value.id
    }
  }
  depends_on = [azurerm_role_assignment.key]
}

# A separate identity, because the identity that reads the data must not be able to use the key.
resource "azurerm_user_assigned_identity" "key" {
  count               = var.customer_managed_key_id == "" ? 0 : 1
  name                = "id-key-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

# It can only wrap and unwrap with this key.
resource "azurerm_role_assignment" "key" {
  count                = var.customer_managed_key_id == "" ? 0 : 1
  scope                = var.customer_managed_key_id
  role_definition_name = "Key Vault Crypto Service Encryption User"
  principal_id         = azurerm_user_assigned_identity.key[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_storage_management_policy" "data" {
  count              = local.owns_storage ? 1 : 0
  storage_account_id = azurerm_storage_account.data[0].id
  rule {
    name    = "delete-hr-data"
    enabled = true
    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["inbox/", "packages/", "reports/", "dead-letter/"]
    }
    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = var.retention_days
      }
    }
  }
}

resource "azurerm_management_lock" "data" {
  count      = local.owns_storage && var.delete_lock ? 1 : 0
  name       = "keep"
  scope      = azurerm_storage_account.data[0].id
  lock_level = "CanNotDelete"
  notes      = "Holds HR exports and the history of their imports."
  # Created last and deleted first: the lock also prevents the deletion of everything in and on the account.
  depends_on = [
    azurerm_storage_management_policy.data,
    azurerm_security_center_storage_defender.data,
    azurerm_storage_container.data,
    azurerm_storage_container.dead_letter,
    azurerm_storage_queue.data,
    azurerm_storage_table.imports,
    azurerm_role_assignment.container,
    azurerm_role_assignment.queue,
    azurerm_role_assignment.table,
    azurerm_role_assignment.topic_queue,
    azurerm_role_assignment.topic_dead_letter,
    azurerm_role_assignment.operator_container,
    azurerm_role_assignment.operator_queue,
    azurerm_role_assignment.operator_table,
    azurerm_monitor_diagnostic_setting.data,
    azurerm_private_endpoint.this,
  ]
}

resource "azurerm_security_center_storage_defender" "data" {
  count                                       = local.owns_storage && var.defender_for_storage ? 1 : 0
  storage_account_id                          = azurerm_storage_account.data[0].id
  override_subscription_settings_enabled      = true
  malware_scanning_on_upload_enabled          = true
  malware_scanning_on_upload_cap_gb_per_month = 100
  sensitive_data_discovery_enabled            = true
}
