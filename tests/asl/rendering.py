"""Renders the state machine and its role's policy with Terraform itself, for several sets of variables in one plan."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.offline_plan import ACCOUNT, REGION, ROOT, plan


def dataset(name: str, crawler: str | None = None) -> dict[str, Any]:
    """One entry of the module's `datasets`."""
    return {
        "contract_key": f"contracts/{name}.json",
        "raw_table": f"raw_{name}",
        "parquet_table": name,
        "quarantine_table": f"{name}_quarantine",
        "source_bucket": "raw",
        "source_prefix": f"{name}/",
        "crawler_name": crawler,
    }


MINIMAL: dict[str, Any] = {
    "name": "flights-dev",
    "templates_folder": str(ROOT / "sfn"),
    "datasets": {"flights": dataset("flights")},
    "database_name": "flights_dev",
    "glue_job_name": "flights-dev-csv-to-parquet",
    "lake_bucket": "lake",
    "artifacts_bucket": "artifacts",
    "athena_workgroup": "flights-dev",
    "athena_results_uri": "s3://lake/athena-results/",
}
VARIABLE_SETS: dict[str, dict[str, Any]] = {
    "minimal": MINIMAL,
    "complete": {
        **MINIMAL,
        "datasets": {
            "flights": dataset("flights"),
            "airlines": {**dataset("airlines"), "source_bucket": "elsewhere", "contract_bucket": "other-artifacts"},
            "weather": dataset("weather", "flights-dev-weather"),
        },
        "crawler_names": ["flights-dev-weather"],
        "views": [
            {"name": "delays", "sql": " SELECT carrier, 'a \"quoted\" ${text} %{and more}' FROM flights ;\n"},
            {"name": "worst", "sql": "SELECT * FROM delays -- the end\n"},
        ],
        "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
        "role_path": "/lakes/",
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "max_concurrency": 2,
        "on_overlap": "skip",
        "on_dataset_removed": "drop_tables",
        "log_level": "ALL",
        "include_execution_data": True,
        "tracing": True,
        "timeouts": {"job_seconds": 7200, "crawler_seconds": 100, "crawler_poll_seconds": 30},
        "tags": {"team": "lake"},
    },
    "crawler_only": {
        **MINIMAL,
        "datasets": {"weather": dataset("weather", "weather"), "tides": dataset("tides", "tides")},
        "crawler_names": ["weather", "tides"],
        "create_log_group": False,
        "log_group_name": "/aws/vendedlogs/platform",
    },
    "two_hundred": {
        **MINIMAL,
        "datasets": {f"dataset_{number:03}": dataset(f"dataset_{number:03}") for number in range(200)},
    },
    "china": MINIMAL,
}


TRIGGERS: dict[str, Any] = {
    "name": "flights-dev",
    "state_machine_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:flights-dev",
    "schedule": {"expression": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin", "window_minutes": 15},
    "dataset_schedules": {"flights": {"expression": "rate(1 hour)", "enabled": False}},
    "on_upload": {"window_seconds": 60},
    "sources": {
        "flights": {"bucket": "raw", "prefix": "flights/"},
        "airlines": {"bucket": "elsewhere", "prefix": "airlines/"},
    },
    "source_buckets": {"raw": "raw", "elsewhere": "elsewhere"},
}
LAKE: dict[str, Any] = {
    "name": "flights-dev",
    "datasets": {
        "flights": {
            "partition_keys": [{"name": "month"}],
            "columns": [{"name": "carrier", "comment": "two letters"}, {"name": "delay", "type": "int"}],
            "csv": {"escape": "\\"},
        },
    },
}
MANY_PREFIXES: dict[str, Any] = {
    **TRIGGERS,
    "name": "many-prefixes",
    "schedule": None,
    "dataset_schedules": {},
    "create_log_group": False,
    "log_group_name": "/aws/vendedlogs/platform",
    "sources": {f"d{number}": {"bucket": "raw", "prefix": f"dataset-{number:03}/"} for number in range(200)},
}


@dataclass(frozen=True)
class Rendered:
    """What one set of variables gives: the definition, as text and parsed, and what is planned beside it."""

    variables: dict[str, Any]
    text: str
    definition: dict[str, Any]
    history_events: int
    resources: dict[str, dict[str, Any]]

    @property
    def listing(self) -> dict[str, Any]:
        """The definition of the state machine that lists S3."""
        definition: dict[str, Any] = json.loads(self.resources["aws_sfn_state_machine.listing"]["definition"])
        return definition

    @property
    def definitions(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both definitions."""
        return self.definition, self.listing

    @property
    def policy(self) -> list[dict[str, Any]]:
        """The statements of the role's policy, actions and resources always as lists."""
        return statements(self.resources["aws_iam_role_policy.this[0]"]["policy"])

    @property
    def trust(self) -> list[dict[str, Any]]:
        """The statements of the role's trust policy."""
        return statements(self.resources["aws_iam_role.this[0]"]["assume_role_policy"])


def statements(policy: str) -> list[dict[str, Any]]:
    """The statements of a policy document, with lists where IAM allows a string or a list."""
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    for statement in found:
        for part in ("Action", "Resource"):
            if isinstance(statement.get(part), str):
                statement[part] = [statement[part]]
    return found


@dataclass(frozen=True)
class Planned:
    """Everything that was planned: the state machines by set of variables, a contract, and what the triggers need."""

    workflows: dict[str, Rendered]
    contract: dict[str, Any]
    triggers: dict[str, dict[str, Any]]
    many_prefixes: dict[str, dict[str, Any]]


def plan_all(folder: Path) -> Planned:
    """Plan the workflow module once per set of variables, the triggers, and a lake for its contract."""
    (folder / "main.tf.json").write_text(json.dumps(configuration(folder)))
    planned = plan(folder, {"china": "cn-north-1"})
    return Planned(
        {name: rendered(name, planned) for name in VARIABLE_SETS},
        json.loads(resources(planned, "lake.module.job[0]")['aws_s3_object.contract["flights"]']["content"]),
        resources(planned, "triggers"),
        resources(planned, "many_prefixes"),
    )


def resources(planned: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """The planned values of one module call, by address inside the module."""
    address = f"module.{name}"
    calls = planned["root_module"]["child_modules"]
    nested = [child for call in calls for child in [call, *call.get("child_modules", [])]]
    module = next(child for child in nested if child["address"] == address)
    return {entry["address"].removeprefix(f"{address}."): entry["values"] for entry in module["resources"]}


def rendered(name: str, planned: dict[str, Any]) -> Rendered:
    """Pick what belongs to one module call out of a plan."""
    text = planned["outputs"][f"{name}_definition"]["value"]
    events = planned["outputs"][f"{name}_history_events"]["value"]
    return Rendered(VARIABLE_SETS[name], text, json.loads(text), events, resources(planned, name))


def configuration(folder: Path) -> dict[str, Any]:
    """A root module that calls the workflow module with every set of variables."""
    source = os.path.relpath(ROOT / "modules" / "workflow", folder.resolve())
    calls = {name: {"source": source, **escaped(variables)} for name, variables in VARIABLE_SETS.items()}
    calls["china"]["providers"] = {"aws": "aws.china"}
    triggers = os.path.relpath(ROOT / "modules" / "triggers", folder.resolve())
    calls["triggers"] = {"source": triggers, **escaped(TRIGGERS)}
    calls["many_prefixes"] = {"source": triggers, **escaped(MANY_PREFIXES)}
    calls["lake"] = {"source": os.path.relpath(ROOT, folder.resolve()), **escaped(LAKE)}
    return {
        "module": calls,
        "output": {
            f"{name}_{output}": {"value": f"${{module.{name}.{output}}}"}
            for name in VARIABLE_SETS
            for output in ("definition", "history_events")
        },
    }


def escaped(value: Any) -> Any:
    """Keep Terraform from reading `${` and `%{` in a value as a template."""
    if isinstance(value, dict):
        return {name: escaped(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [escaped(entry) for entry in value]
    return value.replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else value
