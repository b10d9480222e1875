# Buckets, roles, keys, the job, Athena, the state machine, and who is told.
# Every rule has a run that is refused and a twin, as near to it as can be, that is not. This folder is nothing but
# the root's variables (by symbolic link), so no provider has to start: terraform -chdir=tests/rules test
variables {
  name     = "sales-lake"
  datasets = { orders = { columns = [{ name = "order_id" }] } }
}

run "refuses_a_brought_bucket_without_a_name" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { raw = { create = false } }
  }
}

run "accepts_a_brought_bucket_with_a_name" {
  variables {
    buckets = { raw = { create = false, name = "landing" } }
  }
}

run "refuses_a_bucket_named_by_its_uri" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "s3://lake" } }
  }
}

run "accepts_a_bucket_named_by_its_name" {
  variables {
    buckets = { lake = { name = "lake" } }
  }
}

run "refuses_two_created_buckets_of_one_name" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "data" }, artifacts = { name = "data" } }
  }
}

run "accepts_two_brought_buckets_of_one_name" {
  variables {
    buckets = { lake = { create = false, name = "data" }, artifacts = { create = false, name = "data" } }
  }
}

run "refuses_an_artifacts_prefix_with_a_slash_in_front" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { artifacts = { prefix = "/tools" } }
  }
}

run "accepts_an_artifacts_prefix_of_two_folders" {
  variables {
    buckets = { artifacts = { prefix = "tools/csv" } }
  }
}

run "refuses_csv_files_among_the_tables_of_a_shared_bucket" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    datasets = {
      orders = {
        prefix  = "tables/orders"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "data" }, lake = { create = false, name = "data" } }
  }
}

run "accepts_csv_files_beside_the_tables_of_a_shared_bucket" {
  variables {
    datasets = {
      orders = {
        prefix  = "raw/orders"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "data" }, lake = { create = false, name = "data" } }
  }
}

run "refuses_csv_files_among_the_query_results_of_a_shared_bucket" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    datasets = {
      orders = {
        prefix  = "athena-results/orders"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "data" }, lake = { create = false, name = "data" } }
  }
}

run "accepts_such_a_folder_in_a_bucket_of_its_own" {
  variables {
    datasets = {
      orders = {
        prefix  = "athena-results/orders"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "landing" }, lake = { create = false, name = "data" } }
  }
}

run "refuses_scripts_among_the_csv_files_of_a_shared_bucket" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    datasets = {
      orders = {
        prefix  = "pipeline"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "data" }, artifacts = { create = false, name = "data", prefix = "pipeline/tools" } }
  }
}

run "accepts_scripts_beside_the_csv_files_of_a_shared_bucket" {
  variables {
    datasets = {
      orders = {
        prefix  = "pipeline/orders"
        columns = [{ name = "order_id" }]
      }
    }
    buckets = { raw = { create = false, name = "data" }, artifacts = { create = false, name = "data", prefix = "pipeline/tools" } }
  }
}

run "refuses_lifecycle_days_of_zero" {
  command         = plan
  expect_failures = [var.lifecycle_rules]
  variables {
    lifecycle_rules = { athena_results_days = 0 }
  }
}

run "accepts_lifecycle_days_of_one" {
  variables {
    lifecycle_rules = { athena_results_days = 1 }
  }
}

run "refuses_access_logs_to_nowhere" {
  command         = plan
  expect_failures = [var.access_logs]
  variables {
    access_logs = { enabled = true }
  }
}

run "accepts_access_logs_to_a_bucket" {
  variables {
    access_logs = { enabled = true, bucket = "logs" }
  }
}

run "refuses_the_alias_of_a_key" {
  command         = plan
  expect_failures = [var.kms_key_arn]
  variables {
    kms_key_arn = "alias/lake"
  }
}

run "accepts_the_arn_of_a_key" {
  variables {
    kms_key_arn = "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1234"
  }
}

run "refuses_the_alias_of_the_catalogs_key" {
  command         = plan
  expect_failures = [var.kms_keys]
  variables {
    kms_keys = { catalog = "alias/catalog" }
  }
}

run "refuses_the_alias_of_a_key_to_read_with" {
  command         = plan
  expect_failures = [var.kms_keys]
  variables {
    kms_keys = { read = ["arn:aws:kms:eu-central-1:123456789012:key/1", "alias/raw"] }
  }
}

run "refuses_the_alias_of_the_state_machines_key" {
  command         = plan
  expect_failures = [var.kms_keys]
  variables {
    kms_keys = { state_machines = "alias/states" }
  }
}

run "accepts_the_arns_of_further_keys" {
  variables {
    kms_keys = {
      catalog        = "arn:aws:kms:eu-central-1:123456789012:key/1"
      read           = ["arn:aws:kms:eu-central-1:123456789012:key/1"]
      state_machines = "arn:aws:kms:eu-central-1:123456789012:key/1"
    }
  }
}

run "refuses_a_role_path_without_slashes" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { path = "data" }
  }
}

run "accepts_a_role_path_with_slashes" {
  variables {
    iam = { path = "/data/lakes/" }
  }
}

run "refuses_a_boundary_that_is_a_role" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { permissions_boundary = "arn:aws:iam::123456789012:role/boundary" }
  }
}

run "accepts_a_boundary_that_is_a_policy" {
  variables {
    iam = { permissions_boundary = "arn:aws:iam::123456789012:policy/boundary" }
  }
}

run "refuses_a_brought_role_without_an_arn" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { crawler = { create = false } }
  }
}

run "accepts_a_brought_role_with_an_arn" {
  variables {
    iam = { crawler = { create = false, role_arn = "arn:aws:iam::123456789012:role/crawler" } }
  }
}

run "refuses_the_name_of_a_role" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { job = { create = false, role_arn = "glue-job" } }
  }
}

run "accepts_the_arn_of_a_role_with_a_path" {
  variables {
    iam = { job = { create = false, role_arn = "arn:aws-us-gov:iam::123456789012:role/data/glue-job" } }
  }
}

run "refuses_glue_4" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { version = "4.0" }
  }
}

run "accepts_glue_6" {
  variables {
    glue = { version = "6.0" }
  }
}

run "refuses_a_worker_type_for_streaming" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { worker_type = "G.025X" }
  }
}

run "accepts_a_bigger_worker_type" {
  variables {
    glue = { worker_type = "G.8X" }
  }
}

run "refuses_one_worker" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { number_of_workers = 1 }
  }
}

run "accepts_two_workers" {
  variables {
    glue = { number_of_workers = 2 }
  }
}

run "refuses_300_workers" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { number_of_workers = 300 }
  }
}

run "refuses_half_a_megabyte_for_spark" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { spark_from_mb = 0.5 }
  }
}

run "refuses_a_negative_size_for_spark" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { spark_from_mb = -1 }
  }
}

run "accepts_everything_on_spark" {
  variables {
    glue = { spark_from_mb = 0 }
  }
}

run "accepts_299_workers" {
  variables {
    glue = { number_of_workers = 299 }
  }
}

run "refuses_150_big_workers" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { worker_type = "G.2X", number_of_workers = 150 }
  }
}

run "accepts_149_big_workers" {
  variables {
    glue = { worker_type = "G.2X", number_of_workers = 149 }
  }
}

run "refuses_an_unknown_execution_class" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { execution_class = "SPOT" }
  }
}

run "accepts_the_flexible_execution_class" {
  variables {
    glue = { execution_class = "FLEX" }
  }
}

run "refuses_flexible_execution_on_big_workers" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { execution_class = "FLEX", worker_type = "G.4X" }
  }
}

run "accepts_flexible_execution_on_small_workers" {
  variables {
    glue = { execution_class = "FLEX", worker_type = "G.2X" }
  }
}

run "refuses_a_timeout_of_8_days" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { timeout_minutes = 11520 }
  }
}

run "accepts_a_timeout_of_7_days" {
  variables {
    glue     = { timeout_minutes = 10080 }
    workflow = { timeouts = { job_seconds = 700000, execution_seconds = 800000 } }
  }
}

run "refuses_no_concurrent_runs" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { max_concurrent_runs = 0 }
  }
}

run "accepts_one_run_at_a_time" {
  variables {
    glue = { max_concurrent_runs = 1 }
  }
}

run "refuses_job_logs_for_100_days" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { log_retention_days = 100 }
  }
}

run "accepts_job_logs_for_90_days" {
  variables {
    glue = { log_retention_days = 90 }
  }
}

run "refuses_two_security_configurations" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    glue        = { create_security_configuration = true, security_configuration = "mine" }
  }
}

run "accepts_a_brought_security_configuration" {
  variables {
    glue = { security_configuration = "mine" }
  }
}

run "refuses_a_security_configuration_without_a_key" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { create_security_configuration = true }
  }
}

run "accepts_a_security_configuration_with_a_key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1"
    glue        = { create_security_configuration = true }
  }
}

run "refuses_a_job_argument_without_dashes" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { conf = "a=b" } }
  }
}

run "accepts_a_job_argument_with_dashes" {
  variables {
    glue = { default_arguments = { "--conf" = "a=b" } }
  }
}

run "refuses_a_job_argument_that_the_module_sets" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--extra-py-files" = "s3://a/b.py" } }
  }
}

run "refuses_a_job_argument_that_the_state_machine_gives" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--force" = "true" } }
  }
}

run "refuses_another_script" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--scriptLocation" = "s3://a/b.py" } }
  }
}

run "refuses_the_job_argument_mode_that_glue_keeps" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--mode" = "apply" } }
  }
}

run "refuses_the_job_argument_endpoint_that_glue_keeps" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--endpoint" = "https://example.com" } }
  }
}

run "refuses_fine_grained_access_control" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { default_arguments = { "--enable-lakeformation-fine-grained-access" = "true" } }
  }
}

run "accepts_a_job_argument_beside_those" {
  variables {
    glue = { default_arguments = { "--extra-jars" = "s3://a/b.jar" } }
  }
}

run "refuses_a_brought_workgroup_without_a_name" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena = { create_workgroup = false }
  }
}

run "accepts_a_brought_workgroup_with_a_name" {
  variables {
    athena = { create_workgroup = false, workgroup_name = "analysts" }
  }
}

run "refuses_a_workgroup_name_with_a_blank" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena = { workgroup_name = "the analysts" }
  }
}

run "accepts_a_workgroup_name_with_a_dot" {
  variables {
    athena = { workgroup_name = "analysts.eu" }
  }
}

run "refuses_results_without_a_slash_at_the_end" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena = { results_uri = "s3://results/sales" }
  }
}

run "accepts_results_in_a_folder" {
  variables {
    athena = { results_uri = "s3://results/sales/" }
  }
}

run "refuses_results_among_the_csv_files" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena  = { results_uri = "s3://landing/orders/" }
    buckets = { raw = { create = false, name = "landing" } }
  }
}

run "accepts_results_beside_the_csv_files" {
  variables {
    athena  = { results_uri = "s3://landing/results/" }
    buckets = { raw = { create = false, name = "landing" } }
  }
}

run "refuses_results_among_the_tables" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena  = { results_uri = "s3://lake/tables/" }
    buckets = { lake = { name = "lake" } }
  }
}

run "accepts_results_beside_the_tables" {
  variables {
    athena  = { results_uri = "s3://lake/results/" }
    buckets = { lake = { name = "lake" } }
  }
}

run "refuses_a_cutoff_of_9_mb" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena = { bytes_scanned_cutoff_mb = 9 }
  }
}

run "accepts_a_cutoff_of_10_mb" {
  variables {
    athena = { bytes_scanned_cutoff_mb = 10 }
  }
}

run "refuses_41_datasets_at_a_time" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { max_concurrency = 41 }
  }
}

run "accepts_40_datasets_at_a_time" {
  variables {
    workflow = { max_concurrency = 40 }
  }
}

run "refuses_an_unknown_overlap" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { on_overlap = "cancel" }
  }
}

run "accepts_overlap_skip" {
  variables {
    workflow = { on_overlap = "skip" }
  }
}

run "refuses_an_unknown_log_level" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { log_level = "DEBUG" }
  }
}

run "accepts_log_level_all" {
  variables {
    workflow = { log_level = "ALL" }
  }
}

run "refuses_workflow_logs_for_a_week_and_a_day" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { log_retention_days = 8 }
  }
}

run "accepts_workflow_logs_for_a_week" {
  variables {
    workflow = { log_retention_days = 7 }
  }
}

run "refuses_a_timeout_of_half_a_second" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { timeouts = { request_seconds = 0.5 } }
  }
}

run "accepts_a_timeout_of_one_second" {
  variables {
    workflow = { timeouts = { request_seconds = 1 } }
  }
}

run "refuses_less_time_for_the_job_than_glue_gives_it" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    glue     = { timeout_minutes = 60 }
    workflow = { timeouts = { job_seconds = 3600 } }
  }
}

run "accepts_more_time_for_the_job_than_glue_gives_it" {
  variables {
    glue     = { timeout_minutes = 60 }
    workflow = { timeouts = { job_seconds = 3601 } }
  }
}

run "refuses_less_time_for_the_execution_than_for_the_job" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { timeouts = { execution_seconds = 14400 } }
  }
}

run "accepts_more_time_for_the_execution_than_for_the_job" {
  variables {
    workflow = { timeouts = { execution_seconds = 14401 } }
  }
}

run "refuses_a_cron_of_five_fields" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 * * *)" }
  }
}

run "accepts_a_cron_of_six_fields" {
  variables {
    schedule = { expression = "cron(0 6 * * ? *)" }
  }
}

run "refuses_a_rate_of_seconds" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "rate(30 seconds)" }
  }
}

run "accepts_a_rate_of_minutes" {
  variables {
    schedule = { expression = "rate(30 minutes)" }
  }
}

run "refuses_a_time_zone_with_a_blank" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "rate(1 day)", timezone = "Central European" }
  }
}

run "accepts_a_time_zone_of_a_city" {
  variables {
    schedule = { expression = "rate(1 day)", timezone = "Europe/Berlin" }
  }
}

run "refuses_a_start_window_of_two_days" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "rate(1 day)", window_minutes = 2880 }
  }
}

run "accepts_a_start_window_of_a_day" {
  variables {
    schedule = { expression = "rate(1 day)", window_minutes = 1440 }
  }
}

run "refuses_an_upload_window_of_no_time" {
  command         = plan
  expect_failures = [var.trigger_on_upload]
  variables {
    trigger_on_upload = { window_seconds = 0 }
  }
}

run "accepts_an_upload_window_of_a_second" {
  variables {
    trigger_on_upload = { window_seconds = 1 }
  }
}

run "refuses_a_brought_topic_without_an_arn" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, create_topic = false }
  }
}

run "accepts_a_brought_topic_with_an_arn" {
  variables {
    notifications = { enabled = true, create_topic = false, topic_arn = "arn:aws:sns:eu-central-1:123456789012:on-call" }
  }
}

run "refuses_the_name_of_a_topic" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, create_topic = false, topic_arn = "on-call" }
  }
}

run "accepts_the_arn_of_a_topic_elsewhere" {
  variables {
    notifications = { enabled = true, create_topic = false, topic_arn = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:on-call" }
  }
}

run "refuses_half_a_mail_address" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, emails = ["on-call"] }
  }
}

run "accepts_a_mail_address" {
  variables {
    notifications = { enabled = true, emails = ["on-call@example.com"] }
  }
}

run "refuses_mail_addresses_without_notifications" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { emails = ["a@example.com"] }
  }
}

run "accepts_mail_addresses_with_notifications" {
  variables {
    notifications = { enabled = true, emails = ["a@example.com"] }
  }
}

run "refuses_an_alarm_after_169_hours" {
  command         = plan
  expect_failures = [var.monitoring]
  variables {
    monitoring = { no_success_hours = 169 }
  }
}

run "accepts_an_alarm_after_168_hours" {
  variables {
    monitoring = { no_success_hours = 168 }
  }
}

run "refuses_a_no_success_alarm_without_alarms" {
  command         = plan
  expect_failures = [var.monitoring]
  variables {
    monitoring = { alarms = false, no_success_hours = 24 }
  }
}

run "accepts_no_alarms_at_all" {
  variables {
    monitoring = { alarms = false }
  }
}

run "refuses_a_bucket_name_with_two_dots_in_a_row" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "my..bucket" } }
  }
}

run "refuses_a_bucket_name_that_looks_like_an_address" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "192.168.1.1" } }
  }
}

run "refuses_a_bucket_name_that_s3_keeps_for_access_points" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "lake-s3alias" } }
  }
}

run "refuses_a_bucket_name_that_s3_keeps_for_directory_buckets" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "lake--x-s3" } }
  }
}

run "refuses_a_bucket_name_that_s3_keeps_for_itself" {
  command         = plan
  expect_failures = [var.buckets]
  variables {
    buckets = { lake = { name = "sthree-lake" } }
  }
}

run "accepts_a_bucket_name_with_single_dots" {
  variables {
    buckets = { lake = { name = "my.big.bucket" } }
  }
}

run "accepts_a_bucket_name_of_digits_and_five_dots" {
  variables {
    buckets = { lake = { name = "1.2.3.4.5" } }
  }
}

run "accepts_a_bucket_name_that_ends_with_s3" {
  variables {
    buckets = { lake = { name = "lake-s3" } }
  }
}

run "refuses_a_log_bucket_while_logs_are_off" {
  command         = plan
  expect_failures = [var.access_logs]
  variables {
    access_logs = { bucket = "logs" }
  }
}

run "accepts_no_log_bucket_while_logs_are_off" {
  variables {
    access_logs = { enabled = false }
  }
}

run "refuses_a_log_bucket_named_by_its_uri" {
  command         = plan
  expect_failures = [var.access_logs]
  variables {
    access_logs = { enabled = true, bucket = "s3://logs" }
  }
}

run "accepts_a_log_bucket_with_a_folder" {
  variables {
    access_logs = { enabled = true, bucket = "company-logs", prefix = "s3/" }
  }
}

run "refuses_a_role_beside_the_created_one" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { job = { role_arn = "arn:aws:iam::123456789012:role/etl" } }
  }
}

run "accepts_a_role_in_place_of_the_created_one" {
  variables {
    iam = { job = { create = false, role_arn = "arn:aws:iam::123456789012:role/etl" } }
  }
}

run "refuses_a_topic_beside_the_created_one" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "refuses_a_topic_while_notifications_are_off" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { create_topic = false, topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "accepts_a_topic_in_place_of_the_created_one" {
  variables {
    notifications = { enabled = true, create_topic = false, topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "refuses_results_in_what_is_no_bucket" {
  command         = plan
  expect_failures = [var.athena]
  variables {
    athena = { results_uri = "s3://my..results/sales/" }
  }
}

run "accepts_results_in_a_bucket_with_dots" {
  variables {
    athena = { results_uri = "s3://my.results/sales/" }
  }
}

run "refuses_a_cron_without_a_question_mark" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 * * * *)" }
  }
}

run "refuses_a_cron_with_two_question_marks" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 ? * ? *)" }
  }
}

run "refuses_a_cron_at_minute_60" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(60 6 * * ? *)" }
  }
}

run "refuses_a_cron_in_month_13" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 1 13 ? *)" }
  }
}

run "refuses_a_cron_on_day_of_the_week_0" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 ? * 0 *)" }
  }
}

run "refuses_a_cron_before_1970" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6 * * ? 1969)" }
  }
}

run "refuses_a_cron_with_a_question_mark_for_the_hour" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 ? * * ? *)" }
  }
}

run "refuses_a_cron_that_ends_with_a_comma" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "cron(0 6,18, * * ? *)" }
  }
}

run "refuses_a_time_that_does_not_exist" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "at(2026-13-45T25:61:00)" }
  }
}

run "refuses_a_thirtieth_of_february" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "at(2026-02-30T12:00:00)" }
  }
}

run "accepts_a_cron_of_weekdays" {
  variables {
    schedule = { expression = "cron(0/15 6-18 ? * MON-FRI *)" }
  }
}

run "accepts_a_cron_of_the_last_day_of_the_month" {
  variables {
    schedule = { expression = "cron(30 23 L 1,4,7,10 ? 2026-2030)" }
  }
}

run "accepts_a_cron_of_the_weekday_nearest_to_the_15th" {
  variables {
    schedule = { expression = "cron(0 6 15W * ? *)" }
  }
}

run "accepts_a_cron_of_the_second_monday" {
  variables {
    schedule = { expression = "cron(0 6 ? * 2#2 *)" }
  }
}

run "accepts_a_cron_of_the_last_friday" {
  variables {
    schedule = { expression = "cron(*/10 */2 ? jan 6L *)" }
  }
}

run "accepts_a_cron_of_two_ranges" {
  variables {
    schedule = { expression = "cron(0 1-5,10-15/2 1-7,21 * ? *)" }
  }
}

run "accepts_a_leap_day" {
  variables {
    schedule = { expression = "at(2028-02-29T23:59:59)" }
  }
}

run "refuses_an_unknown_time_zone" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "rate(1 hour)", timezone = "Europe/Bern" }
  }
}

run "refuses_a_time_zone_in_lower_case" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    schedule = { expression = "rate(1 hour)", timezone = "europe/berlin" }
  }
}

run "accepts_a_time_zone_of_three_parts" {
  variables {
    schedule = { expression = "rate(1 hour)", timezone = "America/Argentina/Ushuaia" }
  }
}

run "accepts_the_time_zone_utc" {
  variables {
    schedule = { expression = "rate(1 hour)", timezone = "UTC" }
  }
}

run "refuses_an_alarm_action_by_its_name" {
  command         = plan
  expect_failures = [var.monitoring]
  variables {
    monitoring = { alarm_actions = ["alerts"] }
  }
}

run "accepts_an_alarm_action_by_its_arn" {
  variables {
    monitoring = { alarm_actions = ["arn:aws:sns:eu-central-1:123456789012:alerts"] }
  }
}

run "refuses_alarm_actions_without_alarms" {
  command         = plan
  expect_failures = [var.monitoring]
  variables {
    monitoring = { alarms = false, alarm_actions = ["arn:aws:sns:eu-central-1:123456789012:alerts"] }
  }
}

run "accepts_four_alarm_actions" {
  variables {
    monitoring = { alarm_actions = [for number in range(4) : "arn:aws:lambda:eu-central-1:123456789012:function:f${number}"] }
  }
}

run "refuses_five_alarm_actions" {
  command         = plan
  expect_failures = [var.monitoring]
  variables {
    monitoring = { alarm_actions = [for number in range(5) : "arn:aws:lambda:eu-central-1:123456789012:function:f${number}"] }
  }
}

run "refuses_a_further_policy_without_statements" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { job = { policies = [jsonencode({ Version = "2012-10-17" })] } }
  }
}

run "accepts_a_further_policy_of_one_statement" {
  variables {
    iam = { job = { policies = [jsonencode({ Version = "2012-10-17", Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = "*" } })] } }
  }
}

run "refuses_a_further_policy_for_a_brought_role" {
  command         = plan
  expect_failures = [var.iam]
  variables {
    iam = { job = { create = false, role_arn = "arn:aws:iam::123456789012:role/etl", policies = [jsonencode({ Statement = [{ Effect = "Allow" }] })] } }
  }
}

run "accepts_a_further_policy_for_a_created_role" {
  variables {
    iam = { crawler = { policies = [jsonencode({ Statement = [{ Effect = "Allow" }] })] } }
  }
}

run "refuses_a_chat_topic_without_its_switch" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, chat_topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "accepts_a_chat_topic_with_its_switch" {
  variables {
    notifications = { enabled = true, chat = true, chat_topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "refuses_chat_without_notifications" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { chat = true, chat_topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "accepts_chat_beside_a_brought_topic" {
  variables {
    notifications = { enabled = true, create_topic = false, topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts", chat = true, chat_topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
}

run "refuses_a_chat_topic_by_its_name" {
  command         = plan
  expect_failures = [var.notifications]
  variables {
    notifications = { enabled = true, chat = true, chat_topic_arn = "alerts" }
  }
}

run "refuses_to_drop_data_of_removed_datasets" {
  command         = plan
  expect_failures = [var.on_dataset_removed]
  variables {
    on_dataset_removed = "drop_data"
  }
}

run "accepts_dropping_tables_of_removed_datasets" {
  variables {
    on_dataset_removed = "drop_tables"
  }
}

run "refuses_dead_letters_of_nothing" {
  command         = plan
  expect_failures = [var.dead_letters]
  variables {
    dead_letters = true
  }
}

run "refuses_a_dataset_whose_runs_may_outlive_their_step" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    datasets = { orders = { glue = { timeout_minutes = 240 } } }
  }
}

run "accepts_a_dataset_whose_runs_end_before_their_step" {
  variables {
    datasets = { orders = { glue = { timeout_minutes = 239 } } }
  }
}

run "accepts_dead_letters_of_the_schedule_of_a_dataset" {
  variables {
    dead_letters = true
    datasets     = { orders = { schedule = { expression = "rate(1 day)" } } }
  }
}

run "accepts_dead_letters_of_a_schedule" {
  variables {
    dead_letters = true
    schedule     = { expression = "rate(1 day)" }
  }
}

run "refuses_log_groups_of_the_job_without_their_names" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { create_log_groups = false }
  }
}

run "refuses_names_of_log_groups_of_the_job_that_are_created" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { log_group_prefix = "/acme/jobs" }
  }
}

run "accepts_log_groups_of_the_job" {
  variables {
    glue = { create_log_groups = false, log_group_prefix = "/acme/jobs" }
  }
}

run "refuses_a_prefix_of_log_groups_that_ends_with_a_slash" {
  command         = plan
  expect_failures = [var.glue]
  variables {
    glue = { create_log_groups = false, log_group_prefix = "/acme/jobs/" }
  }
}

run "accepts_a_prefix_of_log_groups_of_one_word" {
  variables {
    glue = { create_log_groups = false, log_group_prefix = "jobs" }
  }
}

run "refuses_a_log_group_without_its_name" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { create_log_group = false }
  }
}

run "refuses_the_name_of_a_log_group_that_is_created" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { log_group_name = "/aws/vendedlogs/acme" }
  }
}

run "accepts_a_log_group" {
  variables {
    workflow = { create_log_group = false, log_group_name = "/aws/vendedlogs/acme" }
  }
}

run "refuses_the_arn_of_a_log_group" {
  command         = plan
  expect_failures = [var.workflow]
  variables {
    workflow = { create_log_group = false, log_group_name = "arn:aws:logs:eu-central-1:123456789012:log-group:acme:*" }
  }
}

run "accepts_a_log_group_of_one_word" {
  variables {
    workflow = { create_log_group = false, log_group_name = "acme" }
  }
}
