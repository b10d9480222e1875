# The history of an execution ends at 25,000 events, and the execution with it:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
# A state leaves two events, entered and exited. A Task leaves three more: scheduled, started, succeeded or failed; and a
# fourth, submitted, where it waits for what it started. A Map leaves two more for itself and two for each iteration:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
# tests/asl counts along the longest ways of the rendered definition and has to come to the same figures.

locals {
  history_limit = 25000

  events = {
    execution = 45 # all outside the iterations
    dataset   = 72 # the first load of declared columns, failing at its last step
    crawl     = 5  # a crawl on top of that, the looks at it left out
    view      = 29 # one that is created and then fails
    look      = 9  # one round of a loop that waits: Wait, Task, Choice
    retry     = 3
  }

  # A loop that waits pauses for its poll seconds, or for this part of what it has waited so far if that is longer. So a
  # wait becomes a tenth, or half, longer than it has to be, and a day of it takes some 60 looks instead of 1,440.
  patience = { overlap = 10, crawl = 2 }

  waits = {
    overlap = { poll = var.timeouts.overlap_poll_seconds, limit = var.timeouts.execution_seconds }
    crawl   = { poll = var.timeouts.crawler_poll_seconds, limit = var.timeouts.crawler_seconds }
  }
  looks = {
    for what, wait in local.waits : what => (
      wait.limit <= local.patience[what] * wait.poll
      ? ceil(wait.limit / wait.poll)
      : local.patience[what] + ceil(log(wait.limit / (local.patience[what] * wait.poll), 1 + 1 / local.patience[what]))
    )
  }

  crawled = length([for dataset in var.datasets : dataset if dataset.crawler_name != null])
  # Datasets that are processed at a time and may not convert at a time try again until it is their turn.
  queued = var.max_concurrency > coalesce(var.glue_job_runs, var.max_concurrency)

  history = (
    local.events.execution + local.looks.overlap * local.events.look +
    length(var.datasets) * (local.events.dataset + (local.queued ? local.retries.job[0].MaxAttempts * local.events.retry : 0)) +
    local.crawled * (local.events.crawl + local.looks.crawl * local.events.look) +
    length(local.views) * local.events.view
  )
  history_remedies = join(", or ", compact([
    local.crawled > 0 ? "a longer timeouts.crawler_poll_seconds or a shorter timeouts.crawler_seconds for the ${local.crawled} crawled datasets" : "",
    local.queued ? "as many concurrent runs of the Glue job as max_concurrency (${var.max_concurrency}), or a smaller max_concurrency" : "",
    "fewer datasets and views in this instance of the module",
  ]))
}
