// The storage account of the Functions host: its keys, leases, timers and the package. It holds no HR data.
param name string
param location string
param tags object
param privateNetwork bool
param softDeleteDays int
param principalId string

var roles = loadJsonContent('../roles.json')

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  // checkov:skip=CKV_AZURE_35:Every caller needs an Entra token; privateNetwork also closes the firewall
  // checkov:skip=CKV_AZURE_206:Zone-redundant; HR data is not copied to another region
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: { bypass: 'AzureServices', defaultAction: privateNetwork ? 'Deny' : 'Allow' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'app-package'
}

// The host creates its containers, so it needs roles on the account: for its blobs, and for the table in
// which it records its diagnostic events.
var hostRoles = [
  'Storage Blob Data Owner'
  'Storage Table Data Contributor'
]

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for item in hostRoles: {
  name: guid(account.id, principalId, item)
  scope: account
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[item])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]
