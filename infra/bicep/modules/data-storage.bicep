// The storage account of the HR data, unless an existing one is used.
param name string
param location string
param tags object
param privateNetwork bool
param retentionDays int
param softDeleteDays int
@description('Empty if Microsoft manages the key.')
param keyIdentityId string
param keyVaultName string
param keyName string
param deleteLock bool
param defenderForStorage bool

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  // checkov:skip=CKV_AZURE_35:Every caller needs an Entra token; privateNetwork also closes the firewall
  // checkov:skip=CKV_AZURE_206:Zone-redundant; HR data is not copied to another region
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  identity: empty(keyIdentityId) ? { type: 'None' } : {
    type: 'UserAssigned'
    userAssignedIdentities: { '${keyIdentityId}': {} }
  }
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
    // Event Grid is one of these services. It must reach the queue even if the firewall is closed.
    networkAcls: { bypass: 'AzureServices', defaultAction: privateNetwork ? 'Deny' : 'Allow' }
    encryption: {
      keySource: empty(keyIdentityId) ? 'Microsoft.Storage' : 'Microsoft.Keyvault'
      identity: empty(keyIdentityId) ? null : { userAssignedIdentity: keyIdentityId }
      keyvaultproperties: empty(keyIdentityId) ? null : {
        keyvaulturi: 'https://${keyVaultName}${environment().suffixes.keyvaultDns}'
        keyname: keyName
      }
      services: {
        blob: { enabled: true, keyType: 'Account' }
        // Queues and tables accept a customer-managed key only if this was set when the account was created.
        queue: { enabled: true, keyType: 'Account' }
        table: { enabled: true, keyType: 'Account' }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    // Old versions would be kept longer than the retention allows.
    isVersioningEnabled: false
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'delete-hr-data'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['inbox/', 'packages/', 'reports/', 'dead-letter/']
            }
            actions: {
              baseBlob: { delete: { daysAfterModificationGreaterThan: retentionDays } }
            }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (deleteLock) {
  scope: account
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds HR exports and the history of their imports.' }
}

resource defender 'Microsoft.Security/defenderForStorageSettings@2025-01-01' = if (defenderForStorage) {
  scope: account
  name: 'current'
  properties: {
    isEnabled: true
    overrideSubscriptionLevelSettings: true
    malwareScanning: { onUpload: { isEnabled: true, capGBPerMonth: 100 } }
    sensitiveDataDiscovery: { isEnabled: true }
  }
}
