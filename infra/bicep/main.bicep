// Everything viva-import needs in Azure, in one resource group. The same as infra/terraform.
targetScope = 'subscription'

@description('With subscription and location it names everything: 3 to 20 lower-case letters, digits or hyphens.')
@minLength(3)
@maxLength(20)
param environmentName string

@description('Azure region. Flex Consumption is not in all of them.')
param location string

@description('Who gets the e-mail of every alert.')
@minLength(3)
param alertEmail string

@description('After so many days HR exports, packages, reports and dead letters are deleted. A file may wait three days for its push (QUEUE_TIMEOUT_SECONDS), and longer in line.')
@minValue(7)
param retentionDays int = 30

@description('For so many days what was deleted can be brought back. Soft-deleted HR data is still HR data: keep it short.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 7

@description('How long logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('An alert is raised when a connection has imported nothing for so many days. Eight is a week and a day.')
@minValue(1)
param daysWithoutImport int = 8

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances there may be. Imports of one tenant go one by one, so this is no knob for them.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('More app settings of the program: `viva-import settings` lists them. They win over the schedules, and lose against what connects the parts.')
param appSettings object = {}

@description('Object id of the person or group that runs the imports: writes connections, drops files, reads reports. Without one nobody can, until somebody gives roles.')
param operatorPrincipalId string = ''

@description('Client id of an Entra app registration with which people sign in, in place of a key. It needs the redirect URI https://<app host name>/.auth/login/aad/callback, and has to allow ID tokens: there is no client secret. Its app roles (infra/app-roles.json) say what a person may do.')
param signInClientId string = ''

@description('Storage is reached through private endpoints only, and the app runs in a virtual network.')
param privateNetwork bool = false

@description('Addresses of that network, of the app in it, and of the endpoints. A /27 is the least for the app.')
param addressPrefix string = '10.20.0.0/24'
param appSubnetPrefix string = '10.20.0.0/26'
param endpointSubnetPrefix string = '10.20.0.64/26'

@description('Resource id of a storage account that is to hold the data, in place of a new one. Its firewall, soft delete, lifecycle, encryption and locks stay as they are: they are its owner\'s.')
param existingStorageAccountId string = ''

@description('Resource id of that account\'s Event Grid system topic, where it has one already (an account has one at most). It must be in the account\'s resource group and have a system-assigned identity.')
param existingSystemTopicId string = ''

@description('uniqueName of an app registration that is to trust the app\'s identity (`federatedIdentity` in a connection). Whoever deploys must be allowed to change it.')
param federatedApplicationUniqueName string = ''

@description('Resource id of a Key Vault key (.../vaults/NAME/keys/NAME) that encrypts the data. The vault needs purge protection, Azure RBAC, and has to let trusted services in.')
param customerManagedKeyId string = ''

@description('Nobody can delete the data account before the lock is gone; `azd down` neither.')
param deleteLock bool = false

@description('Microsoft Defender for Storage watches the data account and scans what is uploaded. It costs per gigabyte.')
param defenderForStorage bool = false

// guid() is a UUID of version 5, which Terraform can make too: both languages give the same names.
var token = take(replace(guid(subscription().id, environmentName, location), '-', ''), 13)
var tags = { 'azd-env-name': environmentName }
var groupName = 'rg-${environmentName}'
var groupId = '${subscription().id}/resourceGroups/${groupName}'
var networkId = '${groupId}/providers/Microsoft.Network/virtualNetworks/vnet-${token}'
var hostStorageName = 'sthost${token}'

var ownsStorage = empty(existingStorageAccountId)
var storageId = ownsStorage ? '${groupId}/providers/Microsoft.Storage/storageAccounts/stdata${token}' : existingStorageAccountId
// 2 is the subscription, 4 the resource group, 8 the account.
var storage = split(storageId, '/')
var topicName = empty(existingSystemTopicId) ? 'evgt-${token}' : last(split(existingSystemTopicId, '/'))

// 8 is the vault, 10 the key. Where none is named, nothing that reads this is deployed.
var key = split(empty(customerManagedKeyId) ? '${groupId}/providers/Microsoft.KeyVault/vaults/none/keys/none' : customerManagedKeyId, '/')
var keyIdentityId = empty(customerManagedKeyId) ? '' : '${groupId}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-key-${token}'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: groupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: 'id-${token}', location: location, tags: tags }
}

module federated 'modules/federated.bicep' = if (!empty(federatedApplicationUniqueName)) {
  scope: group
  params: {
    applicationUniqueName: federatedApplicationUniqueName
    principalId: identity.outputs.principalId
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    logRetentionDays: logRetentionDays
    principalId: identity.outputs.principalId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    addressPrefix: addressPrefix
    appSubnetPrefix: appSubnetPrefix
    endpointSubnetPrefix: endpointSubnetPrefix
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  scope: group
  params: {
    name: hostStorageName
    location: location
    tags: tags
    privateNetwork: privateNetwork
    softDeleteDays: softDeleteDays
    principalId: identity.outputs.principalId
  }
}

// An identity of its own: what encrypts is not what reads.
module keyIdentity 'modules/identity.bicep' = if (!empty(customerManagedKeyId)) {
  scope: group
  params: { name: 'id-key-${token}', location: location, tags: tags }
}

module keyRole 'modules/key-role.bicep' = if (!empty(customerManagedKeyId)) {
  scope: resourceGroup(key[2], key[4])
  params: { vaultName: key[8], keyName: key[10], identityId: keyIdentityId }
  dependsOn: [keyIdentity]
}

module dataStorage 'modules/data-storage.bicep' = if (ownsStorage) {
  scope: group
  params: {
    name: storage[8]
    location: location
    tags: tags
    privateNetwork: privateNetwork
    retentionDays: retentionDays
    softDeleteDays: softDeleteDays
    keyIdentityId: keyIdentityId
    keyVaultName: key[8]
    keyName: key[10]
    deleteLock: deleteLock
    defenderForStorage: defenderForStorage
  }
  dependsOn: [keyRole]
}

module data 'modules/data.bicep' = {
  scope: resourceGroup(storage[2], storage[4])
  params: {
    accountName: storage[8]
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [dataStorage]
}

module operator 'modules/operator.bicep' = if (!empty(operatorPrincipalId)) {
  scope: resourceGroup(storage[2], storage[4])
  params: { accountName: storage[8], principalId: operatorPrincipalId }
  dependsOn: [data]
}

module topic 'modules/topic.bicep' = if (empty(existingSystemTopicId)) {
  scope: resourceGroup(storage[2], storage[4])
  params: { name: topicName, location: data.outputs.location, tags: tags, accountName: storage[8] }
}

module events 'modules/events.bicep' = {
  scope: resourceGroup(storage[2], storage[4])
  params: {
    topicName: topicName
    accountName: storage[8]
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [data, topic]
}

module endpoints 'modules/endpoints.bicep' = [for accountId in ['${groupId}/providers/Microsoft.Storage/storageAccounts/${hostStorageName}', storageId]: if (privateNetwork) {
  scope: group
  params: {
    location: location
    tags: tags
    accountId: accountId
    subnetId: '${networkId}/subnets/endpoints'
  }
  dependsOn: [network, hostStorage, data]
}]

module app 'modules/app.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    subnetId: privateNetwork ? '${networkId}/subnets/app' : ''
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorageName
    dataStorageName: storage[8]
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    workspaceId: monitoring.outputs.workspaceId
    appSettings: appSettings
    hasSignIn: !empty(signInClientId)
  }
  // The roles have to be there before the host starts, and so have the endpoints.
  dependsOn: [hostStorage, data, endpoints]
}

module signIn 'modules/sign-in.bicep' = if (!empty(signInClientId)) {
  scope: group
  params: { appName: app.outputs.name, signInClientId: signInClientId }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    alertEmail: alertEmail
    daysWithoutImport: daysWithoutImport
    workspaceId: monitoring.outputs.workspaceId
    topicId: events.outputs.topicId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = app.outputs.name
output AZURE_FUNCTION_URI string = app.outputs.uri
output DATA_STORAGE_ACCOUNT_NAME string = storage[8]
output HOST_STORAGE_ACCOUNT_NAME string = hostStorageName
output LOG_ANALYTICS_WORKSPACE_NAME string = monitoring.outputs.workspaceName
// What the administrators enter: the client id in Viva Insights, the principal id as the subject of a
// federated credential.
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
