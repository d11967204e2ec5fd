# The real providers validate resource ids even in a mock, so every id is well-formed.

mock_data "azurerm_client_config" {
  defaults = {
    subscription_id = "00000000-0000-0000-0000-000000000000"
    tenant_id       = "44444444-4444-4444-4444-444444444444"
  }
}

mock_data "azurerm_eventgrid_system_topic" {
  defaults = {
    id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hr/providers/Microsoft.EventGrid/systemTopics/hr-events"
    identity = [{ principal_id = "55555555-5555-5555-5555-555555555555", tenant_id = "", type = "SystemAssigned", identity_ids = [] }]
  }
}

mock_resource "azurerm_resource_group" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest" }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-hr"
    principal_id = "22222222-2222-2222-2222-222222222222"
    client_id    = "33333333-3333-3333-3333-333333333333"
  }
}

mock_resource "azurerm_log_analytics_workspace" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.OperationalInsights/workspaces/log-hr" }
}

mock_resource "azurerm_application_insights" {
  defaults = {
    id                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Insights/components/appi-hr"
    connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000000"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Storage/storageAccounts/sthr" }
}

mock_resource "azurerm_storage_container" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Storage/storageAccounts/sthr/blobServices/default/containers/c" }
}

mock_resource "azurerm_storage_queue" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Storage/storageAccounts/sthr/queueServices/default/queues/q" }
}

mock_resource "azurerm_storage_table" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Storage/storageAccounts/sthr/tableServices/default/tables/t" }
}

mock_resource "azurerm_eventgrid_system_topic" {
  defaults = {
    id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.EventGrid/systemTopics/evgt-hr"
    identity = { principal_id = "11111111-1111-1111-1111-111111111111" }
  }
}

mock_resource "azurerm_service_plan" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Web/serverFarms/plan-hr" }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Insights/actionGroups/ag-hr" }
}

mock_resource "azurerm_network_security_group" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Network/networkSecurityGroups/nsg-hr" }
}

mock_resource "azurerm_virtual_network" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Network/virtualNetworks/vnet-hr" }
}

mock_resource "azurerm_subnet" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Network/virtualNetworks/vnet-hr/subnets/s" }
}

mock_resource "azurerm_private_dns_zone" {
  defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net" }
}
