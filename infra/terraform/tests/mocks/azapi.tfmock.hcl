mock_data "azapi_resource" {
  defaults = { location = "northeurope" }
}

mock_resource "azapi_resource" {
  defaults = {
    id     = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-hrtest/providers/Microsoft.Web/sites/func-hr"
    output = { properties = { defaultHostName = "func-hr.azurewebsites.net" } }
  }
}
