variable "name" {
  type        = string
  nullable    = false
  description = "Name of the instance; the crawlers' role is named after it."
}

variable "database_name" {
  type        = string
  nullable    = false
  description = "Name of the Glue database."
}

variable "raw_bucket" {
  type        = string
  nullable    = false
  description = "Bucket of the CSV files."
}

variable "crawled" {
  type = map(object({
    crawler_name = string
    prefix       = string
    csv          = object({ delimiter = string, quote = optional(string), header = bool })
  }))
  nullable    = false
  description = "The datasets whose columns a crawler finds, by name."
}

variable "tags" {
  type        = map(string)
  nullable    = false
  description = "Tags of everything created here."
}
