variable "database_name" {
  type        = string
  nullable    = false
  description = "Glue database of the tables and views."
}

variable "datasets" {
  type        = map(object({ prefix = string, folder = string, tables = list(string) }))
  nullable    = false
  description = <<-EOT
    What there is of each dataset, by its name.
    - `prefix`: folder of its CSV files in the raw bucket, ending in a slash.
    - `folder`: what its folders in the lake are called: its name, or the first one that it had.
    - `tables`: names of the tables and views that show nothing but this dataset.
  EOT
}

variable "views" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "Names of the views that may show several datasets: only who may read all of them may read these."
}

variable "raw_bucket" {
  type        = string
  nullable    = false
  description = "Bucket the CSV files are uploaded to."
}

variable "lake_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the tables and the quarantine."
}

variable "workgroup_name" {
  type        = string
  nullable    = false
  description = "Athena workgroup that queries run in."
}

variable "results_uri" {
  type        = string
  nullable    = false
  description = "Where the results of queries go, `s3://bucket/prefix/`."
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of lake and results; null when none is used."
}

variable "upload_key_arn" {
  type        = string
  default     = null
  description = "KMS key that uploads are encrypted with; null when none is used."
}

variable "decrypt_key_arns" {
  type        = list(string)
  nullable    = false
  default     = []
  description = "Further KMS keys to read with: the Data Catalog's, and those that older files were written under."
}
