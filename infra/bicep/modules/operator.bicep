// The accounts accept no keys, so people need roles too. These roles let one person or group write
// connections, drop files, read reports, and manage imports with `viva-import --account`.
param accountName string
param principalId string

var roles = loadJsonContent('../roles.json')
var containerNames = ['inbox', 'connections', 'packages', 'reports']
// The commands that change an import send a message for its next step.
var operatorQueueRoles = [
  { queue: 'arrivals', role: 'Storage Queue Data Reader' }
  { queue: 'arrivals-poison', role: 'Storage Queue Data Reader' }
  { queue: 'steps', role: 'Storage Queue Data Message Sender' }
  { queue: 'steps-poison', role: 'Storage Queue Data Reader' }
]

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

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' existing = [for name in containerNames: {
  parent: blobs
  name: name
}]

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' existing = [for item in operatorQueueRoles: {
  parent: queues
  name: item.queue
}]

resource imports 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' existing = {
  parent: tables
  name: 'imports'
}

resource containerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for i in range(0, length(containerNames)): {
  name: guid(container[i].id, principalId, 'Storage Blob Data Contributor')
  scope: container[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Blob Data Contributor'])
    principalId: principalId
  }
}]

resource queueRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (item, i) in operatorQueueRoles: {
  name: guid(queue[i].id, principalId, item.role)
  scope: queue[i]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[item.role])
    principalId: principalId
  }
}]

resource tableRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(imports.id, principalId, 'Storage Table Data Contributor')
  scope: imports
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Table Data Contributor'])
    principalId: principalId
  }
}
