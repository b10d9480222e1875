"""Renders the state machine and its role's policy with Terraform itself, for several sets of variables in one plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scripts.graph import mermaid, outline, place

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "eu-central-1"
IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>AIDA</UserId><Account>{ACCOUNT}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


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
    "on_upload": {"window_seconds": 60},
    "sources": {
        "flights": {"bucket": "raw", "prefix": "flights/"},
        "airlines": {"bucket": "elsewhere", "prefix": "airlines/"},
    },
    "source_buckets": {"raw": "raw", "elsewhere": "elsewhere"},
}
MANY_PREFIXES: dict[str, Any] = {
    **TRIGGERS,
    "name": "many-prefixes",
    "schedule": None,
    "sources": {f"d{number}": {"bucket": "raw", "prefix": f"dataset-{number:03}/"} for number in range(200)},
}


@dataclass(frozen=True)
class Rendered:
    """What one set of variables gives: the definition, as text and parsed, and what is planned beside it."""

    variables: dict[str, Any]
    text: str
    definition: dict[str, Any]
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
    """Everything that was planned: the state machines by set of variables, and the resources of the triggers."""

    workflows: dict[str, Rendered]
    triggers: dict[str, dict[str, Any]]
    many_prefixes: dict[str, dict[str, Any]]


def plan_all(folder: Path) -> Planned:
    """Plan the workflow module once per set of variables, and the triggers."""
    with answering_endpoint() as endpoint:
        (folder / "main.tf.json").write_text(json.dumps(configuration(folder, endpoint)))
        terraform(folder, "init", "-input=false", "-no-color", "-backend=false")
        terraform(folder, "plan", "-input=false", "-no-color", "-out=plan")
        planned = json.loads(terraform(folder, "show", "-json", "plan"))["planned_values"]
    return Planned(
        {name: rendered(name, planned) for name in VARIABLE_SETS},
        resources(planned, "triggers"),
        resources(planned, "many_prefixes"),
    )


def resources(planned: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """The planned values of one module call, by address inside the module."""
    address = f"module.{name}"
    module = next(child for child in planned["root_module"]["child_modules"] if child["address"] == address)
    return {entry["address"].removeprefix(f"{address}."): entry["values"] for entry in module["resources"]}


def rendered(name: str, planned: dict[str, Any]) -> Rendered:
    """Pick what belongs to one module call out of a plan."""
    text = planned["outputs"][name]["value"]
    return Rendered(VARIABLE_SETS[name], text, json.loads(text), resources(planned, name))


def configuration(folder: Path, endpoint: str) -> dict[str, Any]:
    """A root module that calls the workflow module with every set of variables."""
    provider = {
        "access_key": "test",
        "secret_key": "test",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "endpoints": {"sts": endpoint, "sfn": endpoint},
    }
    source = os.path.relpath(ROOT / "modules" / "workflow", folder.resolve())
    calls = {name: {"source": source, **escaped(variables)} for name, variables in VARIABLE_SETS.items()}
    calls["china"]["providers"] = {"aws": "aws.china"}
    triggers = os.path.relpath(ROOT / "modules" / "triggers", folder.resolve())
    calls["triggers"] = {"source": triggers, **escaped(TRIGGERS)}
    calls["many_prefixes"] = {"source": triggers, **escaped(MANY_PREFIXES)}
    return {
        "provider": {"aws": [{**provider, "region": REGION}, {**provider, "region": "cn-north-1", "alias": "china"}]},
        "module": calls,
        "output": {name: {"value": f"${{module.{name}.definition}}"} for name in VARIABLE_SETS},
    }


def escaped(value: Any) -> Any:
    """Keep Terraform from reading `${` and `%{` in a value as a template."""
    if isinstance(value, dict):
        return {name: escaped(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [escaped(entry) for entry in value]
    return value.replace("${", "$${").replace("%{", "%%{") if isinstance(value, str) else value


def terraform(folder: Path, *arguments: str) -> str:
    """Run Terraform in a folder and return what it prints."""
    command = [sys.executable, "-m", "scripts.terraform", "--", f"-chdir={folder}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"terraform {arguments[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@contextmanager
def answering_endpoint() -> Iterator[str]:
    """Serve the two calls the provider makes while planning: who am I, and is this definition valid."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        validates = self.headers.get("X-Amz-Target", "").endswith("ValidateStateMachineDefinition")
        body = ('{"result": "OK", "diagnostics": []}' if validates else IDENTITY).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0" if validates else "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep the test output clean."""


# What each document shows.
PICTURES: dict[str, Callable[[dict[str, Any]], str]] = {"README.md": outline, "docs/state-machine.md": mermaid}


def main() -> None:
    """Renew the pictures of the state machine in the documents: `python -m tests.asl.rendering`."""
    with tempfile.TemporaryDirectory() as folder:
        definition = plan_all(Path(folder)).workflows["complete"].definition
    for name, draw in PICTURES.items():
        document = ROOT / name
        document.write_text(place(document.read_text(), draw(definition)))


if __name__ == "__main__":
    main()
