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

# The environment variable ARM_SUBSCRIPTION_ID names the subscription.
provider "azurerm" {
  features {
    storage {
      # Terraform manages the accounts through Azure Resource Manager only. Nothing else works without keys and from
      # outside a private network.
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
