# Each optional feature, on and off.
mock_provider "azurerm" {
  source = "./tests/mocks"
}

mock_provider "azapi" {
  source = "./tests/mocks"
}

variables {
  environment_name = "hrtest"
  location         = "westeurope"
  alert_email      = "hr-it@example.com"
}

run "everything_is_off_by_default" {
  assert {
    condition     = length(azurerm_virtual_network.this) + length(azurerm_private_endpoint.this) + length(azurerm_private_dns_zone.this) == 0 && azapi_resource.app.body.properties.virtualNetworkSubnetId == null
    error_message = "there must be no private network by default"
  }
  assert {
    condition     = alltrue([for account in [azurerm_storage_account.host, azurerm_storage_account.data[0]] : account.public_network_access == "Enabled" && account.network_rules[0].default_action == "Allow"])
    error_message = "storage must be reachable from anywhere with a token"
  }
  assert {
    condition     = length(data.azapi_resource.existing_storage) == 0 && length(azurerm_eventgrid_system_topic.this) == 1
    error_message = "the deployment must create an account and a topic"
  }
  assert {
    condition     = length(terraform_data.federated_credential) == 0
    error_message = "no app registration may be changed"
  }
  assert {
    condition     = length(azurerm_user_assigned_identity.key) == 0 && length(azurerm_storage_account.data[0].customer_managed_key) == 0
    error_message = "Microsoft must manage the key"
  }
  assert {
    condition     = length(azurerm_management_lock.data) == 0 && length(azurerm_security_center_storage_defender.data) == 0
    error_message = "there must be no lock and no Defender"
  }
  assert {
    condition     = length(azurerm_role_assignment.operator_container) + length(azurerm_role_assignment.operator_queue) + length(azurerm_role_assignment.operator_table) == 0
    error_message = "no person may have access to the data"
  }
  assert {
    condition     = length(azapi_update_resource.authentication) == 0 && !contains(keys(local.app_settings), "APP_SERVICE_AUTH")
    error_message = "App Service must not authenticate, and the program must ignore user names"
  }
}

run "a_private_network" {
  variables {
    private_network = true
  }
  assert {
    condition     = toset(keys(azurerm_private_endpoint.this)) == toset(["host-blob", "host-queue", "host-table", "data-blob", "data-queue", "data-table"])
    error_message = "both accounts must have an endpoint for each service"
  }
  assert {
    condition     = toset(keys(azurerm_private_dns_zone_virtual_network_link.this)) == toset(["blob", "queue", "table"])
    error_message = "the names of all three services must resolve to the endpoints"
  }
  assert {
    condition     = alltrue([for account in [azurerm_storage_account.host, azurerm_storage_account.data[0]] : account.public_network_access == "Disabled" && account.network_rules[0].default_action == "Deny"])
    error_message = "storage must not be reachable from the internet"
  }
  assert {
    condition     = azurerm_storage_account.data[0].network_rules[0].bypass == toset(["AzureServices"])
    error_message = "Event Grid must still reach the queue"
  }
  assert {
    condition     = azurerm_subnet.app[0].delegation[0].service_delegation[0].name == "Microsoft.App/environments" && azapi_resource.app.body.properties.virtualNetworkSubnetId == azurerm_subnet.app[0].id
    error_message = "the app must run in its subnet"
  }
}

run "an_existing_storage_account" {
  variables {
    existing_storage_account_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hr/providers/Microsoft.Storage/storageAccounts/hrdata"
    delete_lock                 = true
    defender_for_storage        = true
  }
  assert {
    condition     = length(azurerm_storage_account.data) + length(azurerm_storage_management_policy.data) + length(azurerm_management_lock.data) + length(azurerm_security_center_storage_defender.data) == 0
    error_message = "the existing account must not be changed"
  }
  assert {
    condition     = alltrue([for container in azurerm_storage_container.data : container.storage_account_id == var.existing_storage_account_id]) && azurerm_storage_table.imports.storage_account_id == var.existing_storage_account_id
    error_message = "containers and table must be created in the existing account"
  }
  assert {
    condition     = azurerm_eventgrid_system_topic.this[0].resource_group_name == "rg-hr" && azurerm_eventgrid_system_topic.this[0].location == "northeurope"
    error_message = "the topic must be in the resource group and region of the account"
  }
  assert {
    condition     = local.app_settings.ImportStorage__queueServiceUri == "https://hrdata.queue.core.windows.net" && output.DATA_STORAGE_ACCOUNT_NAME == "hrdata"
    error_message = "the app must use the existing account"
  }
}

run "an_existing_system_topic" {
  variables {
    existing_storage_account_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hr/providers/Microsoft.Storage/storageAccounts/hrdata"
    existing_system_topic_id    = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hr/providers/Microsoft.EventGrid/systemTopics/hr-events"
  }
  assert {
    condition     = length(azurerm_eventgrid_system_topic.this) == 0 && azurerm_eventgrid_system_topic_event_subscription.arrivals.system_topic == "hr-events"
    error_message = "the event subscription must belong to the existing topic"
  }
  assert {
    condition     = azurerm_role_assignment.topic_queue.principal_id == "55555555-5555-5555-5555-555555555555"
    error_message = "the identity of the existing topic must deliver"
  }
}

run "a_topic_without_its_account_is_rejected" {
  command = plan
  variables {
    existing_system_topic_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hr/providers/Microsoft.EventGrid/systemTopics/hr-events"
  }
  expect_failures = [var.existing_system_topic_id]
}

# Only planned: if applied, it would call the Azure CLI.
run "an_app_registration_that_trusts_the_identity" {
  command = plan
  variables {
    federated_application_unique_name = "viva-hr"
  }
  assert {
    condition     = length(terraform_data.federated_credential) == 1 && strcontains(local.federated_credential_url, "applications(uniqueName='viva-hr')")
    error_message = "the credential must belong to the configured app registration"
  }
}

run "a_customer_managed_key" {
  variables {
    customer_managed_key_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-keys/providers/Microsoft.KeyVault/vaults/hr-keys/keys/hr"
  }
  assert {
    condition     = azurerm_storage_account.data[0].customer_managed_key[0].key_vault_key_id == "https://hr-keys.vault.azure.net/keys/hr"
    error_message = "the key must encrypt the data, without a fixed version"
  }
  assert {
    condition     = azurerm_role_assignment.key[0].scope == var.customer_managed_key_id && azurerm_role_assignment.key[0].role_definition_name == "Key Vault Crypto Service Encryption User"
    error_message = "the role must apply only to the key"
  }
  assert {
    condition     = azurerm_storage_account.data[0].queue_encryption_key_type == "Account" && azurerm_storage_account.data[0].table_encryption_key_type == "Account"
    error_message = "the key must also encrypt queues and tables"
  }
}

run "a_lock_and_defender" {
  variables {
    delete_lock          = true
    defender_for_storage = true
  }
  assert {
    condition     = azurerm_management_lock.data[0].lock_level == "CanNotDelete" && azurerm_management_lock.data[0].scope == azurerm_storage_account.data[0].id
    error_message = "the lock must protect the data account"
  }
  assert {
    condition     = azurerm_security_center_storage_defender.data[0].malware_scanning_on_upload_enabled
    error_message = "Defender must scan uploads"
  }
}

run "an_operator" {
  variables {
    operator_principal_id = "77777777-7777-7777-7777-777777777777"
  }
  assert {
    condition     = toset(keys(azurerm_role_assignment.operator_container)) == toset(["inbox", "connections", "packages", "reports"]) && toset(keys(azurerm_role_assignment.operator_queue)) == toset(["arrivals", "arrivals-poison", "steps", "steps-poison"]) && length(azurerm_role_assignment.operator_table) == 1
    error_message = "the operator must have the roles that `viva-import --account` needs"
  }
  assert {
    condition     = alltrue([for role in azurerm_role_assignment.operator_container : role.principal_id == var.operator_principal_id])
    error_message = "the roles must be assigned to the configured person"
  }
}

run "people_who_sign_in" {
  variables {
    sign_in_client_id = "88888888-8888-8888-8888-888888888888"
    app_settings      = { APP_SERVICE_AUTH = "false" }
  }
  assert {
    condition     = azapi_update_resource.authentication[0].body.properties.platform.enabled && azapi_update_resource.authentication[0].parent_id == azapi_resource.app.id && azapi_update_resource.authentication[0].name == "authsettingsV2"
    error_message = "App Service authentication must be enabled for the app"
  }
  assert {
    condition     = azapi_update_resource.authentication[0].body.properties.globalValidation.requireAuthentication && toset(azapi_update_resource.authentication[0].body.properties.globalValidation.excludedPaths) == toset(["/api/health", "/api/v1", "/api/v1/*"])
    error_message = "everybody must sign in, except on the paths that programs call"
  }
  assert {
    condition     = azapi_update_resource.authentication[0].body.properties.identityProviders.azureActiveDirectory.registration == { clientId = var.sign_in_client_id, openIdIssuer = "https://login.microsoftonline.com/44444444-4444-4444-4444-444444444444/v2.0" }
    error_message = "sign-in must use the configured registration in the tenant of the subscription, without a secret"
  }
  assert {
    condition     = local.app_settings.APP_SERVICE_AUTH == "true"
    error_message = "the program must accept the user name"
  }
}

run "settings_of_the_program" {
  variables {
    app_settings = {
      SWEEP_SCHEDULE          = "0 0 * * * *"
      MAX_SHRINK_PERCENT      = "20"
      ImportStorage__clientId = "66666666-6666-6666-6666-666666666666"
    }
  }
  assert {
    condition     = local.app_settings.MAX_SHRINK_PERCENT == "20" && local.app_settings.SWEEP_SCHEDULE == "0 0 * * * *"
    error_message = "settings must reach the app and override the schedules"
  }
  assert {
    condition     = local.app_settings.ADVANCE_SCHEDULE == "0 */5 * * * *" && local.app_settings.ImportStorage__clientId == "33333333-3333-3333-3333-333333333333"
    error_message = "settings must not override those that connect the resources"
  }
}
