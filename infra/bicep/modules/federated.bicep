// An app registration trusts the app's identity, so that it needs no secret and no certificate.
extension microsoftGraphV1

param applicationUniqueName string
param principalId string

resource application 'Microsoft.Graph/applications@v1.0' existing = {
  uniqueName: applicationUniqueName
}

resource credential 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${application.uniqueName}/viva-import'
  audiences: ['api://AzureADTokenExchange']
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: principalId
}
