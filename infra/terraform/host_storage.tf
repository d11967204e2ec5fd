# The storage account of the Functions host: its keys, leases, timers and the package. It holds no HR data.
resource "azurerm_storage_account" "host" {
  # checkov:skip=CKV_AZURE_33:The host uses no queue here
  # checkov:skip=CKV_AZURE_35:Every caller needs an Entra token; private_network also closes the firewall
  # checkov:skip=CKV_AZURE_59:Every caller needs an Entra token; private_network also closes the firewall
  # checkov:skip=CKV_AZURE_206:Zone-redundant; HR data is not copied to another region
  # checkov:skip=CKV2_AZURE_1:It holds no HR data
  # checkov:skip=CKV2_AZURE_33:private_network creates the endpoints
  name                             = "sthost${local.token}"
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
  tags                             = local.tags
  blob_properties {
    delete_retention_policy {
      days = var.soft_delete_days
    }
    container_delete_retention_policy {
      days = var.soft_delete_days
    }
  }
  network_rules {
    default_action = var.private_network ? "Deny" : "Allow"
    bypass         = ["AzureServices"]
  }
}

resource "azurerm_storage_container" "package" {
  # checkov:skip=CKV2_AZURE_21:It holds the package and leases of the host, no HR data; leases are renewed every few seconds
  name                  = "app-package"
  storage_account_id    = azurerm_storage_account.host.id
  container_access_type = "private"
}

locals {
  # The host creates its containers, so it needs roles on the account: for its blobs, and for the table in
  # which it records its diagnostic events.
  host_roles = [
    "Storage Blob Data Owner",
    "Storage Table Data Contributor",
  ]
}

resource "azurerm_role_assignment" "host" {
  for_each             = toset(local.host_roles)
  scope                = azurerm_storage_account.host.id
  role_definition_name = each.key
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}
