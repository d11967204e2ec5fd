// Containers, queues and table of the program in an existing account, and its roles on each.
param accountName string
param principalId string
param workspaceId string

var roles = loadJsonContent('../roles.json')

var containers = [
  { name: 'inbox', role: 'Storage Blob Data Reader' }
  { name: 'connections', role: 'Storage Blob Data Reader' }
  { name: 'packages', role: 'Storage Blob Data Contributor' }
  { name: 'reports', role: 'Storage Blob Data Contributor' }
]

// While the trigger works on a message, it extends the time in which the message is invisible. That is an
// update of the message, which Reader and Message Processor do not permit. The trigger moves a message
// that failed too often into the poison queue, for which it only has to send. `sweep` and `advance` receive and delete
// the messages there, and `doctor` peeks at them; Message Processor permits all three. Nobody reads the
// properties of that queue or updates its messages, so Reader and Contributor are not needed.
var queueRoles = [
  { queue: 'arrivals', role: 'Storage Queue Data Contributor' }
  { queue: 'steps', role: 'Storage Queue Data Contributor' }
  { queue: 'arrivals-poison', role: 'Storage Queue Data Message Sender' }
  { queue: 'arrivals-poison', role: 'Storage Queue Data Message Processor' }
  { queue: 'steps-poison', role: 'Storage Queue Data Message Sender' }
  { queue: 'steps-poison', role: 'Storage Queue Data Message Processor' }
]
var queueNames = ['arrivals', 'arrivals-poison', 'steps', 'steps-poison']

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [for item in containers: {
  parent: blobs
  name: item.name
}]

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = [for name in queueNames: {
  parent: queues
  name: name
}]

resource imports 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' = {
  parent: tables
  name: 'imports'
}

resource containerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (item, i) in containers: {
  name: guid(container[i].id, principalId, item.role)
  scope: container[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[item.role])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

resource queueRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for item in queueRoles: {
  name: guid(queue[indexOf(queueNames, item.queue)].id, principalId, item.role)
  scope: queue[indexOf(queueNames, item.queue)]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[item.role])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

resource tableRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(imports.id, principalId, 'Storage Table Data Contributor')
  scope: imports
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Table Data Contributor'])
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

// Logs who read, changed or deleted HR data. Reads of queue and table are not logged: the host polls both
// every few seconds.
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'viva-import'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: { category: category, enabled: true }]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'viva-import'
  scope: queues
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageWrite', enabled: true }]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'viva-import'
  scope: tables
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['StorageWrite', 'StorageDelete']: { category: category, enabled: true }]
  }
}

output location string = account.location
