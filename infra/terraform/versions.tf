terraform {
  required_version = ">= 1.9"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
    azapi = {
      source  = "Azure/azapi"
      version = "~> 2.5"
    }
  }
}

# The subscription is that of ARM_SUBSCRIPTION_ID.
provider "azurerm" {
  features {
    storage {
      # Accounts are made through Azure Resource Manager alone: without keys, and from outside a private
      # network, nothing else would work.
      data_plane_available = false
    }
  }
  storage_use_azuread = true
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.EventGrid",
    "Microsoft.Insights",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Security",
    "Microsoft.Storage",
    "Microsoft.Web",
  ]
}

provider "azapi" {}
