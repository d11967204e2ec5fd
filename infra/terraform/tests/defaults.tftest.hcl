# What every deployment has, whatever its optional features.
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

run "no_key_grants_access" {
  assert {
    condition     = alltrue([for account in [azurerm_storage_account.host, azurerm_storage_account.data[0]] : !account.shared_access_key_enabled && !account.local_user_enabled && !account.allow_nested_items_to_be_public && account.default_to_oauth_authentication])
    error_message = "storage must accept only Entra tokens"
  }
  assert {
    condition     = alltrue([for account in [azurerm_storage_account.host, azurerm_storage_account.data[0]] : account.min_tls_version == "TLS1_2" && account.https_traffic_only_enabled && !account.cross_tenant_replication_enabled])
    error_message = "storage must require TLS 1.2 and https, and must not copy data to another tenant"
  }
  assert {
    condition     = !azurerm_log_analytics_workspace.this.local_authentication_enabled && !azurerm_application_insights.this.local_authentication_enabled
    error_message = "telemetry must accept only Entra tokens"
  }
  assert {
    condition     = alltrue([for policy in azapi_resource.publishing : !policy.body.properties.allow]) && length(azapi_resource.publishing) == 2
    error_message = "publishing must not accept a password"
  }
  assert {
    condition     = azapi_resource.app.body.properties.httpsOnly && azapi_resource.app.body.properties.siteConfig.minTlsVersion == "1.2" && azapi_resource.app.body.properties.siteConfig.ftpsState == "Disabled"
    error_message = "the app must require https with TLS 1.2, and must not offer FTP"
  }
  assert {
    condition     = azapi_resource.app.body.properties.functionAppConfig.deployment.storage.authentication.type == "UserAssignedIdentity"
    error_message = "the app must read its package with the identity"
  }
}

run "no_setting_holds_a_key" {
  assert {
    condition     = length(setintersection(keys(local.app_settings), ["AzureWebJobsStorage", "ImportStorage"])) == 0
    error_message = "there must be no connection string beside the identity"
  }
  assert {
    condition     = !anytrue([for value in values(local.app_settings) : can(regex("(?i)(accountkey|sharedaccess|sig)=", value))])
    error_message = "no setting may contain a key"
  }
  assert {
    condition     = local.app_settings.APPLICATIONINSIGHTS_AUTHENTICATION_STRING == "ClientId=33333333-3333-3333-3333-333333333333;Authorization=AAD"
    error_message = "the app must send telemetry with the identity"
  }
}

run "each_role_has_the_smallest_scope" {
  assert {
    condition = { for name, role in azurerm_role_assignment.container : name => role.role_definition_name } == {
      inbox       = "Storage Blob Data Reader"
      connections = "Storage Blob Data Reader"
      packages    = "Storage Blob Data Contributor"
      reports     = "Storage Blob Data Contributor"
    }
    error_message = "the app must only read the containers that others write to"
  }
  assert {
    condition = [for item in local.queue_roles : item.role if item.queue == "arrivals-poison"] == [
      "Storage Queue Data Message Sender",
      "Storage Queue Data Message Processor",
    ]
    error_message = "the app must only send to the poison queue, and receive and delete its messages"
  }
  assert {
    condition = [for item in local.queue_roles : item.role if item.queue == "steps-poison"] == [
      "Storage Queue Data Message Sender",
      "Storage Queue Data Message Processor",
    ]
    error_message = "the app must only send to the other poison queue, and receive and delete its messages"
  }
  assert {
    condition     = !contains(concat([for role in azurerm_role_assignment.container : role.scope], [for role in azurerm_role_assignment.queue : role.scope], [azurerm_role_assignment.table.scope, azurerm_role_assignment.topic_queue.scope, azurerm_role_assignment.topic_dead_letter.scope]), azurerm_storage_account.data[0].id)
    error_message = "no role may apply to the whole data account"
  }
  assert {
    condition     = azurerm_role_assignment.topic_queue.role_definition_name == "Storage Queue Data Message Sender" && azurerm_role_assignment.topic_queue.principal_id == "11111111-1111-1111-1111-111111111111"
    error_message = "Event Grid must only be able to send"
  }
}

run "event_grid_delivers_with_the_identity_of_the_topic" {
  assert {
    condition     = azurerm_eventgrid_system_topic.this[0].identity[0].type == "SystemAssigned"
    error_message = "only a system-assigned identity delivers through a firewall"
  }
  assert {
    condition     = azurerm_eventgrid_system_topic_event_subscription.arrivals.delivery_identity[0].type == "SystemAssigned" && azurerm_eventgrid_system_topic_event_subscription.arrivals.dead_letter_identity[0].type == "SystemAssigned"
    error_message = "events and dead letters must be delivered with the identity of the topic"
  }
  assert {
    condition     = azurerm_eventgrid_system_topic_event_subscription.arrivals.subject_filter[0].subject_begins_with == "/blobServices/default/containers/inbox/blobs/"
    error_message = "only the inbox must raise events"
  }
  assert {
    condition     = toset(azurerm_eventgrid_system_topic_event_subscription.arrivals.included_event_types) == toset(["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"])
    error_message = "a file that gets its final name after the upload must raise an event"
  }
  assert {
    condition     = length(setsubtract(["SftpCommit", "RenameFile", "SftpRename"], azurerm_eventgrid_system_topic_event_subscription.arrivals.advanced_filter[0].string_in[0].values)) == 0
    error_message = "the calls of SFTP that finish a write or rename a file must raise events"
  }
}

run "hr_data_is_deleted_in_time" {
  variables {
    retention_days   = 14
    soft_delete_days = 3
  }
  assert {
    condition     = azurerm_storage_management_policy.data[0].rule[0].actions[0].base_blob[0].delete_after_days_since_modification_greater_than == 14
    error_message = "the retention must be the configured one"
  }
  assert {
    condition     = azurerm_storage_management_policy.data[0].rule[0].filters[0].prefix_match == toset(["inbox/", "packages/", "reports/", "dead-letter/"])
    error_message = "every container with HR data must be cleaned up, and not the connections"
  }
  assert {
    condition     = azurerm_storage_account.data[0].blob_properties[0].delete_retention_policy[0].days == 3 && !azurerm_storage_account.data[0].blob_properties[0].versioning_enabled
    error_message = "nothing may be kept longer than the soft delete allows"
  }
}

run "every_alert_reaches_a_person" {
  variables {
    days_without_import = 15
  }
  assert {
    condition     = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.this : alert.action[0].action_groups == tolist([azurerm_monitor_action_group.people.id])])
    error_message = "every alert must notify the action group"
  }
  assert {
    condition     = azurerm_monitor_action_group.people.email_receiver[0].email_address == "hr-it@example.com"
    error_message = "the e-mail address must be the configured one"
  }
  assert {
    condition     = strcontains(azurerm_monitor_scheduled_query_rules_alert_v2.this["nothing-imported"].criteria[0].query, "Days >= 15")
    error_message = "the number of days must be the configured one"
  }
}

run "invalid_values_are_rejected" {
  command = plan
  variables {
    environment_name            = "HR test"
    retention_days              = 1
    soft_delete_days            = 0
    instance_memory_mb          = 1024
    maximum_instance_count      = 0
    existing_storage_account_id = "sthr"
    customer_managed_key_id     = "https://vault.vault.azure.net/keys/hr"
  }
  expect_failures = [
    var.environment_name,
    var.retention_days,
    var.soft_delete_days,
    var.instance_memory_mb,
    var.maximum_instance_count,
    var.existing_storage_account_id,
    var.customer_managed_key_id,
  ]
}

# `guid(...)` of Bicep returns the same: the version 5 UUID of the parts, joined by hyphens.
run "names_are_the_same_as_in_bicep" {
  assert {
    condition     = azurerm_storage_account.data[0].name == "stdataf28fb436733d5" && azapi_resource.app.name == "func-f28fb436733d5"
    error_message = "the names must not change, and must be the same as in Bicep"
  }
}
