param token string
param location string
param tags object
param alertEmail string
param daysWithoutImport int
param workspaceId string
param topicId string

// Each value of the column `dimension` raises a separate alert. The e-mail of the alert shows the value.
var logAlerts = [
  {
    name: 'import-needs-a-person'
    query: loadTextContent('../../alerts/import-needs-a-person.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT1H'
    dimension: 'Message'
  }
  {
    name: 'nothing-imported'
    query: replace(loadTextContent('../../alerts/nothing-imported.kql'), '$DAYS', string(daysWithoutImport))
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT2H'
    dimension: 'Connection'
  }
  {
    name: 'arrivals-poison'
    query: loadTextContent('../../alerts/arrivals-poison.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT2H'
    dimension: ''
  }
  {
    name: 'host-down'
    query: loadTextContent('../../alerts/host-down.kql')
    severity: 1
    operator: 'LessThan'
    threshold: 1
    window: 'PT30M'
    dimension: ''
  }
  {
    name: 'functions-failing'
    query: loadTextContent('../../alerts/functions-failing.kql')
    severity: 2
    operator: 'GreaterThan'
    threshold: 3
    window: 'PT30M'
    dimension: ''
  }
]

// Events that Event Grid could not deliver, and events that it could not dead-letter either.
var eventAlerts = [
  { name: 'arrivals-dead-lettered', metric: 'DeadLetteredCount' }
  { name: 'arrivals-dropped', metric: 'DroppedEventCount' }
]

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
  name: alert.name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'viva-import: ${alert.name}'
    enabled: true
    severity: alert.severity
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: alert.window
    autoMitigate: true
    // Azure creates the tables when the first line is logged.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: alert.query
          timeAggregation: 'Count'
          operator: alert.operator
          threshold: alert.threshold
          dimensions: empty(alert.dimension) ? [] : [{ name: alert.dimension, operator: 'Include', values: ['*'] }]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}]

resource eventAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = [for alert in eventAlerts: {
  name: alert.name
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
          name: alert.metric
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: alert.metric
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}]
