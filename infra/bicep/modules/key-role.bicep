// The identity of the data account can only wrap and unwrap with this key.
param vaultName string
param keyName string
param identityId string

var roles = loadJsonContent('../roles.json')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource key 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = {
  parent: vault
  name: keyName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  scope: resourceGroup(split(identityId, '/')[2], split(identityId, '/')[4])
  name: last(split(identityId, '/'))
}

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(key.id, identityId, 'Key Vault Crypto Service Encryption User')
  scope: key
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Crypto Service Encryption User'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}
