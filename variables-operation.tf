variable "glue" {
  type = object({
    version                       = optional(string, "5.1")
    worker_type                   = optional(string, "G.1X")
    number_of_workers             = optional(number, 2)
    autoscaling                   = optional(bool, true)
    spark_from_mb                 = optional(number, 512)
    execution_class               = optional(string, "STANDARD")
    timeout_minutes               = optional(number, 120)
    max_concurrent_runs           = optional(number, 4)
    metrics                       = optional(bool, true)
    log_retention_days            = optional(number, 90)
    create_log_groups             = optional(bool, true)
    log_group_prefix              = optional(string)
    connections                   = optional(list(string), [])
    security_configuration        = optional(string)
    create_security_configuration = optional(bool, false)
    additional_python_modules     = optional(list(string), [])
    default_arguments             = optional(map(string), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The Glue job.
    - `version`: 5.0, 5.1 (default) or 6.0.
    - `worker_type`: G.1X (default), G.2X, G.4X, G.8X, G.12X, G.16X, R.1X, R.2X, R.4X or R.8X; those from G.12X on need
      provider 6.10 or newer.
    - `number_of_workers`: 2 to 299 (G.1X) or 149 (all others), default 2; with `autoscaling` the most there will be.
    - `autoscaling`: whether Glue takes only as many workers as it can use, default true.
    - `spark_from_mb`: MB of new CSV from which on the workers help to convert it, default 512. Less is converted by the driver
      alone, before Spark has started; 0 leaves everything to the workers.
    - `execution_class`: STANDARD (default) or FLEX, cheaper on spare capacity, for G.1X and G.2X.
    - `timeout_minutes`: after how many minutes Glue ends a run, 1 to 10080 (seven days), default 120.
    - `max_concurrent_runs`: how many datasets convert at a time, 1 to 200, default 4.
    - `metrics`: whether Glue sends the job's own metrics to CloudWatch, default true.
    - `log_retention_days`: how long created log groups keep their events, in days that CloudWatch Logs knows (1, 3, 5, 7, 14,
      30, 60, 90, 120, 150, 180, 365, … 3653), 0 for ever, default 90.
    - `create_log_groups`: whether to create the job's log groups, default true; if not, `log_group_prefix` names existing
      ones, `<prefix>/output` and `<prefix>/error`, of which nothing is changed.
    - `log_group_prefix`: the existing groups' names without `/output` and `/error`.
    - `connections`: names of Glue connections that put the workers into a VPC, default none.
    - `security_configuration`: name of an existing Glue security configuration, default none.
    - `create_security_configuration`: whether to create one that encrypts with `kms_key_arn`, default false.
    - `additional_python_modules`: pip requirements that Glue installs, default none.
    - `default_arguments`: further job arguments, their keys with `--` in front, default none.
  EOT

  validation {
    condition     = contains(["5.0", "5.1", "6.0"], var.glue.version)
    error_message = "glue.version must be 5.0, 5.1 or 6.0: the job needs the pyarrow that these come with."
  }

  validation {
    condition     = contains(keys(local.worker_dpus), var.glue.worker_type)
    error_message = "glue.worker_type must be one of ${join(", ", keys(local.worker_dpus))} (G.025X is for streaming jobs and Z.2X for Ray)."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
    condition = (
      var.glue.number_of_workers >= 2 && var.glue.number_of_workers <= (var.glue.worker_type == "G.1X" ? 299 : 149) &&
      floor(var.glue.number_of_workers) == var.glue.number_of_workers
    )
    error_message = "glue.number_of_workers must be a whole number from 2 to 299 (G.1X) or 149 (all others)."
  }

  validation {
    condition     = var.glue.spark_from_mb >= 0 && var.glue.spark_from_mb <= 999999 && floor(var.glue.spark_from_mb) == var.glue.spark_from_mb
    error_message = "glue.spark_from_mb must be a whole number from 0 (everything on Spark) to 999999."
  }

  validation {
    condition     = contains(["STANDARD", "FLEX"], var.glue.execution_class)
    error_message = "glue.execution_class must be STANDARD or FLEX."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/dg/add-job.html
    condition     = var.glue.execution_class != "FLEX" || contains(["G.1X", "G.2X"], var.glue.worker_type)
    error_message = "glue.execution_class FLEX is for the worker types G.1X and G.2X only."
  }

  validation {
    condition     = var.glue.timeout_minutes >= 1 && var.glue.timeout_minutes <= 10080 && floor(var.glue.timeout_minutes) == var.glue.timeout_minutes
    error_message = "glue.timeout_minutes must be a whole number from 1 to 10080 (seven days)."
  }

  validation {
    condition     = var.glue.max_concurrent_runs >= 1 && var.glue.max_concurrent_runs <= 200 && floor(var.glue.max_concurrent_runs) == var.glue.max_concurrent_runs
    error_message = "glue.max_concurrent_runs must be a whole number from 1 to 200, the number of datasets there can be."
  }

  validation {
    condition     = contains(local.retention_days, var.glue.log_retention_days)
    error_message = "glue.log_retention_days must be 0 (for ever) or one of ${join(", ", slice(local.retention_days, 1, length(local.retention_days)))}."
  }

  validation {
    condition     = var.glue.create_log_groups == (var.glue.log_group_prefix == null)
    error_message = "glue.log_group_prefix goes with create_log_groups = false: it names the existing log groups, and otherwise they are created under the job's name."
  }

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    condition     = can(regex("^[A-Za-z0-9._/#-]{0,504}[A-Za-z0-9._#-]$", coalesce(var.glue.log_group_prefix, "x"))) && !startswith(coalesce(var.glue.log_group_prefix, "x"), "aws/")
    error_message = "glue.log_group_prefix must be at most 505 letters, digits and . _ / # -, must not end with a slash, as /output and /error follow, and not start with aws/, which CloudWatch Logs keeps for itself."
  }

  validation {
    condition     = !var.glue.create_security_configuration || var.glue.security_configuration == null
    error_message = "glue: either create_security_configuration or the name of an existing security_configuration, not both."
  }

  validation {
    condition     = !var.glue.create_security_configuration || var.kms_key_arn != null
    error_message = "glue.create_security_configuration needs kms_key_arn, the key to encrypt with."
  }

  validation {
    condition     = alltrue([for key in keys(var.glue.default_arguments) : startswith(key, "--")])
    error_message = "The keys of glue.default_arguments start with --, for example --conf."
  }

  validation {
    condition     = length(setintersection(keys(var.glue.default_arguments), local.own_arguments)) == 0
    error_message = "glue.default_arguments must not hold what the module gives the job itself (${join(", ", setintersection(keys(var.glue.default_arguments), local.own_arguments))}): other settings of glue or the input of an execution say it."
  }

  validation {
    condition     = length(setintersection(keys(var.glue.default_arguments), local.reserved_arguments)) == 0
    error_message = "glue.default_arguments must not hold ${join(", ", local.reserved_arguments)}: Glue uses these itself."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/dg/security-lf-enable-considerations.html
    condition     = !contains(keys(var.glue.default_arguments), "--enable-lakeformation-fine-grained-access")
    error_message = "glue.default_arguments must not hold --enable-lakeformation-fine-grained-access: with it Spark knows no RDDs, of which the job is made."
  }
}

variable "athena" {
  type = object({
    create_workgroup        = optional(bool, true)
    workgroup_name          = optional(string)
    results_uri             = optional(string)
    bytes_scanned_cutoff_mb = optional(number, 102400)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Athena.
    - `create_workgroup`: whether to create the workgroup, default true; if not, `workgroup_name` names an existing one.
    - `workgroup_name`: default the name of the instance.
    - `results_uri`: where the results of queries go, default `s3://<lake bucket>/athena-results/`. An existing workgroup
      that enforces its settings must write to the same place, otherwise the state machine may not.
    - `bytes_scanned_cutoff_mb`: a query in a created workgroup that reads more than so many MB is cancelled, 10 or more,
      default 102400 (100 GB).
  EOT

  validation {
    condition     = var.athena.create_workgroup || var.athena.workgroup_name != null
    error_message = "athena.workgroup_name must name the existing workgroup when create_workgroup is false."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,128}$", coalesce(var.athena.workgroup_name, "x")))
    error_message = "athena.workgroup_name must be 1 to 128 letters, digits, dots, underscores and hyphens."
  }

  validation {
    condition     = can(regex("^s3://[^/]+/([^/]+/)*$", coalesce(var.athena.results_uri, "s3://x/")))
    error_message = "athena.results_uri must be an S3 folder ending in a slash, for example s3://my-results/sales/."
  }

  validation {
    condition = can(regex(local.bucket_name, split("/", "${coalesce(var.athena.results_uri, "s3://xxx/")}//")[2])) && !can(
      regex(local.no_bucket_name, split("/", "${coalesce(var.athena.results_uri, "s3://xxx/")}//")[2])
    )
    error_message = "athena.results_uri must start with s3:// and the name of a bucket, of 3 to 63 lower-case letters, digits, dots and hyphens."
  }

  validation {
    condition = var.athena.results_uri == null || alltrue(flatten([
      for bucket, folders in {
        (coalesce(var.buckets.raw.name, "-"))  = [for name, dataset in var.datasets : "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"]
        (coalesce(var.buckets.lake.name, "+")) = local.lake_folders
      } : [for folder in folders : !startswith(coalesce(var.athena.results_uri, "s3://x/"), "s3://${bucket}/${folder}")]
    ]))
    error_message = "athena.results_uri must not lie in a dataset's prefix of the raw bucket, nor in tables/, quarantine/, manifests/ or reports/ of the lake bucket."
  }

  validation {
    # https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroupConfiguration.html
    condition     = var.athena.bytes_scanned_cutoff_mb >= 10 && floor(var.athena.bytes_scanned_cutoff_mb) == var.athena.bytes_scanned_cutoff_mb
    error_message = "athena.bytes_scanned_cutoff_mb must be a whole number from 10."
  }
}

variable "workflow" {
  type = object({
    max_concurrency        = optional(number, 4)
    on_overlap             = optional(string, "wait")
    log_level              = optional(string, "ERROR")
    include_execution_data = optional(bool, false)
    log_retention_days     = optional(number, 90)
    create_log_group       = optional(bool, true)
    log_group_name         = optional(string)
    tracing                = optional(bool, false)
    timeouts = optional(object({
      execution_seconds    = optional(number, 86400)
      job_seconds          = optional(number, 14400)
      query_seconds        = optional(number, 600)
      request_seconds      = optional(number, 60)
      crawler_seconds      = optional(number, 1800)
      crawler_poll_seconds = optional(number, 15)
      overlap_poll_seconds = optional(number, 60)
    }), {})
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    The state machine.
    - `max_concurrency`: datasets processed at a time, 1 to 40, default 4.
    - `on_overlap`: what an execution does while an older one is running: `wait` (default) for its end or `skip`.
    - `log_level`: ALL, ERROR (default), FATAL or OFF.
    - `include_execution_data`: whether inputs and outputs of states are logged, default false: they hold object keys and
      error texts.
    - `log_retention_days`: as in `glue`, default 90.
    - `create_log_group`: whether to create the log group of the state machines, default true; if not, `log_group_name`
      names an existing one, of which nothing is changed. That of the upload trigger goes with it.
    - `log_group_name`: the existing log group, best below `/aws/vendedlogs/`.
    - `tracing`: whether X-Ray traces the executions, default false.
    - `timeouts`: bounds in seconds, 1 to 31536000 (a year): `execution_seconds` (default 86400, more than `job_seconds`),
      `job_seconds` (14400, a Glue run with its start-up, more than any `timeout_minutes`), `query_seconds` (600, the
      creation of a view), `request_seconds` (60, a call to Glue or S3), `crawler_seconds` (1800), `crawler_poll_seconds`
      (15), `overlap_poll_seconds` (60).
  EOT

  validation {
    condition     = var.workflow.max_concurrency >= 1 && var.workflow.max_concurrency <= 40 && floor(var.workflow.max_concurrency) == var.workflow.max_concurrency
    error_message = "workflow.max_concurrency must be a whole number from 1 to 40."
  }

  validation {
    condition     = contains(["wait", "skip"], var.workflow.on_overlap)
    error_message = "workflow.on_overlap must be wait or skip."
  }

  validation {
    condition     = contains(["ALL", "ERROR", "FATAL", "OFF"], var.workflow.log_level)
    error_message = "workflow.log_level must be ALL, ERROR, FATAL or OFF."
  }

  validation {
    condition     = contains(local.retention_days, var.workflow.log_retention_days)
    error_message = "workflow.log_retention_days must be 0 (for ever) or one of ${join(", ", slice(local.retention_days, 1, length(local.retention_days)))}."
  }

  validation {
    condition     = var.workflow.create_log_group == (var.workflow.log_group_name == null)
    error_message = "workflow.log_group_name goes with create_log_group = false: it names the existing log group, and otherwise one is created under the instance's name."
  }

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    condition     = can(regex("^[A-Za-z0-9._/#-]{1,512}$", coalesce(var.workflow.log_group_name, "x"))) && !startswith(coalesce(var.workflow.log_group_name, "x"), "aws/")
    error_message = "workflow.log_group_name must be the name of a log group, not its ARN: at most 512 letters, digits and . _ / # -, and not start with aws/, which CloudWatch Logs keeps for itself."
  }

  validation {
    condition = alltrue([
      for seconds in values(var.workflow.timeouts) : seconds >= 1 && seconds <= 31536000 && floor(seconds) == seconds
    ])
    error_message = "Each of workflow.timeouts must be a whole number of seconds from 1 to 31536000 (one year)."
  }

  validation {
    condition = alltrue([
      for minutes in concat([var.glue.timeout_minutes], [for dataset in var.datasets : try(dataset.glue.timeout_minutes, null)]) :
      minutes == null ? true : var.workflow.timeouts.job_seconds > 60 * minutes
    ])
    error_message = "workflow.timeouts.job_seconds must be more than timeout_minutes of glue (${60 * var.glue.timeout_minutes} seconds) and of the glue of each dataset, so that Glue ends a run that hangs and says why."
  }

  validation {
    condition     = var.workflow.timeouts.execution_seconds > var.workflow.timeouts.job_seconds
    error_message = "workflow.timeouts.execution_seconds must be more than job_seconds."
  }
}

variable "schedule" {
  type = object({
    expression     = string
    timezone       = optional(string, "UTC")
    enabled        = optional(bool, true)
    window_minutes = optional(number, 0)
  })
  default     = null
  description = <<-EOT
    When to start an execution by the clock; default null, never.
    - `expression`: `rate(1 hour)`, `cron(0 6 * * ? *)` or `at(2026-01-31T12:00:00)`.
    - `timezone`: the IANA name of the time zone of a cron or at expression, default UTC.
    - `enabled`: false keeps the schedule and stops it from firing, default true.
    - `window_minutes`: how much later than due it may start, 0 to 1440, default 0.
  EOT

  # The schedules of datasets are held to the same rules.
  validation {
    condition = alltrue([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) : can(regex(local.schedule_expression, schedule.expression))
    ])
    error_message = "schedule.expression must be rate(<number> <minutes|hours|days>), cron(<six fields>) or at(yyyy-mm-ddThh:mm:ss), for example cron(0 6 * * ? *)."
  }

  validation {
    condition = alltrue(flatten([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) : [
        for fields in regexall(local.cron, schedule.expression) : [
          for index, field in fields : can(regex("(?i)^(${local.cron_parts[index]})(,(${local.cron_parts[index]}))*$", field)) ||
          can(regex("(?i)^(${try(local.cron_alone[index], "-")})$", field))
        ]
      ]
    ]))
    error_message = "The fields of cron(…) in schedule.expression are minutes 0-59, hours 0-23, day of the month 1-31, month 1-12 or JAN-DEC, day of the week 1-7 or SUN-SAT, and year 1970-2199, with , - * / and, for days, ? L W #: for example cron(30 6 ? * MON-FRI *)."
  }

  validation {
    condition = alltrue(flatten([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) : [
        for fields in regexall(local.cron, schedule.expression) : (fields[2] == "?") != (fields[4] == "?")
      ]
    ]))
    error_message = "In cron(…) of schedule.expression exactly one of the day of the month (third field) and the day of the week (fifth field) must be ?, as in cron(0 6 * * ? *) and cron(0 6 ? * MON *)."
  }

  validation {
    condition = alltrue(flatten([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) : [
        for moment in regexall("^at\\(([0-9TZ:-]*)\\)$", schedule.expression) : can(timeadd("${moment[0]}Z", "0s"))
      ]
    ]))
    error_message = "at(yyyy-mm-ddThh:mm:ss) in schedule.expression must be a day and a time that exist, for example at(2026-01-31T12:00:00)."
  }

  validation {
    condition = alltrue([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) : contains(local.time_zones, schedule.timezone)
    ])
    error_message = "schedule.timezone must be the IANA name of a time zone, spelled as there, for example UTC or Europe/Berlin."
  }

  validation {
    condition = alltrue([
      for schedule in concat(var.schedule[*], flatten([for dataset in var.datasets : dataset.schedule[*]])) :
      schedule.window_minutes >= 0 && schedule.window_minutes <= 1440 && floor(schedule.window_minutes) == schedule.window_minutes
    ])
    error_message = "schedule.window_minutes must be a whole number from 0 to 1440."
  }
}

variable "trigger_on_upload" {
  type = object({
    window_seconds       = optional(number, 60)
    manage_notifications = optional(bool)
  })
  default     = null
  description = <<-EOT
    Whether uploads start an execution; default null, no. `{}` turns it on.
    - `window_seconds`: uploads within the same window start one execution, after its end; 1 to 86400, default 60.
    - `manage_notifications`: whether the raw bucket's EventBridge notifications are turned on here; default true for a
      bucket that is created here and false for a brought one, of which nothing is changed: its owner turns them on. A
      bucket has one notification configuration, and true replaces all of it, also when it is taken away again.
  EOT

  validation {
    condition     = var.trigger_on_upload == null ? true : var.trigger_on_upload.window_seconds >= 1 && var.trigger_on_upload.window_seconds <= 86400 && floor(var.trigger_on_upload.window_seconds) == var.trigger_on_upload.window_seconds
    error_message = "trigger_on_upload.window_seconds must be a whole number from 1 to 86400 (one day)."
  }
}

variable "dead_letters" {
  type        = bool
  nullable    = false
  default     = false
  description = "Whether what schedules and the upload rule could not deliver is kept for 14 days in a queue of its own, and with `monitoring.alarms` an alarm tells of it."

  validation {
    condition = (
      !var.dead_letters || var.schedule != null || var.trigger_on_upload != null ||
      anytrue([for dataset in var.datasets : dataset.schedule != null])
    )
    error_message = "dead_letters needs schedule, trigger_on_upload or a dataset with a schedule: without them nothing is delivered."
  }
}

variable "notifications" {
  type = object({
    enabled        = optional(bool, false)
    create_topic   = optional(bool, true)
    topic_arn      = optional(string)
    emails         = optional(set(string), [])
    chat           = optional(bool, false)
    chat_topic_arn = optional(string)
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    Messages about executions that failed, timed out or were aborted, and about alarms.
    - `enabled`: default false.
    - `create_topic`: whether to create the SNS topic, default true; if not, `topic_arn` names an existing one, whose
      policy must let EventBridge and CloudWatch publish.
    - `topic_arn`: the existing topic.
    - `emails`: addresses that are subscribed to a created topic; each has to confirm.
    - `chat`: whether messages about executions also go to the topic of a chat channel, in the form that Amazon Q Developer
      in chat applications shows in Slack and Microsoft Teams (its "custom notifications",
      https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html), default false.
    - `chat_topic_arn`: that existing topic, whose policy must let EventBridge publish. Alarms get there with
      `monitoring.alarm_actions`.
  EOT

  validation {
    condition     = !var.notifications.enabled || var.notifications.create_topic || var.notifications.topic_arn != null
    error_message = "notifications.topic_arn must name the existing topic when create_topic is false."
  }

  validation {
    condition     = var.notifications.topic_arn == null || (var.notifications.enabled && !var.notifications.create_topic)
    error_message = "notifications.topic_arn goes with enabled = true and create_topic = false: otherwise nothing is sent to that topic."
  }

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", coalesce(var.notifications.topic_arn, "arn:aws:sns:x:000000000000:x")))
    error_message = "notifications.topic_arn must be the ARN of a standard topic, arn:<partition>:sns:<region>:<account>:<name>."
  }

  validation {
    condition     = var.notifications.chat == (var.notifications.chat_topic_arn != null)
    error_message = "notifications.chat and chat_topic_arn go together: the one turns the messages on, the other says where they go."
  }

  validation {
    condition     = !var.notifications.chat || var.notifications.enabled
    error_message = "notifications.chat needs enabled = true."
  }

  validation {
    condition     = can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", coalesce(var.notifications.chat_topic_arn, "arn:aws:sns:x:000000000000:x")))
    error_message = "notifications.chat_topic_arn must be the ARN of a standard topic, arn:<partition>:sns:<region>:<account>:<name>."
  }

  validation {
    condition     = alltrue([for email in var.notifications.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "notifications.emails must be mail addresses, for example data-platform@example.com."
  }

  validation {
    condition     = length(var.notifications.emails) == 0 || (var.notifications.enabled && var.notifications.create_topic)
    error_message = "notifications.emails needs enabled and create_topic: an existing topic has its own subscribers."
  }
}

variable "monitoring" {
  type = object({
    dashboard        = optional(bool, true)
    alarms           = optional(bool, true)
    no_success_hours = optional(number)
    alarm_actions    = optional(list(string), [])
  })
  nullable    = false
  default     = {}
  description = <<-EOT
    What watches over it.
    - `dashboard`: whether to create a CloudWatch dashboard, default true.
    - `alarms`: whether to create alarms for failed and timed out executions and for rows in quarantine, default true.
    - `no_success_hours`: an alarm when no execution has succeeded for so many hours, 1 to 168; default none.
    - `alarm_actions`: ARNs of what every alarm starts beside the notifications, those for failed and timed out executions
      included, at most 4: topics (whose policy must let CloudWatch publish), Systems Manager OpsItems and incidents, Lambda
      functions (whose policy must let `lambda.alarms.cloudwatch.amazonaws.com` invoke them,
      https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html); default none.
  EOT

  validation {
    # The longest an alarm looks back is seven days: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    condition     = var.monitoring.no_success_hours == null ? true : var.monitoring.no_success_hours >= 1 && var.monitoring.no_success_hours <= 168 && floor(var.monitoring.no_success_hours) == var.monitoring.no_success_hours
    error_message = "monitoring.no_success_hours must be a whole number from 1 to 168 (seven days), or null for no such alarm."
  }

  validation {
    condition     = var.monitoring.no_success_hours == null || var.monitoring.alarms
    error_message = "monitoring.no_success_hours needs monitoring.alarms."
  }

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    condition = length(var.monitoring.alarm_actions) <= 4 && alltrue([
      for action in var.monitoring.alarm_actions : can(regex("^arn:[a-z-]+:(sns|lambda|ssm|ssm-incidents):[a-z0-9-]*:[0-9]{12}:.+$", action))
    ])
    error_message = "monitoring.alarm_actions must be at most 4 ARNs of topics, Lambda functions, OpsItems or incident response plans: an alarm takes 5, and the notifications are one of them."
  }

  validation {
    condition     = length(var.monitoring.alarm_actions) == 0 || var.monitoring.alarms
    error_message = "monitoring.alarm_actions needs monitoring.alarms."
  }
}
