locals {
  # The host has no default for these settings.
  schedules = {
    IMPORT_SCHEDULE  = "0 0 6 * * 1"
    SWEEP_SCHEDULE   = "0 30 * * * *"
    ADVANCE_SCHEDULE = "0 */5 * * * *"
  }

  connections = {
    # Only the identity. AzureWebJobsStorage itself must not be set beside these settings, not even empty.
    AzureWebJobsStorage__accountName = azurerm_storage_account.host.name
    AzureWebJobsStorage__credential  = "managedidentity"
    AzureWebJobsStorage__clientId    = azurerm_user_assigned_identity.app.client_id
    # Otherwise the host shows Microsoft's start page at "/" to everybody.
    AzureWebJobsDisableHomepage = "true"
    # The program also accepts the account name. The scale controller of the host accepts only addresses.
    ImportStorage__blobServiceUri  = "https://${local.data_account_name}.blob.core.windows.net"
    ImportStorage__queueServiceUri = "https://${local.data_account_name}.queue.core.windows.net"
    ImportStorage__tableServiceUri = "https://${local.data_account_name}.table.core.windows.net"
    ImportStorage__credential      = "managedidentity"
    ImportStorage__clientId        = azurerm_user_assigned_identity.app.client_id
    # It contains the address for telemetry. The key in it grants no access: local authentication is off.
    APPLICATIONINSIGHTS_CONNECTION_STRING     = azurerm_application_insights.this.connection_string
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.app.client_id};Authorization=AAD"
  }

  # Only with App Service authentication. Without it, anybody could send the header that names the user.
  sign_in = local.has_sign_in ? { APP_SERVICE_AUTH = "true" } : {}

  app_settings = merge(local.schedules, var.app_settings, local.sign_in, local.connections)
}

resource "azurerm_service_plan" "this" {
  # checkov:skip=CKV_AZURE_212:Flex Consumption scales to zero; work waits in the queue and in the table
  # checkov:skip=CKV_AZURE_225:If a zone fails, the next instance resumes the import
  name                = "plan-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  os_type             = "Linux"
  sku_name            = "FC1"
  tags                = local.tags
}

# This uses azapi because azurerm_function_app_flex_consumption (up to 5.10) always sets AzureWebJobsStorage
# to an account key, even beside an identity. If that setting is empty, the host does not start
# (hashicorp/terraform-provider-azurerm#29149, #29693). Use azurerm when its resource can omit the setting.
resource "azapi_resource" "app" {
  type      = "Microsoft.Web/sites@2024-11-01"
  parent_id = azurerm_resource_group.this.id
  name      = "func-${local.token}"
  location  = azurerm_resource_group.this.location
  tags      = merge(local.tags, { "azd-service-name" = "importer" })
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app.id]
  }
  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId              = azurerm_service_plan.this.id
      httpsOnly                 = true
      publicNetworkAccess       = "Enabled"
      keyVaultReferenceIdentity = azurerm_user_assigned_identity.app.id
      virtualNetworkSubnetId    = one(azurerm_subnet.app[*].id)
      functionAppConfig = {
        deployment = {
          storage = {
            type  = "blobContainer"
            value = "https://${azurerm_storage_account.host.name}.blob.core.windows.net/${azurerm_storage_container.package.name}"
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azurerm_user_assigned_identity.app.id
            }
          }
        }
        runtime = { name = "custom", version = "1.0" }
        scaleAndConcurrency = {
          instanceMemoryMB     = var.instance_memory_mb
          maximumInstanceCount = var.maximum_instance_count
        }
      }
      siteConfig = {
        minTlsVersion    = "1.2"
        scmMinTlsVersion = "1.2"
        http20Enabled    = true
        ftpsState        = "Disabled"
        appSettings      = [for name, value in local.app_settings : { name = name, value = value }]
      }
    }
  }
  response_export_values = ["properties.defaultHostName"]
  # The roles and the endpoints must exist before the host starts.
  depends_on = [
    azurerm_role_assignment.host,
    azurerm_role_assignment.container,
    azurerm_role_assignment.queue,
    azurerm_role_assignment.table,
    azurerm_private_endpoint.this,
    azurerm_private_dns_zone_virtual_network_link.this,
  ]
}

# Publishing requires an Entra token and accepts no password.
resource "azapi_resource" "publishing" {
  for_each  = toset(["scm", "ftp"])
  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01"
  parent_id = azapi_resource.app.id
  name      = each.key
  body      = { properties = { allow = false } }
}

resource "azurerm_monitor_diagnostic_setting" "app" {
  name                       = "viva-import"
  target_resource_id         = azapi_resource.app.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id
  enabled_log {
    category_group = "allLogs"
  }
  enabled_metric {
    category = "AllMetrics"
  }
}
