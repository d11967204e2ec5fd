# App Service asks people to sign in before they reach the app.
locals {
  has_sign_in = var.sign_in_client_id != ""
}

# An update: every app has these settings, and azapi_resource refuses what is there already
# (hashicorp/terraform-provider-azurerm#31658).
resource "azapi_update_resource" "authentication" {
  count     = local.has_sign_in ? 1 : 0
  type      = "Microsoft.Web/sites/config@2024-11-01"
  parent_id = azapi_resource.app.id
  name      = "authsettingsV2"
  body = {
    properties = {
      platform = { enabled = true }
      globalValidation = {
        requireAuthentication       = true
        unauthenticatedClientAction = "RedirectToLoginPage"
        redirectToProvider          = "azureactivedirectory"
        # Programs cannot sign in: the host asks them for a function's key in its place. Microsoft documents a path as it
        # is and `*` at its end ("File-based configuration in Azure App Service authentication"), and does not say whether a
        # path without `*` covers what is below it. So both are named; neither was tried on Flex Consumption.
        excludedPaths = ["/api/health", "/api/v1", "/api/v1/*"]
      }
      identityProviders = {
        azureActiveDirectory = {
          enabled = true
          # Without a client secret: an ID token tells who it is, and more is not asked for.
          registration = {
            clientId     = var.sign_in_client_id
            openIdIssuer = "https://login.microsoftonline.com/${data.azurerm_client_config.current.tenant_id}/v2.0"
          }
          validation = { allowedAudiences = [var.sign_in_client_id] }
        }
      }
      login        = { tokenStore = { enabled = false } }
      httpSettings = { requireHttps = true }
    }
  }
}
