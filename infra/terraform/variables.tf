variable "environment_name" {
  description = "Name of the environment. Together with the subscription and the location, it determines the names of all resources. 3 to 20 lower-case letters, digits or hyphens."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9-]{3,20}$", var.environment_name))
    error_message = "environment_name must be 3 to 20 lower-case letters, digits or hyphens."
  }
}

variable "location" {
  description = "Azure region. Not every region offers Flex Consumption."
  type        = string
}

variable "alert_email" {
  description = "E-mail address that receives every alert."
  type        = string
  validation {
    condition     = length(var.alert_email) >= 3
    error_message = "alert_email must be an e-mail address."
  }
}

variable "retention_days" {
  description = "Days after which HR exports, packages, reports and dead letters are deleted. A file can wait three days for its push (QUEUE_TIMEOUT_SECONDS), and longer behind other files."
  type        = number
  default     = 30
  validation {
    condition     = var.retention_days >= 7
    error_message = "retention_days must be at least 7, so that no waiting file is deleted."
  }
}

variable "soft_delete_days" {
  description = "Days for which deleted data can be restored. Soft-deleted HR data is still HR data, so keep the number low."
  type        = number
  default     = 7
  validation {
    condition     = var.soft_delete_days >= 1 && var.soft_delete_days <= 365
    error_message = "soft_delete_days must be 1 to 365."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 90
  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "log_retention_days must be 30 to 730."
  }
}

variable "days_without_import" {
  description = "Days without a completed import of a connection after which an alert is raised. The default, 8, is a week and a day."
  type        = number
  default     = 8
  validation {
    condition     = var.days_without_import >= 1
    error_message = "days_without_import must be at least 1."
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
  description = "Maximum number of instances: 1 to 1,000; some regions refuse fewer than 40. More of them do not speed up the imports of one tenant, which run one at a time. 4 are enough where the region takes it."
  type        = number
  default     = 40
  validation {
    condition     = var.maximum_instance_count >= 1 && var.maximum_instance_count <= 1000
    error_message = "maximum_instance_count must be 1 to 1000."
  }
}

variable "app_settings" {
  description = "More app settings of the program; `viva-import settings` lists them. They override the schedules, but not the settings that connect the resources."
  type        = map(string)
  default     = {}
}

variable "operator_principal_id" {
  description = "Object id of the person or group that runs the imports: writes connections, drops files, reads reports. Without it, nobody can do this until somebody assigns the roles."
  type        = string
  default     = ""
}

variable "sign_in_client_id" {
  description = "Client id of an Entra app registration with which people sign in, instead of using a key. It needs the redirect URI https://<app host name>/.auth/login/aad/callback and must issue ID tokens, because there is no client secret. Its app roles (infra/app-roles.json) determine what a person can do."
  type        = string
  default     = ""
}

variable "private_network" {
  description = "Whether storage is reachable only through private endpoints, with the app in a virtual network."
  type        = bool
  default     = false
}

variable "address_prefix" {
  description = "Address range of the virtual network."
  type        = string
  default     = "10.20.0.0/24"
}

variable "app_subnet_prefix" {
  description = "Address range of the app in the virtual network, at least a /27."
  type        = string
  default     = "10.20.0.0/26"
}

variable "endpoint_subnet_prefix" {
  description = "Address range of the private endpoints in the virtual network."
  type        = string
  default     = "10.20.0.64/26"
}

variable "existing_storage_account_id" {
  description = "Resource id of an existing storage account for the data, instead of a new one. Its firewall, soft delete, lifecycle, encryption and locks belong to its owner and are not changed."
  type        = string
  default     = ""
  validation {
    condition     = var.existing_storage_account_id == "" || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.Storage/storageAccounts/[^/]+$", var.existing_storage_account_id))
    error_message = "existing_storage_account_id must be the resource id of a storage account."
  }
}

variable "existing_system_topic_id" {
  description = "Resource id of the Event Grid system topic of that account, if it already has one. An account can have only one. The topic must be in the resource group of the account and have a system-assigned identity."
  type        = string
  default     = ""
  validation {
    condition     = var.existing_system_topic_id == "" || var.existing_storage_account_id != ""
    error_message = "existing_system_topic_id needs existing_storage_account_id, the account of the topic."
  }
}

variable "federated_application_unique_name" {
  description = "uniqueName of an app registration that is to trust the app's identity (`federatedIdentity` in a connection). The person who deploys must be allowed to change it."
  type        = string
  default     = ""
}

variable "customer_managed_key_id" {
  description = "Resource id of a Key Vault key (.../vaults/NAME/keys/NAME) that encrypts the data. The vault needs purge protection and Azure RBAC, and must allow trusted services."
  type        = string
  default     = ""
  validation {
    condition     = var.customer_managed_key_id == "" || can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft.KeyVault/vaults/[^/]+/keys/[^/]+$", var.customer_managed_key_id))
    error_message = "customer_managed_key_id must be the resource id of a key in a vault."
  }
}

variable "delete_lock" {
  description = "Whether a lock prevents the deletion of the data account. `terraform destroy` removes the lock first."
  type        = bool
  default     = false
}

variable "defender_for_storage" {
  description = "Whether Microsoft Defender for Storage monitors the data account and scans uploaded files. It is charged per gigabyte."
  type        = bool
  default     = false
}
