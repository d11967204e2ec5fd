// Private endpoints of one storage account in the virtual network, one for each of its services.
param location string
param tags object
param accountId string
param subnetId string

var services = ['blob', 'queue', 'table']
var accountName = last(split(accountId, '/'))

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = [for service in services: {
  name: 'pep-${accountName}-${service}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: service
        properties: { privateLinkServiceId: accountId, groupIds: [service] }
      }
    ]
  }
}]

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = [for service in services: {
  name: 'privatelink.${service}.${environment().suffixes.storage}'
}]

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [for (service, i) in services: {
  parent: endpoint[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: service, properties: { privateDnsZoneId: zone[i].id } }]
  }
}]
