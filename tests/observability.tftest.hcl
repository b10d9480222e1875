# Dashboard, alarms and notifications, without AWS.
mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service_principal" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:sales-notifications" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-central-1:123456789012:rule/mocked" }
  }
}

variables {
  name              = "sales"
  state_machine_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:sales"
}

run "it_watches_executions_and_each_quarantine" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    database_name = "sales"
    datasets      = ["orders", "customers"]
    dpus          = 6
  }

  assert {
    condition = output.alarm_names == tolist([
      "sales-failed", "sales-quarantine-customers", "sales-quarantine-orders", "sales-timed-out",
    ])
    error_message = "The alarms are ${join(", ", output.alarm_names)}."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.quarantine : length(alarm.alarm_actions) == 0])
    error_message = "An alarm notifies somebody although nobody was named."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.quarantine["orders"].dimensions == tomap({ Database = "sales", Dataset = "orders" })
    error_message = "The alarm does not look at the metric that the job sends for this dataset."
  }

  assert {
    condition = alltrue([
      for title in ["Executions", "Rows written", "Rows in quarantine"] :
      contains([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title], title)
    ])
    error_message = "A graph is missing on the dashboard."
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this[0].dashboard_body, ") * 6 / 3600")
    error_message = "The DPU hours are not those of six DPUs."
  }

  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.x + widget.width <= 24
    ])
    error_message = "A widget lies outside of the dashboard's 24 columns."
  }
}

run "it_tells_the_topic_of_quarantined_rows" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    database_name    = "sales"
    datasets         = ["orders"]
    dpus             = 2
    notify           = true
    topic_arn        = "arn:aws:sns:eu-central-1:123456789012:pager"
    no_success_hours = 24
  }

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.quarantine["orders"].alarm_actions) == "arn:aws:sns:eu-central-1:123456789012:pager"
    error_message = "The topic is not told of rows in quarantine."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.no_success[0].period * aws_cloudwatch_metric_alarm.no_success[0].evaluation_periods == 86400
      && aws_cloudwatch_metric_alarm.no_success[0].treat_missing_data == "breaching"
    )
    error_message = "The alarm does not look back over 24 hours, those without data taken as failed."
  }

  # The rule of modules/notifications tells the topic, and says more.
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.execution : length(coalesce(alarm.alarm_actions, [])) == 0])
    error_message = "The topic is told twice of a failure."
  }
}

run "it_starts_the_further_actions_of_every_alarm" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    database_name    = "sales"
    datasets         = ["orders"]
    dpus             = 2
    notify           = true
    topic_arn        = "arn:aws:sns:eu-central-1:123456789012:mail"
    alarm_actions    = ["arn:aws:sns:eu-central-1:123456789012:pager"]
    no_success_hours = 24
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.execution), values(aws_cloudwatch_metric_alarm.quarantine), aws_cloudwatch_metric_alarm.no_success) :
      contains(alarm.alarm_actions, "arn:aws:sns:eu-central-1:123456789012:pager")
    ])
    error_message = "An alarm does not start the further action."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.execution : length(alarm.alarm_actions) == 1])
    error_message = "The topic of the notifications is told twice of a failure."
  }
}

run "it_watches_the_queue_of_what_was_not_delivered" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    database_name     = "sales"
    datasets          = ["orders"]
    dpus              = 2
    notify            = true
    topic_arn         = "arn:aws:sns:eu-central-1:123456789012:mail"
    dead_letters      = true
    dead_letter_queue = "sales-not-delivered"
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.dead_letters[0].dimensions == tomap({ QueueName = "sales-not-delivered" }) &&
      one(aws_cloudwatch_metric_alarm.dead_letters[0].alarm_actions) == var.topic_arn &&
      contains(output.alarm_names, "sales-not-delivered")
    )
    error_message = "Nobody is told of what lies in the queue."
  }
}

run "it_watches_nothing_when_everything_is_off" {
  module {
    source = "./modules/monitoring"
  }

  variables {
    database_name = "sales"
    datasets      = ["orders"]
    dpus          = 2
    dashboard     = false
    alarms        = false
  }

  assert {
    condition     = output.dashboard_name == null && length(output.alarm_names) == 0
    error_message = "Something was created although everything is off."
  }
}

run "it_tells_a_topic_of_its_own_how_an_execution_ended" {
  module {
    source = "./modules/notifications"
  }

  variables {
    emails        = ["data@example.com"]
    start_command = "aws stepfunctions start-execution"
    console_url   = "https://eu-central-1.console.aws.amazon.com"
    kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = toset(jsondecode(aws_cloudwatch_event_rule.this.event_pattern).detail.status) == toset([
      "FAILED", "TIMED_OUT", "ABORTED",
    ])
    error_message = "The rule does not listen to failed, timed-out and aborted executions."
  }

  assert {
    condition = alltrue([
      for part in ["<name>", "<status>", "<execution>", "describe-execution", "aws stepfunctions start-execution"] :
      strcontains(aws_cloudwatch_event_target.this.input_transformer[0].input_template, part)
    ])
    error_message = "The message does not say what happened, where to look and what to do."
  }

  assert {
    condition = alltrue([
      for name in regexall("<([a-z]+)>", aws_cloudwatch_event_target.this.input_transformer[0].input_template) :
      contains(keys(aws_cloudwatch_event_target.this.input_transformer[0].input_paths), name[0])
    ])
    error_message = "The message uses a value that no path fills."
  }

  assert {
    condition     = aws_sns_topic_subscription.email["data@example.com"].endpoint == "data@example.com"
    error_message = "The address is not subscribed."
  }

  assert {
    condition     = aws_sns_topic.this[0].kms_master_key_id == var.kms_key_arn
    error_message = "The topic is not encrypted with the key."
  }
}

# https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
run "it_tells_a_chat_channel_in_the_form_of_its_integration" {
  module {
    source = "./modules/notifications"
  }

  variables {
    chat           = true
    chat_topic_arn = "arn:aws:sns:eu-central-1:123456789012:chat"
    start_command  = "aws stepfunctions start-execution"
    console_url    = "https://eu-central-1.console.aws.amazon.com"
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_target.chat[0].input_transformer[0].input_template).version == "1.0" &&
      jsondecode(aws_cloudwatch_event_target.chat[0].input_transformer[0].input_template).source == "custom" &&
      jsondecode(aws_cloudwatch_event_target.chat[0].input_transformer[0].input_template).content.textType == "client-markdown"
    )
    error_message = "The message is no custom notification: ${aws_cloudwatch_event_target.chat[0].input_transformer[0].input_template}"
  }

  assert {
    condition = toset(flatten(regexall("<([a-z]+)>", aws_cloudwatch_event_target.chat[0].input_transformer[0].input_template))) == toset(
      keys(aws_cloudwatch_event_target.chat[0].input_transformer[0].input_paths)
    )
    error_message = "The message leaves out a value, or uses one that no path fills."
  }

  assert {
    condition     = aws_cloudwatch_event_target.chat[0].arn == var.chat_topic_arn && aws_cloudwatch_event_target.this.arn == output.topic_arn
    error_message = "The chat channel is not told, or in place of the topic."
  }
}

run "it_tells_a_brought_topic_and_creates_none" {
  module {
    source = "./modules/notifications"
  }

  variables {
    create_topic  = false
    topic_arn     = "arn:aws:sns:eu-central-1:123456789012:pager"
    start_command = "aws stepfunctions start-execution"
    console_url   = "https://eu-central-1.console.aws.amazon.com"
  }

  assert {
    condition     = length(aws_sns_topic.this) == 0 && length(aws_sns_topic_policy.this) == 0
    error_message = "A topic or a policy was created beside the brought topic."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this.arn == "arn:aws:sns:eu-central-1:123456789012:pager"
    error_message = "The rule does not tell the brought topic."
  }
}
