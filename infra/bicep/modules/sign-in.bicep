// App Service requires people to sign in before they reach the app.
param appName string
param signInClientId string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource authentication 'Microsoft.Web/sites/config@2024-11-01' = {
  // checkov:skip=CKV_AZURE_13:It is set; the check knows only the first version of these settings
  // checkov:skip=CKV_AZURE_63:Applied to every config; this one configures no log
  // checkov:skip=CKV_AZURE_65:Applied to every config; this one configures no log
  // checkov:skip=CKV_AZURE_66:Applied to every config; this one configures no log
  // checkov:skip=CKV_AZURE_80:Applied to every config; this one configures no runtime
  // checkov:skip=CKV_AZURE_88:Applied to every config; this one configures no storage
  // checkov:skip=CKV_AZURE_222:Applied to every config; app.bicep gives the reason for the app
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // Programs cannot sign in. The host requires a function key from them instead. Microsoft documents an exact path and a
      // path with `*` at its end ("File-based configuration in Azure App Service authentication"), but not whether a path
      // without `*` includes the paths below it. So both are listed. Neither was tried on Flex Consumption.
      excludedPaths: ['/api/health', '/api/v1', '/api/v1/*']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        // Without a client secret: the ID token identifies the person, and nothing else is needed.
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
