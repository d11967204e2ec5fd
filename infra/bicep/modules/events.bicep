// Event Grid puts a message into the queue `arrivals` for each blob that is created or renamed in the inbox.
param topicName string
param accountName string
param workspaceId string

var roles = loadJsonContent('../roles.json')

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: accountName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource arrivals 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' existing = {
  parent: queues
  name: 'arrivals'
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' existing = {
  parent: account
  name: 'default'
}

resource deadLetter 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'dead-letter'
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(arrivals.id, topic.id, 'Storage Queue Data Message Sender')
  scope: arrivals
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Queue Data Message Sender'])
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource deadLetterWriter 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(deadLetter.id, topic.id, 'Storage Blob Data Contributor')
  scope: deadLetter
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Storage Blob Data Contributor'])
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
  }
}

resource eventSubscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'arrivals'
  dependsOn: [sender, deadLetterWriter]
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: account.id
          queueName: arrivals.name
          queueMessageTimeToLiveInSeconds: 604800
        }
      }
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: account.id, blobContainerName: deadLetter.name }
      }
    }
    filter: {
      // Only with a hierarchical namespace, also by SFTP, is a file renamed: often from a name that does not
      // end with .csv, when its upload is complete.
      includedEventTypes: ['Microsoft.Storage.BlobCreated', 'Microsoft.Storage.BlobRenamed']
      // In the example of Microsoft's documentation, the subject of BlobRenamed is the new name, as
      // `data.destinationUrl` is. That was never verified. If the subject were the old name, this filter would
      // drop the renaming to .csv and into the inbox; `sweep` finds such a file within an hour.
      subjectBeginsWith: '/blobServices/default/containers/inbox/blobs/'
      subjectEndsWith: '.csv'
      isSubjectCaseSensitive: false
      enableAdvancedFilteringOnArrays: true
      advancedFilters: [
        {
          // Only the calls that finish a write or rename a file. With a hierarchical namespace or SFTP, Event
          // Grid also raises an event when a file is opened and still empty.
          operatorType: 'StringIn'
          key: 'data.api'
          values: ['PutBlob', 'PutBlockList', 'CopyBlob', 'FlushWithClose', 'SftpCommit', 'RenameFile', 'SftpRename']
        }
      ]
    }
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
  }
}

resource topicLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'viva-import'
  scope: topic
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

output topicId string = topic.id
