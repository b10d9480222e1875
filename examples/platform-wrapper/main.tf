# A platform team offers the module to its teams: each describes its lake in a file of its own, and what all have in common is
# written once. What a team may say is what team/variables.tf lets it.
provider "aws" {
  default_tags {
    tags = { managed-by = "platform" }
  }
}

locals {
  folder = coalesce(var.teams_folder, "${path.module}/teams")
  teams = {
    for file in fileset(local.folder, "*.yaml") : trimsuffix(file, ".yaml") => yamldecode(file("${local.folder}/${file}"))
  }
  path = "/data-platform/"
}

module "team" {
  source   = "./team"
  for_each = local.teams

  name                 = each.key
  settings             = each.value
  path                 = local.path
  permissions_boundary = aws_iam_policy.boundary.arn
  on_call_topic_arn    = var.on_call_topic_arn
  keep_data            = var.keep_data
}

# The most that any role of a lake can ever do, whatever its policies say: what the module's roles do, and nothing to IAM.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
data "aws_iam_policy_document" "boundary" {
  # checkov:skip=CKV_AWS_108:A boundary allows nothing by itself; each role's own policy names its resources.
  # checkov:skip=CKV_AWS_109:As above.
  # checkov:skip=CKV_AWS_110:As above.
  # checkov:skip=CKV_AWS_111:As above.
  # checkov:skip=CKV_AWS_356:As above.
  statement {
    sid = "MostOfALake"
    actions = [
      "athena:*", "cloudwatch:PutMetricData", "glue:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "logs:*",
      "s3:*", "states:*", "xray:*",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "data-platform-lakes"
  path        = local.path
  description = "Permissions boundary of the roles of all lakes"
  policy      = data.aws_iam_policy_document.boundary.json
}
