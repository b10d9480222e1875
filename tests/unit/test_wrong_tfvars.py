"""What a stranger gets wrong in tfvars is refused while planning, with one sentence that says how to mend it.

`terraform test` knows only that a rule refused; here the printed words count. Only the root's variables are planned, so
no provider has to start.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from local_aws.terraform import execute, with_cli_configuration

ROOT = Path(__file__).resolve().parents[2]
RIGHT = """
name = "sales-lake"
datasets = {
  orders = {
    partition_keys = [{ name = "month" }]
    columns        = [{ name = "order_id", type = "bigint" }, { name = "ordered_on", type = "date" }]
  }
}
"""
# How far a border of Terraform's output, its line breaks and its indentation reach.
BORDERS = re.compile(r"\s*\n[\s│╷╵]*|\s{2,}")


def dataset(body: str, name: str = "orders") -> tuple[str, str]:
    """Return tfvars with one dataset, and the variable that it is of."""
    return f'name = "sales-lake"\ndatasets = {{ {name} = {{ {body} }} }}\n', "datasets"


def also(more: str) -> tuple[str, str]:
    """Return right tfvars with something wrong after them, and the last variable of that."""
    return f"{RIGHT}\n{more}\n", more.splitlines()[-1].partition(" ")[0]


# What was meant, what was written, the variable that is named, and what the sentence has to say.
MISTAKES: dict[str, tuple[str, str, str]] = {
    "capitals and a space in the name": (
        RIGHT.replace("sales-lake", "Sales Lake"),
        "name",
        "name must be 3 to 24 lower-case letters, digits and hyphens",
    ),
    "a name too long for the buckets": (
        RIGHT.replace("sales-lake", "sales-lake-of-the-data-platform-team"),
        "name",
        "names of at most 63 characters are derived from it",
    ),
    "no dataset": ('name = "sales-lake"\ndatasets = {}', "datasets", "datasets must hold 1 to 200 datasets"),
    "datasets forgotten": ('name = "sales-lake"', "datasets", "is not set, and has no default value"),
    "datasets as a list": (
        'name = "sales-lake"\ndatasets = [{ name = "orders" }]',
        "datasets",
        "map of object required",
    ),
    "a hyphen in a dataset's name": (
        *dataset("", '"web-orders"'),
        "lower-case letters, digits and underscores, since it becomes the name of the table: not web-orders.",
    ),
    "a reserved word as a dataset": (
        *dataset("", "order"),
        "use a name that needs no quotes in a query, for example order_data",
    ),
    "a URI as the prefix": (
        *dataset('prefix = "s3://landing/orders/"'),
        "no slash in front, no bucket name; not so in orders.",
    ),
    "one folder inside another one": (
        'name = "sales-lake"\ndatasets = { orders = { prefix = "shop/", columns = [{ name = "a" }] }, '
        'items = { prefix = "shop/items", columns = [{ name = "a" }] } }',
        "datasets",
        "The prefixes of two datasets must not overlap, otherwise a file would belong to both: give each a folder",
    ),
    "a crawled folder of another name": (
        *dataset('prefix = "landing/2024"'),
        "must end in the dataset's name, such as landing/<name>/",
    ),
    "a column with a space": (
        *dataset('columns = [{ name = "order id" }]'),
        "put the name in the file's header into source: not so in orders 'order id'.",
    ),
    "a column named twice": (
        *dataset('columns = [{ name = "id" }, { name = "id" }]'),
        "The columns of a dataset need names of their own; one is named twice",
    ),
    "a column that is a partition key": (
        *dataset('partition_keys = [{ name = "month" }], columns = [{ name = "month" }]'),
        "A partition key must not also be a column",
    ),
    "another product's type": (
        *dataset('columns = [{ name = "id", type = "VARCHAR(20)" }]'),
        "or decimal(p,s), for example decimal(12,2); not VARCHAR(20) as of orders.id.",
    ),
    "a decimal without room": (
        *dataset('columns = [{ name = "price", type = "decimal(2,4)" }]'),
        "decimal(p,s) allows 1 to 38 digits (p), of which at most p stand behind the point (s)",
    ),
    "a date format of another language": (
        *dataset('columns = [{ name = "day", type = "date", format = "dd.MM.yyyy" }]'),
        "is a strptime format with % codes, for example %d.%m.%Y",
    ),
    "a delimiter of two characters": (
        *dataset('csv = { delimiter = "||" }'),
        "csv.delimiter, csv.quote, csv.escape and csv.comment must each be one ASCII character",
    ),
    "a per cent for a fraction": (
        *dataset("max_bad_fraction = 5"),
        "max_bad_fraction must be a number from 0 (none) to 1 (all); 0.01 is one row in a hundred",
    ),
    "an unknown policy": (*dataset('on_source_removed = "delete"'), "on_source_removed must be keep or mirror"),
    "a pattern without keys": (
        *dataset('partition_pattern = "(?P<year>[0-9]{4})"'),
        "partition_pattern needs partition_keys: declare one partition key for each of its named groups",
    ),
    "a whole statement as a view": (
        *also('views = [{ name = "sales", sql = "CREATE VIEW sales AS SELECT 1 AS one" }]'),
        "The sql of a view is only the SELECT statement behind it, without CREATE VIEW in front",
    ),
    "a view with the name of a table": (
        *also('views = [{ name = "orders", sql = "SELECT 1 AS one" }]'),
        "A view must not have the name of a table",
    ),
    "a bucket brought without its name": (
        *also("buckets = { raw = { create = false } }"),
        "name must name the existing bucket when create is false",
    ),
    "a bucket that looks like an address": (
        *also('buckets = { lake = { name = "192.168.1.1" } }'),
        "a bucket name must not hold two dots in a row, look like an IP address",
    ),
    "a log bucket by its URI": (
        *also('access_logs = { enabled = true, bucket = "s3://logs" }'),
        "access_logs: bucket must be the name of a bucket only",
    ),
    "a role that would not be used": (
        *also('iam = { job = { role_arn = "arn:aws:iam::123456789012:role/etl" } }'),
        "role_arn goes with create = false",
    ),
    "a topic that would not be used": (
        *also('notifications = { enabled = true, topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }'),
        "notifications.topic_arn goes with enabled = true and create_topic = false",
    ),
    "a cron as Linux writes it, with a year": (
        *also('schedule = { expression = "cron(0 6 * * * *)" }'),
        "exactly one of the day of the month (third field) and the day of the week (fifth field) must be ?",
    ),
    "a time zone by its abbreviation": (
        *also('schedule = { expression = "rate(1 day)", timezone = "CEST" }'),
        "schedule.timezone must be the IANA name of a time zone",
    ),
    "a day that does not exist": (
        *also('schedule = { expression = "at(2026-13-45T00:00:00)" }'),
        "must be a day and a time that exist",
    ),
    "an encoding that does not exist": (
        *dataset('csv = { encoding = "utf-9" }'),
        "csv.encoding must be the name of an encoding that Python knows",
    ),
    "a pattern with an open bracket": (
        *dataset('partition_keys = [{ name = "year" }], partition_pattern = "(?P<year>[0-9]{4}"'),
        "partition_pattern must be a regular expression of Python, in which every bracket is closed",
    ),
    "a story for a comment": (
        *dataset(f'columns = [{{ name = "id", comment = "{"why " * 64}" }}]'),
        "The comment of a column has at most 255 characters",
    ),
    "views in the wrong order": (
        *also('views = [{ name = "a", sql = "SELECT * FROM b" }, { name = "b", sql = "SELECT 1 AS one" }]'),
        "A view may read only views that are declared before it",
    ),
    "a comment behind the semicolon": (
        *also('views = [{ name = "a", sql = "SELECT 1 AS one; -- comment" }]'),
        "in which ; may stand only at the very end",
    ),
    "an alias for the key": (
        *also('kms_key_arn = "alias/lake"'),
        "kms_key_arn must be the ARN of a key, arn:<partition>:kms:<region>:<account>:key/<id>",
    ),
    "the name of a role for its ARN": (
        *also('iam = { job = { create = false, role_arn = "GlueRole" } }'),
        "role_arn must be the ARN of a role, arn:<partition>:iam::<account>:role/<name>",
    ),
    "a Glue version that is too old": (*also('glue = { version = "4.0" }'), "glue.version must be 5.0, 5.1 or 6.0"),
    "FLEX on large workers": (
        *also('glue = { worker_type = "G.4X", execution_class = "FLEX" }'),
        "glue.execution_class FLEX is for the worker types G.1X and G.2X only",
    ),
    "a retention that CloudWatch has not": (
        *also("workflow = { log_retention_days = 45 }"),
        "workflow.log_retention_days must be 0 (for ever) or one of 1, 3, 5, 7, 14, 30, 60, 90",
    ),
    "Glue's limit above the state machine's": (
        *also("glue = { timeout_minutes = 600 }\nworkflow = { timeouts = { job_seconds = 3600 } }"),
        "workflow.timeouts.job_seconds must be more than timeout_minutes of glue (36000 seconds)",
    ),
    "a cron of five fields": (
        *also('schedule = { expression = "cron(0 6 * * *)" }'),
        "cron(<six fields>) or at(yyyy-mm-ddThh:mm:ss), for example cron(0 6 * * ? *)",
    ),
    "a word for a number": (*also('trigger_on_upload = { window_seconds = "a minute" }'), "a number is required"),
    "subscribers of a foreign topic": (
        *also(
            'notifications = { enabled = true, create_topic = false, emails = ["a@example.com"], '
            'topic_arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }'
        ),
        "an existing topic has its own subscribers",
    ),
    "an alarm while alarms are off": (
        *also("monitoring = { alarms = false, no_success_hours = 24 }"),
        "monitoring.no_success_hours needs monitoring.alarms",
    ),
    "a tag that AWS keeps": (
        *also('tags = { "aws:team" = "data" }'),
        "The keys of tags must not start with aws:, which AWS keeps for itself",
    ),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that is nothing but the module's variables and their rules."""
    folder = tmp_path_factory.mktemp("rules")
    for file in [*ROOT.glob("variables*.tf"), *ROOT.glob("locals*.tf")]:
        shutil.copy(file, folder)
    return folder


def plan(rules: Path, tfvars: str) -> tuple[int, str]:
    """Plan with these values; return the exit status and what was printed, in one line."""
    (rules / "a-strangers.tfvars").write_text(tfvars)
    arguments = [f"-chdir={rules}", "plan", "-input=false", "-no-color", "-var-file=a-strangers.tfvars"]
    log = rules / "plan.log"
    status, output = execute(arguments, with_cli_configuration(os.environ, rules), log)
    return status, BORDERS.sub(" ", output)


def it_knows_thirty_mistakes() -> None:
    assert len(MISTAKES) >= 30


def it_accepts_what_is_right(rules: Path) -> None:
    status, printed = plan(rules, RIGHT)
    assert status == 0, printed
    assert "Error" not in printed


@pytest.mark.parametrize("mistake", MISTAKES)
def it_says_how_to_mend(rules: Path, mistake: str) -> None:
    tfvars, variable, sentence = MISTAKES[mistake]
    status, printed = plan(rules, tfvars)
    assert status == 1
    assert printed.count("Error: ") == 1, printed
    assert sentence in printed
    assert re.search(rf'\bvar\.{variable}\b|variable "{variable}"', printed)
