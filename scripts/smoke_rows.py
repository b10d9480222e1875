"""The rows of `make smoke`: what this project assumes of AWS and cannot prove on one machine, as questions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One thing that is assumed.

    Attributes:
        name: what it is about.
        question: what the smoke test asks.
        assumed: the answer that the project counts on.
        only_aws: why a run that is not against AWS itself may get no answer; empty where it always gets one.
    """

    name: str
    question: str
    assumed: str
    only_aws: str = ""


ROWS = (
    Row("Slots when Spark starts", "How many slots does Spark have before its first task?", "as many as at the end"),
    Row(
        "Slots at the end", "How many slots do two G.1X workers make?", "4: one worker is the driver's, a slot per vCPU"
    ),
    Row("Python of the workers", "Which Python do executors run?", "3.11 in Glue 5.0 and 5.1, 3.13 in 6.0"),
    Row("Spark", "Which Spark is it?", "what requirements/spark-*.txt says"),
    Row("pyarrow of the workers", "Which pyarrow do executors have?", "what requirements/spark-*.txt says"),
    Row("boto3 of the workers", "Which boto3 do executors have?", "what requirements/spark-*.txt says"),
    Row("urllib3 of the workers", "Which urllib3 do executors have?", "what requirements/spark-*.txt says"),
    Row("Region of the workers", "Which region do executors have by themselves?", "none, or that of the run"),
    Row(
        "Modules of the workers",
        "Where do executors take our modules from?",
        "csv_to_parquet_modules.zip, sent by the job",
    ),
    Row(
        "Arguments of the job",
        "Which of our arguments reach the script?",
        "--dataset_config, --report_runtime, --run_id, --run_mode, --spark_from_mb, --task_slots",
    ),
    Row("Dry run", "Does `dry_run` change nothing, and foretell what the next execution does?", "yes"),
    Row(
        "Added, corrected and renamed files",
        "What does one execution make of them?",
        "1 inserted, 2 replaced, 1 kept; no row lost or doubled",
    ),
    Row("Idle execution", "How many Glue runs does an execution with nothing new start?", "0"),
    Row("Crawled columns", "What does the crawler find in sku,price over A,1 and B,2?", "sku string, price bigint"),
    Row("ETag of a small object", "Is it the MD5 of its bytes?", "yes"),
    Row("ETag of an object of parts", "Is it the MD5 of the MD5s of its parts, and their number?", "yes"),
    Row("ETag of its copy", "Is it the MD5 of all bytes, another than that of the original?", "yes"),
    Row(
        "ETag in Step Functions",
        "How is a listed object's ETag spelt, and is its value quoted?",
        "ETag or Etag, quoted or not",
    ),
    Row("Next page in Step Functions", "How is the continuation token spelt?", "NextContinuationToken"),
    Row("StartDate in Step Functions", "What is a time of ListExecutions?", "a text or a number"),
    Row(
        "Result of StartSyncExecution",
        "Which members does it have, and what is its output?",
        "Status, Output as a text",
    ),
    Row("Result of startJobRun.sync", "Which members does it have?", "Id, JobRunState"),
    Row(
        "Failed startJobRun.sync",
        "As which error does it arrive, with which members in its cause?",
        "States.TaskFailed: ErrorMessage, Id, JobRunState",
    ),
    Row("Missing table in Step Functions", "As which error does it arrive?", "Glue.EntityNotFoundException"),
    Row("Other errors of tasks", "Which errors did tasks meet besides, throttling among them?", "none"),
    Row(
        "Message of a failed execution",
        "Does it reach the topic's subscriber?",
        "yes, with the command that tells the cause",
    ),
    Row("Log groups of the job", "Do its output and errors go to the groups that Terraform made?", "yes"),
    Row(
        "Timestamps in Athena",
        "How is 2024-02-29 23:59:59.123456 shown?",
        "2024-02-29 23:59:59.123 or with all six digits",
    ),
    Row("Rows in Athena", "Are count and sum those of the CSV files?", "yes"),
    Row("View in Athena", "Has it the figures of the CSV files?", "yes"),
    Row("Quarantine in Athena", "Does it name file, line and column of the bad row?", "yes"),
    Row(
        "Athena's engine",
        "Which engine version does the work group get?",
        "Athena engine version 3",
        "no engine of Athena's",
    ),
    Row("Plan afterwards", "Does terraform plan find anything to change after all executions?", "nothing"),
    Row("DPU seconds", "What is billed for the Glue runs?", "less than 2,400: five runs of 2 DPU", "only AWS bills"),
    Row("Left after destroy", "What is left of it?", "nothing"),
)
NAMES = tuple(row.name for row in ROWS)


def rows_as_cells() -> list[tuple[str, str, str]]:
    """Return the rows as the cells of a table: name, question, and what is assumed."""
    return [(row.name, row.question, row.assumed) for row in ROWS]
