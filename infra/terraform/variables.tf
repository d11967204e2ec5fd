variable "environment_name" {
  description = "With subscription and location it names everything: 3 to 20 lower-case letters, digits or hyphens."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9-]{3,20}$", var.environment_name))
    error_message = "environment_name must be 3 to 20 lower-case letters, digits or hyphens."
  }
}

variable "location" {
  description = "Azure region. Flex Consumption is not in all of them."
  type        = string
}

variable "alert_email" {
  description = "Who gets the e-mail of every alert."
  type        = string
  validation {
    condition     = length(var.alert_email) >= 3
    error_message = "alert_email must be an e-mail address."
  }
}

variable "retention_days" {
  description = "After so many days HR exports, packages, reports and dead letters are deleted. A file may wait three days for its push (QUEUE_TIMEOUT_SECONDS), and longer in line."
  type        = number
  default     = 30
  validation {
    condition     = var.retention_days >= 7
    error_message = "retention_days must be 7 at least: a file is read as long as it waits."
  }
}

variable "soft_delete_days" {
  description = "For so many days what was deleted can be brought back. Soft-deleted HR data is still HR data: keep it short."
  type        = number
  default     = 7
  validation {
    condition     = var.soft_delete_days >= 1 && var.soft_delete_days <= 365
    error_message = "soft_delete_days must be 1 to 365."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 90
  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "log_retention_days must be 30 to 730."
  }
}

variable "days_without_import" {
  description = "An alert is raised when a connection has imported nothing for so many days. Eight is a week and a day."
  type        = number
  default     = 8
  validation {
    condition     = var.days_without_import >= 1
    error_message = "days_without_import must be 1 at least."
  }
}

variable "instance_memory_mb" {
  description = "Memory of an instance in MB."
  type        = number
  default     = 2048
  validation {
    condition     = contains([512, 2048, 4096], var.instance_memory_mb)
    error_message = "Flex Consumption offers 512, 2048 or 4096 MB."
  }
}

variable "maximum_instance_count" {
  description = "The most instances there may be. Imports of one tenant go one by one, so this is no knob for them."
  type        = number
  default     = 40
  validation {
    condition     = var.maximum_instance_count >= 40 && var.maximum_instance_count <= 1000
    error_message = "maximum_instance_count must be 40 to 1000."
  }
}

variable "app_settings" {
  description = "More app settings of the program: `viva-import settings` lists them. They win over the schedules, and lose against what connects the parts."
  type        = map(string)
  default     = {}
}

variable "operator_principal_id" {
  description = "Object id of the person or group that runs the imports: writes connections, drops files, reads reports. Without one nobody can, until somebody gives roles."
  type        = string
  default     = ""
}

variable "sign_in_client_id" {
  description = "Client id of an Entra app registration with which people sign in, in place of a key. It needs the redirect URI https://<app host name>/.auth/login/aad/callback, and has to allow ID tokens: there is no client secret. Its app roles (infra/app-roles.json) say what a person may do."
  type        = string
  default     = ""
}

variable "private_network" {
  description = "Storage is reached through private endpoints only, and the app runs in a virtual network."
  type        = bool
  default     = false
}

variable "address_prefix" {
  description = "Addresses of that network."
  type        = string
  default     = "10.20.0.0/24"
}

variable "app_subnet_prefix" {
  description = "Of the app in it; a /27 is the least."
  type        = string
  default     = "10.20.0.0/26"
}

variable "endpoint_subnet_prefix" {
  description = "Of the private endpoints in it."
  type        = string
  default     = "10.20.0.64/26"
}

variable "existing_storage_account_id" {
  description = "Resource id of a storage account that is to hold the data, in place of a new one. Its firewall, soft delete, lifecycle, encryption and locks stay as they are: they are its owner's."
  type        = string
  default     = ""
  validation {
    condition     = var.existing_storage_account_id == "" || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Storage/storageAccounts/[^/]+$", var.existing_storage_account_id))
    error_message = "existing_storage_account_id must be the resource id of a storage account."
  }
}

variable "existing_system_topic_id" {
  description = "Resource id of that account's Event Grid system topic, where it has one already (an account has one at most). It must be in the account's resource group and have a system-assigned identity."
  type        = string
  default     = ""
  validation {
    condition     = var.existing_system_topic_id == "" || var.existing_storage_account_id != ""
    error_message = "A system topic exists only where its storage account does: set existing_storage_account_id too."
  }
}

variable "federated_application_unique_name" {
  description = "uniqueName of an app registration that is to trust the app's identity (`federatedIdentity` in a connection). Whoever deploys must be allowed to change it."
  type        = string
  default     = ""
}

variable "customer_managed_key_id" {
  description = "Resource id of a Key Vault key (.../vaults/NAME/keys/NAME) that encrypts the data. The vault needs purge protection, Azure RBAC, and has to let trusted services in."
  type        = string
  default     = ""
  validation {
    condition     = var.customer_managed_key_id == "" || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.KeyVault/vaults/[^/]+/keys/[^/]+$", var.customer_managed_key_id))
    error_message = "customer_managed_key_id must be the resource id of a key in a vault."
  }
}

variable "delete_lock" {
  description = "Nobody can delete the data account before the lock is gone; `terraform destroy` takes it away first."
  type        = bool
  default     = false
}

variable "defender_for_storage" {
  description = "Microsoft Defender for Storage watches the data account and scans what is uploaded. It costs per gigabyte."
  type        = bool
  default     = false
}
