# Roles that the platform creates, for teams in an account that lets nobody else do so. The module says who has to be able to
# assume each and what it needs. Without crawled datasets there is no third role.
#
# Inside of this module and not beside it: module.<name>[<key>] waits for all of an instance, and a state machine is created
# only when its role has its policy.
locals {
  own_roles = !var.settings.platform_roles
}

resource "aws_iam_role" "platform" {
  for_each = local.own_roles ? toset([]) : toset(["job", "workflow"])

  name                 = "platform-${var.name}-${each.key}"
  path                 = var.path
  description          = "The ${each.key} of ${var.name}"
  permissions_boundary = var.permissions_boundary
  assume_role_policy   = module.lake.role_trust_policies[each.key]
}

resource "aws_iam_role_policy" "platform" {
  for_each = aws_iam_role.platform

  name   = each.key
  role   = each.value.id
  policy = module.lake.role_policies[each.key]
}
