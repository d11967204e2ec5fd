param token string
param location string
param tags object
param alertEmail string
param daysWithoutImport int
param workspaceId string
param topicId string

// Each value of the column `dimension` is an alert of its own, and stands in its e-mail.
var logAlerts = items({
  'import-needs-a-person': {
    query: loadTextContent('../../alerts/import-needs-a-person.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    dimension: 'Message'
  }
  'nothing-imported': {
    query: replace(loadTextContent('../../alerts/nothing-imported.kql'), '$DAYS', string(daysWithoutImport))
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT2H'
    dimension: 'Connection'
  }
  'arrivals-poison': {
    query: loadTextContent('../../alerts/arrivals-poison.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    dimension: ''
  }
  'host-down': {
    query: loadTextContent('../../alerts/host-down.kql')
    severity: 1
    operator: 'LessThan'
    threshold: 1
    window: 'PT30M'
    dimension: ''
  }
  'functions-failing': {
    query: loadTextContent('../../alerts/functions-failing.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 3
    window: 'PT30M'
    dimension: ''
  }
})

// What Event Grid could not deliver, and what it could not even put aside.
var eventAlerts = items({
  'arrivals-dead-lettered': 'DeadLetteredCount'
  'arrivals-dropped': 'DroppedEventCount'
})

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'viva-import'
    emailReceivers: [{ name: 'e-mail', emailAddress: alertEmail, useCommonAlertSchema: true }]
  }
}

resource logAlert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alert in logAlerts: {
  name: alert.key
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'viva-import: ${alert.key}'
    enabled: true
    severity: alert.value.severity
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: alert.value.window
    autoMitigate: true
    // The tables come with the first lines.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: alert.value.query
          timeAggregation: 'Count'
          operator: alert.value.operator
          threshold: alert.value.threshold
          dimensions: empty(alert.value.dimension) ? [] : [{ name: alert.value.dimension, operator: 'Include', values: ['*'] }]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}]

resource eventAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = [for alert in eventAlerts: {
  name: alert.key
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    severity: 2
    scopes: [topicId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: alert.value
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: alert.value
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}]
