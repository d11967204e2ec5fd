locals {
  # Each value of the column `dimension` raises a separate alert. The e-mail of the alert shows the value.
  log_alerts = [
    {
      name      = "import-needs-a-person"
      query     = file("${path.module}/../alerts/import-needs-a-person.kql")
      severity  = 2
      operator  = "GreaterThan"
      threshold = 0
      window    = "PT1H"
      dimension = "Message"
    },
    {
      name      = "nothing-imported"
      query     = replace(file("${path.module}/../alerts/nothing-imported.kql"), "$DAYS", tostring(var.days_without_import))
      severity  = 2
      operator  = "GreaterThan"
      threshold = 0
      window    = "PT2H"
      dimension = "Connection"
    },
    {
      name      = "arrivals-poison"
      query     = file("${path.module}/../alerts/arrivals-poison.kql")
      severity  = 2
      operator  = "GreaterThan"
      threshold = 0
      window    = "PT2H"
      dimension = ""
    },
    {
      name      = "host-down"
      query     = file("${path.module}/../alerts/host-down.kql")
      severity  = 1
      operator  = "LessThan"
      threshold = 1
      window    = "PT30M"
      dimension = ""
    },
    {
      name      = "functions-failing"
      query     = file("${path.module}/../alerts/functions-failing.kql")
      severity  = 2
      operator  = "GreaterThan"
      threshold = 3
      window    = "PT30M"
      dimension = ""
    },
  ]

  # Events that Event Grid could not deliver, and events that it could not dead-letter either.
  event_alerts = [
    { name = "arrivals-dead-lettered", metric = "DeadLetteredCount" },
    { name = "arrivals-dropped", metric = "DroppedEventCount" },
  ]
}

resource "azurerm_monitor_action_group" "people" {
  name                = "ag-${local.token}"
  resource_group_name = azurerm_resource_group.this.name
  short_name          = "viva-import"
  tags                = local.tags
  email_receiver {
    name                    = "e-mail"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each                = { for alert in local.log_alerts : alert.name => alert }
  name                    = each.key
  display_name            = "viva-import: ${each.key}"
  location                = azurerm_resource_group.this.location
  resource_group_name     = azurerm_resource_group.this.name
  tags                    = local.tags
  severity                = each.value.severity
  scopes                  = [azurerm_log_analytics_workspace.this.id]
  evaluation_frequency    = "PT15M"
  window_duration         = each.value.window
  auto_mitigation_enabled = true
  # Azure creates the tables when the first line is logged.
  skip_query_validation = true
  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = each.value.operator
    threshold               = each.value.threshold
    dynamic "dimension" {
      for_each = each.value.dimension == "" ? [] : [each.value.dimension]
      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }
    failing_periods {
      number_of_evaluation_periods             = 1
      minimum_failing_periods_to_trigger_alert = 1
    }
  }
  action {
    action_groups = [azurerm_monitor_action_group.people.id]
  }
}

resource "azurerm_monitor_metric_alert" "events" {
  for_each            = { for alert in local.event_alerts : alert.name => alert.metric }
  name                = each.key
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  severity            = 2
  scopes              = [local.topic_id]
  frequency           = "PT5M"
  window_size         = "PT15M"
  auto_mitigate       = true
  criteria {
    metric_namespace = "Microsoft.EventGrid/systemTopics"
    metric_name      = each.value
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = 0
  }
  action {
    action_group_id = azurerm_monitor_action_group.people.id
  }
}
