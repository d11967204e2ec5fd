# An app registration trusts the app's identity, so that it needs no secret and no certificate.
#
# This uses the Azure CLI because azurerm and azapi do not support Microsoft Graph. With the azuread provider,
# every deployment would have to sign in to Graph for this one object.
locals {
  federated_credential_url = "https://graph.microsoft.com/v1.0/applications(uniqueName='${var.federated_application_unique_name}')/federatedIdentityCredentials(name='viva-import')"
}

resource "terraform_data" "federated_credential" {
  count = var.federated_application_unique_name == "" ? 0 : 1

  triggers_replace = {
    url = local.federated_credential_url
    body = jsonencode({
      audiences = ["api://AzureADTokenExchange"]
      issuer    = "https://login.microsoftonline.com/${data.azurerm_client_config.current.tenant_id}/v2.0"
      subject   = azurerm_user_assigned_identity.app.principal_id
    })
  }

  provisioner "local-exec" {
    interpreter = ["bash", "-c"]
    command     = "az rest --method PATCH --url \"$URL\" --headers Prefer=create-if-missing Content-Type=application/json --body \"$BODY\""
    environment = { URL = self.triggers_replace.url, BODY = self.triggers_replace.body }
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["bash", "-c"]
    command     = "az rest --method DELETE --url \"$URL\""
    environment = { URL = self.triggers_replace.url }
  }
}
