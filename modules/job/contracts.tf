resource "aws_s3_object" "contract" {
  for_each = var.contracts

  bucket       = var.artifacts_bucket
  key          = "${var.artifacts_prefix}contracts/${each.key}.json"
  content      = each.value
  content_type = "application/json"

  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    precondition {
      # The state machine reads the file as a text in the result of one call, which may have 256 KiB, counted in bytes and
      # with every quote of the text escaped. Base64 makes four characters out of three bytes:
      # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
      condition     = length(base64encode(jsonencode(each.value))) * 3 / 4 <= 250000
      error_message = "The contract of dataset ${each.key} has ${floor(length(base64encode(jsonencode(each.value))) * 3 / 4)} bytes as the state machine reads it and may have 250,000: use shorter comments, or fewer columns."
    }
  }
}
