# App Service requires people to sign in before they reach the app.
locals {
  has_sign_in = var.sign_in_client_id != ""
}

# This updates the settings because every app already has them, and azapi_resource does not accept an existing
# resource (hashicorp/terraform-provider-azurerm#31658).
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
        # Programs cannot sign in. The host requires a function key from them instead. Microsoft documents an exact path and a
        # path with `*` at its end ("File-based configuration in Azure App Service authentication"), but not whether a path
        # without `*` includes the paths below it. So both are listed. Neither was tried on Flex Consumption.
        excludedPaths = ["/api/health", "/api/v1", "/api/v1/*"]
      }
      identityProviders = {
        azureActiveDirectory = {
          enabled = true
          # Without a client secret: the ID token identifies the person, and nothing else is needed.
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
