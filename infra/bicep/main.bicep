// Everything that viva-import needs in Azure, in one resource group. infra/terraform deploys the same.
targetScope = 'subscription'

@description('Name of the environment. Together with the subscription and the location, it determines the names of all resources. 3 to 20 lower-case letters, digits or hyphens.')
@minLength(3)
@maxLength(20)
param environmentName string

@description('Azure region. Not every region offers Flex Consumption.')
param location string

@description('E-mail address that receives every alert.')
@minLength(3)
param alertEmail string

@description('Days after which HR exports, packages, reports and dead letters are deleted. A file can wait three days for its push (QUEUE_TIMEOUT_SECONDS), and longer behind other files.')
@minValue(7)
param retentionDays int = 30

@description('Days for which deleted data can be restored. Soft-deleted HR data is still HR data, so keep the number low.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 7

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Days without a completed import of a connection after which an alert is raised. The default, 8, is a week and a day.')
@minValue(1)
param daysWithoutImport int = 8

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Maximum number of instances: 1 to 1,000; some regions refuse fewer than 40. More of them do not speed up the imports of one tenant, which run one at a time. 4 are enough where the region takes it.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('More app settings of the program; `viva-import settings` lists them. They override the schedules, but not the settings that connect the resources.')
param appSettings object = {}

@description('Object id of the person or group that runs the imports: writes connections, drops files, reads reports. Without it, nobody can do this until somebody assigns the roles.')
param operatorPrincipalId string = ''

@description('Client id of an Entra app registration with which people sign in, instead of using a key. It needs the redirect URI https://<app host name>/.auth/login/aad/callback and must issue ID tokens, because there is no client secret. Its app roles (infra/app-roles.json) determine what a person can do.')
param signInClientId string = ''

@description('Whether storage is reachable only through private endpoints, with the app in a virtual network.')
param privateNetwork bool = false

@description('Address range of the virtual network.')
param addressPrefix string = '10.20.0.0/24'

@description('Address range of the app in the virtual network, at least a /27.')
param appSubnetPrefix string = '10.20.0.0/26'

@description('Address range of the private endpoints in the virtual network.')
param endpointSubnetPrefix string = '10.20.0.64/26'

@description('Resource id of an existing storage account for the data, instead of a new one. Its firewall, soft delete, lifecycle, encryption and locks belong to its owner and are not changed.')
param existingStorageAccountId string = ''

@description('Resource id of the Event Grid system topic of that account, if it already has one. An account can have only one. The topic must be in the resource group of the account and have a system-assigned identity.')
param existingSystemTopicId string = ''

@description('uniqueName of an app registration that is to trust the app\'s identity (`federatedIdentity` in a connection). The person who deploys must be allowed to change it.')
param federatedApplicationUniqueName string = ''

@description('Resource id of a Key Vault key (.../vaults/NAME/keys/NAME) that encrypts the data. The vault needs purge protection and Azure RBAC, and must allow trusted services.')
param customerManagedKeyId string = ''

@description('Whether a lock prevents the deletion of the data account. `azd down` fails until you remove the lock.')
param deleteLock bool = false

@description('Whether Microsoft Defender for Storage monitors the data account and scans uploaded files. It is charged per gigabyte.')
param defenderForStorage bool = false

// guid() returns a version 5 UUID, which Terraform can compute too. So both languages create the same names.
var token = take(replace(guid(subscription().id, environmentName, location), '-', ''), 13)
var tags = { 'azd-env-name': environmentName }
var groupName = 'rg-${environmentName}'
var groupId = '${subscription().id}/resourceGroups/${groupName}'
var networkId = '${groupId}/providers/Microsoft.Network/virtualNetworks/vnet-${token}'
var hostStorageName = 'sthost${token}'

var ownsStorage = empty(existingStorageAccountId)
var storageId = ownsStorage ? '${groupId}/providers/Microsoft.Storage/storageAccounts/stdata${token}' : existingStorageAccountId
// Index 2 is the subscription, 4 the resource group, 8 the account.
var storage = split(storageId, '/')
var topicName = empty(existingSystemTopicId) ? 'evgt-${token}' : last(split(existingSystemTopicId, '/'))

// Index 8 is the vault, 10 the key. Without a key, no resource that uses these values is deployed.
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

// A separate identity, because the identity that reads the data must not be able to use the key.
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
  // The roles and the endpoints must exist before the host starts.
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
// Administrators enter the client id in Viva Insights, and the principal id as the subject of a federated
// credential.
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
