// App Service asks people to sign in before they reach the app.
param appName string
param signInClientId string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource authentication 'Microsoft.Web/sites/config@2024-11-01' = {
  // checkov:skip=CKV_AZURE_13:It is set; the check knows the first version of these settings alone
  // checkov:skip=CKV_AZURE_63:Asked of every config, and this one is no log
  // checkov:skip=CKV_AZURE_65:Asked of every config, and this one is no log
  // checkov:skip=CKV_AZURE_66:Asked of every config, and this one is no log
  // checkov:skip=CKV_AZURE_80:Asked of every config, and this one is no runtime
  // checkov:skip=CKV_AZURE_88:Asked of every config, and this one is no storage
  // checkov:skip=CKV_AZURE_222:Asked of every config; that of the app is told in app.bicep
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // Programs cannot sign in: the host asks them for a function's key in its place. Microsoft documents a path as it
      // is and `*` at its end ("File-based configuration in Azure App Service authentication"), and does not say whether a
      // path without `*` covers what is below it. So both are named; neither was tried on Flex Consumption.
      excludedPaths: ['/api/health', '/api/v1', '/api/v1/*']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        // Without a client secret: an ID token tells who it is, and more is not asked for.
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: [signInClientId] }
      }
    }
    login: { tokenStore: { enabled: false } }
    httpSettings: { requireHttps: true }
  }
}
