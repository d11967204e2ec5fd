output "AZURE_RESOURCE_GROUP" {
  value = azurerm_resource_group.this.name
}

output "AZURE_FUNCTION_NAME" {
  value = azapi_resource.app.name
}

output "AZURE_FUNCTION_URI" {
  value = "https://${azapi_resource.app.output.properties.defaultHostName}"
}

output "DATA_STORAGE_ACCOUNT_NAME" {
  value = local.data_account_name
}

output "HOST_STORAGE_ACCOUNT_NAME" {
  value = azurerm_storage_account.host.name
}

output "LOG_ANALYTICS_WORKSPACE_NAME" {
  value = azurerm_log_analytics_workspace.this.name
}

# Administrators enter the client id in Viva Insights, and the principal id as the subject of a federated
# credential.
output "IDENTITY_CLIENT_ID" {
  value = azurerm_user_assigned_identity.app.client_id
}

output "IDENTITY_PRINCIPAL_ID" {
  value = azurerm_user_assigned_identity.app.principal_id
}
