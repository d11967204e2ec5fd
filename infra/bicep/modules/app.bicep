param token string
param location string
param tags object
param instanceMemoryMB int
param maximumInstanceCount int
@description('Empty if the app is not in a virtual network.')
param subnetId string
param identityId string
param identityClientId string
param hostStorageName string
param dataStorageName string
param insightsConnectionString string
param workspaceId string
param appSettings object
param hasSignIn bool

// The host has no default for these settings.
var schedules = {
  IMPORT_SCHEDULE: '0 0 6 * * 1'
  SWEEP_SCHEDULE: '0 30 * * * *'
  ADVANCE_SCHEDULE: '0 */5 * * * *'
}

var suffix = environment().suffixes.storage
var connections = {
  // Only the identity. AzureWebJobsStorage itself must not be set beside these settings, not even empty.
  AzureWebJobsStorage__accountName: hostStorageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  // Otherwise the host shows Microsoft's start page at "/" to everybody.
  AzureWebJobsDisableHomepage: 'true'
  // The program also accepts the account name. The scale controller of the host accepts only addresses.
  ImportStorage__blobServiceUri: 'https://${dataStorageName}.blob.${suffix}'
  ImportStorage__queueServiceUri: 'https://${dataStorageName}.queue.${suffix}'
  ImportStorage__tableServiceUri: 'https://${dataStorageName}.table.${suffix}'
  ImportStorage__credential: 'managedidentity'
  ImportStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// Only with App Service authentication. Without it, anybody could send the header that names the user.
var signIn = hasSignIn ? { APP_SERVICE_AUTH: 'true' } : {}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  // checkov:skip=CKV_AZURE_225:If a zone fails, the next instance resumes the import
  name: 'plan-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  // checkov:skip=CKV_AZURE_17:People open the pages, and have no client certificate
  // checkov:skip=CKV_AZURE_212:Flex Consumption scales to zero; work waits in the queue and in the table
  // checkov:skip=CKV_AZURE_213:Flex Consumption has no health check; the alert host-down checks that advance runs
  // checkov:skip=CKV_AZURE_222:Deployment and the status page need it; they require an Entra token and a function key
  name: 'func-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'importer' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostStorageName}.blob.${suffix}/app-package'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'custom', version: '1.0' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      appSettings: [for setting in items(union(schedules, appSettings, signIn, connections)): {
        name: setting.key
        value: setting.value
      }]
    }
  }
}

// Publishing requires an Entra token and accepts no password.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = [for name in ['scm', 'ftp']: {
  parent: app
  name: name
  properties: { allow: false }
}]

resource appLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'viva-import'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output name string = app.name
output uri string = 'https://${app.properties.defaultHostName}'
