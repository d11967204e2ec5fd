# Everything that viva-import needs in Azure, in one resource group. infra/bicep deploys the same.

data "azurerm_client_config" "current" {}

locals {
  # The same as guid() of Bicep, including its namespace, so that both languages create the same names.
  token = substr(replace(uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [
    "/subscriptions/${data.azurerm_client_config.current.subscription_id}", var.environment_name, var.location,
  ])), "-", ""), 0, 13)
  tags = { "azd-env-name" = var.environment_name }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.environment_name}"
  location = var.location
  tags     = local.tags
}

resource "azurerm_user_assigned_identity" "app" {
  name                = "id-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}
