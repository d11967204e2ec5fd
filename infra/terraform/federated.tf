# An app registration trusts the app's identity, in place of a secret or a certificate.
#
# By the Azure CLI, because neither azurerm nor azapi speaks Microsoft Graph, and the azuread provider
# would have every deployment sign in to Graph for this one object.
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
