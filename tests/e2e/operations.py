"""An operator with a terminal: the commands of docs/operations.md as they are, with Terraform and AWS's own CLI."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws import ExecutionResult, LocalAws
from local_aws.queries import run_query
from local_aws.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from local_aws.terraform import ROOT, initialise, with_cli_configuration

PAGE = ROOT / "docs" / "operations.md"
# The AWS CLI of PyPI; its own libraries come with it, so it is kept beside .venv.
CLI = "awscli==1.46.3"
CLI_FOLDER = ROOT / "build" / CLI.replace("==", "-")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECONDS = 600
OUTPUTS = ("state_machine_arn", "raw_bucket", "lake_bucket", "database_name", "athena_workgroup", "alarm_names")
ORDERS = {
    "partition_keys": [{"name": "month"}],
    "max_bad_fraction": 0.9,
    "columns": [{"name": "order_id", "type": "int"}, {"name": "amount", "type": "int"}],
}


def blocks(section: str, page: Path = PAGE) -> dict[str, list[str]]:
    """Return the code blocks of a section by language; the part above the first section is called `""`."""
    parts = re.split(r"^##+ (.*)\n", page.read_text(), flags=re.MULTILINE)
    sections = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    found: dict[str, list[str]] = {}
    for language, text in BLOCK.findall(sections[section]):
        found.setdefault(language, []).append(text)
    return found


def install_cli() -> None:
    """Fetch AWS's CLI unless it has been."""
    if not CLI_FOLDER.exists():
        part = CLI_FOLDER.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--target", str(part), CLI], check=True, timeout=SECONDS, capture_output=True)
        part.rename(CLI_FOLDER)


@dataclass
class Operator:
    """Somebody in the folder of a stack that calls the module as `lake`.

    Attributes:
        aws: the account.
        folder: where the stack and the files at hand lie.
        lake: the arguments of the module.
    """

    aws: LocalAws
    folder: Path
    lake: dict[str, Any] = field(default_factory=dict)

    def write(self, **change: Any) -> None:
        """Change arguments of the module in the stack; None takes one out."""
        self.lake = {name: value for name, value in {**self.lake, **change}.items() if value is not None}
        provider = {"region": REGION, "s3_use_path_style": True, "skip_metadata_api_check": True}
        source = os.path.relpath(ROOT, self.folder.resolve())
        stack = {
            "provider": {"aws": provider},
            "module": {"lake": {"source": source, **self.lake}},
            "output": {name: {"value": f"${{module.lake.{name}}}"} for name in OUTPUTS},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(stack, indent=2))

    @property
    def environment(self) -> dict[str, str]:
        """What the operator's shell has set."""
        answers = "-auto-approve -input=false"
        told = {
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "TF_CLI_ARGS": "-no-color",
            "TF_CLI_ARGS_apply": answers,
            "TF_CLI_ARGS_destroy": answers,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_CLI_ARGS"))}
        return with_cli_configuration({**kept, **told}, self.folder / "work")

    def prepare(self) -> None:
        """Put `aws` on the PATH and initialise the stack."""
        install_cli()
        (self.folder / "bin").mkdir(parents=True)
        aws = self.folder / "bin" / "aws"
        aws.write_text(f'#!/bin/sh\nPYTHONPATH="{CLI_FOLDER}" exec "{sys.executable}" -m awscli "$@"\n')
        aws.chmod(0o755)
        initialise([f"-chdir={self.folder}", "init", "-input=false"], self.environment, self.folder / "work")

    def shell(self, script: str) -> str:
        """Run lines of Bash as the operator would, from the first failure on none; return what they printed."""
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def follow_page(self, section: str, step: int | None = None, before: str = "", page: Path = PAGE) -> str:
        """Run the shell blocks of a section, or one, after the one that begins the page; return their output."""
        found = blocks(section, page)["sh"]
        return self.shell("\n".join([*blocks("")["sh"], before, *(found if step is None else [found[step]])]))

    def start(self, given: str) -> None:
        """Start an execution in the page's own way."""
        self.shell("\n".join([*blocks("")["sh"], f"start '{given}'"]))

    def query_page(self, section: str, page: Path = PAGE) -> list[list[dict[str, str | None]]]:
        """Run all statements of a section's SQL and return the answers of each."""
        statements = "".join(blocks(section, page)["sql"]).split(";")
        return [self.sql(statement) for statement in statements if statement.strip()]

    def sql(self, statement: str) -> list[dict[str, str | None]]:
        """Query by Athena."""
        database, workgroup = self.output("database_name"), self.output("athena_workgroup")
        return run_query(self.aws.client("athena"), statement, workgroup, database)

    def rows(self, table: str = "orders") -> list[tuple[str | None, ...]]:
        """Return the rows of a table, sorted."""
        return sorted(tuple(row.values()) for row in self.sql(f"SELECT * FROM {table}"))  # noqa: S608 - names of tests

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return str(state["outputs"][name]["value"])

    def ended(self) -> ExecutionResult:
        """Wait for the execution that was started last, and return how it ended."""
        machine = self.output("state_machine_arn")
        started = self.aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        newest = max(started, key=lambda execution: execution["startDate"])
        return self.aws.follow(newest["executionArn"], timeout=SECONDS)

    def report(self, dataset: str = "orders") -> dict[str, Any]:
        """Wait for the execution that was started last, insist on success, and return a dataset's figures."""
        result = self.ended()
        assert result.status == "SUCCEEDED", result.cause
        figures: dict[str, Any] = result.output["datasets"][dataset]
        return figures

    def plan(self) -> dict[str, set[str]]:
        """Return what applying would do to each resource."""
        self.shell("terraform plan -input=false -out=planned && terraform show -json planned > planned.json")
        changes = json.loads((self.folder / "planned.json").read_text()).get("resource_changes", [])
        return {
            change["address"]: actions
            for change in changes
            if (actions := set(change["change"]["actions"]) - {"no-op", "read"})
        }

    def lost(self) -> list[str]:
        """Return what applying would destroy or replace."""
        return [address for address, actions in self.plan().items() if "delete" in actions]
