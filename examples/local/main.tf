# The pipeline of `make demo`: real flights, on the local AWS. Where AWS is comes from the environment
# (AWS_ENDPOINT_URL, AWS_REGION); nothing below knows about an emulator but the provider's settings.
provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

locals {
  nulls = ["", "NA"]
}

module "flights_lake" {
  source = "../.."

  name          = "flights-local"
  force_destroy = true
  # The local endpoint speaks plain HTTP.
  require_tls = false
  # The provider waits a minute per bucket for lifecycle rules to settle.
  lifecycle_rules = { enabled = false }
  # The local crawler is done in a moment.
  workflow = { timeouts = { crawler_poll_seconds = 1 } }

  datasets = {
    flights = {
      partition_keys = [{ name = "flight_month" }]
      csv            = { null_values = local.nulls }
      columns = [
        { name = "year", type = "int", required = true },
        { name = "month", type = "int", required = true },
        { name = "day", type = "int", required = true },
        { name = "dep_time", type = "int" },
        { name = "sched_dep_time", type = "int" },
        { name = "dep_delay", type = "int", comment = "minutes" },
        { name = "arr_time", type = "int" },
        { name = "sched_arr_time", type = "int" },
        { name = "arr_delay", type = "int", comment = "minutes" },
        { name = "carrier", required = true },
        { name = "flight", type = "int" },
        { name = "tailnum" },
        { name = "origin" },
        { name = "dest" },
        { name = "air_time", type = "int", comment = "minutes" },
        { name = "distance", type = "int", comment = "miles" },
        { name = "hour", type = "int" },
        { name = "minute", type = "int" },
        { name = "time_hour", type = "timestamp", comment = "scheduled departure, full hour, UTC" },
      ]
    }
    airlines = {
      columns = [
        { name = "carrier", required = true },
        { name = "name" },
      ]
    }
    # No columns: the crawler finds them.
    airports = {}
  }

  views = [
    {
      name = "carrier_delays"
      sql  = <<-SQL
        SELECT a.name AS carrier_name, f.flight_month, count(*) AS flights, avg(f.arr_delay) AS mean_arrival_delay
        FROM flights AS f
        JOIN airlines AS a ON a.carrier = f.carrier
        GROUP BY a.name, f.flight_month
      SQL
    },
  ]
}
