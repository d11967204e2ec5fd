locals {
  storage_services = ["blob", "queue", "table"]
  endpoints = var.private_network ? {
    for pair in setproduct(["host", "data"], local.storage_services) : join("-", pair) => {
      service    = pair[1]
      account_id = pair[0] == "host" ? azurerm_storage_account.host.id : local.data_account_id
      account    = pair[0] == "host" ? azurerm_storage_account.host.name : local.data_account_name
    }
  } : {}
}

# No rules of its own: the default rules block all traffic from the internet.
resource "azurerm_network_security_group" "this" {
  count               = var.private_network ? 1 : 0
  name                = "nsg-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_virtual_network" "this" {
  count               = var.private_network ? 1 : 0
  name                = "vnet-${local.token}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  address_space       = [var.address_prefix]
  tags                = local.tags
}

resource "azurerm_subnet" "app" {
  count                = var.private_network ? 1 : 0
  name                 = "app"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = [var.app_subnet_prefix]
  delegation {
    name = "app"
    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  count                = var.private_network ? 1 : 0
  name                 = "endpoints"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = [var.endpoint_subnet_prefix]
}

resource "azurerm_subnet_network_security_group_association" "app" {
  count                     = var.private_network ? 1 : 0
  subnet_id                 = azurerm_subnet.app[0].id
  network_security_group_id = azurerm_network_security_group.this[0].id
}

resource "azurerm_subnet_network_security_group_association" "endpoints" {
  count                     = var.private_network ? 1 : 0
  subnet_id                 = azurerm_subnet.endpoints[0].id
  network_security_group_id = azurerm_network_security_group.this[0].id
}

resource "azurerm_private_dns_zone" "this" {
  for_each            = toset(var.private_network ? local.storage_services : [])
  name                = "privatelink.${each.key}.core.windows.net"
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each             = azurerm_private_dns_zone.this
  name                 = azurerm_virtual_network.this[0].name
  private_dns_zone_id  = each.value.id
  virtual_network_id   = azurerm_virtual_network.this[0].id
  registration_enabled = false
  tags                 = local.tags
}

resource "azurerm_private_endpoint" "this" {
  for_each            = local.endpoints
  name                = "pep-${each.value.account}-${each.value.service}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  subnet_id           = azurerm_subnet.endpoints[0].id
  tags                = local.tags
  private_service_connection {
    name                           = each.value.service
    private_connection_resource_id = each.value.account_id
    subresource_names              = [each.value.service]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this[each.value.service].id]
  }
}
