output "role_arns" {
  description = "For each service account, the role that its annotation eks.amazonaws.com/role-arn names."
  value       = { for key, role in local.roles : role.service_account => module.role[key].role_arn }
}
