"""`LocalAws`: start, apply, upload, execute, query and stop, as functions for tests and the demo."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from local_aws.errors import LocalAwsError
from local_aws.execution import ExecutionResult, Happening, follow
from local_aws.processes import command_line, end_session, is_running, wait_until_gone
from local_aws.queries import run_query
from local_aws.settings import DEFAULT_PORT, REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Settings
from local_aws.terraform import ROOT, Terraform

DEFAULT_DIRECTORY = ROOT / "build" / "local_aws"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
RUN_SECONDS = 3600.0
POLL_SECONDS = 0.1


class LocalAws:
    """One local AWS: its server, what was applied to it, and what to do with it.

    Args:
        directory: where everything it keeps goes; two of them must not share one.
        port: the port its server listens on when it is started.
    """

    def __init__(self, directory: Path = DEFAULT_DIRECTORY, port: int = DEFAULT_PORT) -> None:
        self.settings = Settings(directory.resolve(), port)

    @classmethod
    def running(cls, directory: Path = DEFAULT_DIRECTORY) -> LocalAws:
        """Return the local AWS whose server runs from a directory.

        Raises:
            LocalAwsError: when none does.
        """
        aws = cls(directory)
        server = aws._server()
        if server is None:
            raise LocalAwsError("the local AWS is not up: start it with `python -m local_aws up`")
        return cls(directory, server["port"])

    @property
    def endpoint(self) -> str:
        """URL of every AWS service."""
        return self.settings.endpoint

    # Server

    @property
    def is_up(self) -> bool:
        """Whether the server runs."""
        return self._server() is not None

    def start(self) -> None:
        """Start the server in the background, with nothing in it, and wait until it answers.

        Raises:
            LocalAwsError: when it runs already, the port is taken, or it ends at once.
        """
        self.settings.directory.mkdir(parents=True, exist_ok=True)
        with self._starting():
            self._start()

    def _start(self) -> None:
        if self.is_up:
            raise LocalAwsError(
                f"a local AWS already runs from {self.settings.directory}: stop it with "
                f"`python -m local_aws --directory {self.settings.directory} down`"
            )
        if refusal := refusal_of(self.settings.port):
            raise LocalAwsError(
                f"port {self.settings.port} {refusal}: choose another one with --port (make demo PORT=…)"
            )
        self._clear()
        command = [sys.executable, "-m", "local_aws.server"]
        command += ["--directory", str(self.settings.directory), "--port", str(self.settings.port)]
        with self.settings.log_file.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.settings.server_file.write_text(json.dumps({"pid": process.pid, "port": self.settings.port}))
            self._wait_until_ready(process)
        except BaseException:
            if not self.stop() and process.poll() is None:
                end_session(process.pid)
            raise

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        """Keep others from starting a server in this directory: of two at once, one would be forgotten and go on."""
        with (self.settings.directory / "starting.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalAwsError(
                    f"another process is starting a local AWS in {self.settings.directory}: wait for it, or name "
                    "another folder with --directory"
                ) from None
            yield

    def stop(self) -> bool:
        """Stop the server and every process it started; return whether there was one."""
        server = self._server()
        if server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server["pid"], signal.SIGTERM)
            if not wait_until_gone([server["pid"]], STOP_SECONDS):
                end_session(server["pid"])
        # A server that was killed leaves its Spark processes behind: each run notes its own.
        for file in self.settings.runs.glob("*/pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(file.read_text())
                if str(self.settings.directory) in command_line(pid):
                    end_session(pid)
        self.settings.server_file.unlink(missing_ok=True)
        return server is not None

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client of the account's root user."""
        # The stubs overload this for each service by its literal name, which is not known here.
        create: Callable[..., Any] = boto3.client
        return create(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=ROOT_ACCESS_KEY,
            aws_secret_access_key=ROOT_SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
        )

    # Terraform

    def terraform(self, configuration: Path, var_file: Path | None = None) -> Terraform:
        """Return Terraform for a configuration applied to this local AWS."""
        return Terraform(
            configuration=configuration.resolve(),
            work=self.settings.terraform / "-".join(configuration.resolve().parts[-2:]),
            endpoint=self.endpoint,
            var_files=(var_file,) if var_file else (),
        )

    def apply(
        self, configuration: Path, var_file: Path | None = None, variables: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Apply a configuration and return its outputs; `run` and `sql` use the one applied last."""
        outputs = self.terraform(configuration, var_file).apply(variables)
        self._applied_file.write_text(json.dumps(outputs))
        return outputs

    def plan_is_clean(
        self, configuration: Path, var_file: Path | None = None, variables: Mapping[str, Any] | None = None
    ) -> bool:
        """Whether `terraform plan` finds nothing to change."""
        return self.terraform(configuration, var_file).plan_is_clean(variables)

    def destroy(
        self, configuration: Path, var_file: Path | None = None, variables: Mapping[str, Any] | None = None
    ) -> None:
        """Destroy what was applied."""
        self.terraform(configuration, var_file).destroy(variables)
        self._applied_file.unlink(missing_ok=True)

    @property
    def outputs(self) -> dict[str, Any]:
        """Outputs of the configuration applied last.

        Raises:
            LocalAwsError: when none was.
        """
        if not self._applied_file.exists():
            raise LocalAwsError("nothing is applied: run `python -m local_aws apply` first")
        outputs: dict[str, Any] = json.loads(self._applied_file.read_text())
        return outputs

    # Data, executions, queries

    def put(self, source: Path, target: str) -> int:
        """Upload a file, or a folder with all below it, and return the number of objects.

        Args:
            source: the file or folder.
            target: `s3://bucket/key`; ending in `/` (or for a folder) it is a prefix.

        Raises:
            LocalAwsError: when the target is no place, or there is nothing to upload.
        """
        bucket, _, key = target.removeprefix("s3://").partition("/")
        if not target.startswith("s3://") or not bucket:
            raise LocalAwsError(f"{target!r} is not a place in S3: write s3://bucket/key")
        if not source.exists():
            raise LocalAwsError(f"there is no file or folder {source}")
        if source.is_dir():
            prefix = f"{key.rstrip('/')}/" if key else ""
            files = {prefix + file.relative_to(source).as_posix(): file for file in sorted(source.rglob("*"))}
        else:
            files = {(key + source.name if key.endswith("/") or not key else key): source}
        s3 = self.client("s3")
        uploaded = {name: file for name, file in files.items() if file.is_file()}
        if not uploaded:
            raise LocalAwsError(f"there is nothing to upload: {source} holds no file and is none")
        for name, file in uploaded.items():
            with file.open("rb") as body:
                try:
                    s3.put_object(Bucket=bucket, Key=name, Body=body)
                except botocore.exceptions.ClientError as error:
                    raise LocalAwsError(f"{file} could not be uploaded to s3://{bucket}/{name}: {error}") from error
        return len(uploaded)

    def start_execution(self, execution_input: Mapping[str, Any] | None = None) -> str:
        """Start the applied state machine and return the execution's ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self._output("state_machine_arn"), input=json.dumps(execution_input or {})
        )
        return str(started["executionArn"])

    def follow(
        self,
        execution_arn: str,
        on_progress: Callable[[str], None] | None = None,
        timeout: float = RUN_SECONDS,
        on_happening: Callable[[Happening], None] | None = None,
    ) -> ExecutionResult:
        """Wait for the end of an execution; `on_progress` gets a line for each state, `on_happening` what happens."""
        client, nobody = self.client("stepfunctions"), (lambda happening: None)
        return follow(client, execution_arn, on_progress or nobody, timeout, on_happening=on_happening or nobody)

    def run(
        self,
        execution_input: Mapping[str, Any] | None = None,
        on_progress: Callable[[str], None] | None = None,
        timeout: float = RUN_SECONDS,
        on_happening: Callable[[Happening], None] | None = None,
    ) -> ExecutionResult:
        """Execute the applied state machine to its end, whatever that end is."""
        return self.follow(self.start_execution(execution_input), on_progress, timeout, on_happening)

    def sql(self, query: str, database: str | None = None) -> list[dict[str, str | None]]:
        """Run a query by Athena in the applied work group and return its rows, values as Athena's texts.

        Raises:
            LocalAwsError: with Athena's reason when the query fails.
        """
        database = database or self._output("database_name")
        return run_query(self.client("athena"), query, self._output("athena_workgroup"), database)

    def tables(self) -> list[dict[str, str | None]]:
        """Return name and kind of the tables and views of the applied configuration."""
        pages = self.client("glue").get_paginator("get_tables").paginate(DatabaseName=self._output("database_name"))
        tables = sorted((table for page in pages for table in page["TableList"]), key=lambda table: table["Name"])
        return [
            {"name": table["Name"], "kind": "view" if table.get("TableType") == "VIRTUAL_VIEW" else "table"}
            for table in tables
        ]

    def columns(self, table: str) -> list[dict[str, str | None]]:
        """Return name, type and comment of the columns of a table or view, partition keys included.

        Raises:
            LocalAwsError: when there is no such table.
        """
        glue = self.client("glue")
        try:
            found = glue.get_table(DatabaseName=self._output("database_name"), Name=table)["Table"]
        except glue.exceptions.EntityNotFoundException as error:
            names = ", ".join(str(entry["name"]) for entry in self.tables())
            raise LocalAwsError(f"there is no table {table}; there are: {names or 'none'}") from error
        columns = [(column, column.get("Comment", "")) for column in found["StorageDescriptor"]["Columns"]]
        columns += [(key, "partition key") for key in found.get("PartitionKeys", [])]
        return [{"column": column["Name"], "type": column["Type"], "comment": told} for column, told in columns]

    # For tests

    def iam_calls(self) -> list[dict[str, Any]]:
        """Return every call roles made so far: role, action, resource, allowed, time."""
        if not self.settings.call_log.exists():
            return []
        return [json.loads(line) for line in self.settings.call_log.read_text().splitlines()]

    def clear_iam_calls(self) -> None:
        """Forget the calls made so far."""
        self.settings.call_log.write_text("")

    def set_job_environment(self, variables: Mapping[str, str]) -> None:
        """Add environment variables to the Glue jobs that start from now on; none for no more."""
        self.settings.job_environment.write_text(json.dumps(dict(variables)))

    def fail_calls(self, errors: Mapping[str, list[str]]) -> None:
        """Answer the next calls of operations with errors, one each; none for no more.

        Args:
            errors: error codes by operation, e.g. `{"glue:StartJobRun": ["ThrottlingException"]}`; the service as
                botocore names it, one of athena, events, glue, logs and stepfunctions.
        """
        self.settings.call_faults.write_text(json.dumps(dict(errors)))

    def _output(self, name: str) -> str:
        outputs = self.outputs
        if name not in outputs:
            raise LocalAwsError(f"the applied configuration has no output {name}, but {', '.join(sorted(outputs))}")
        return str(outputs[name])

    @property
    def _applied_file(self) -> Path:
        return self.settings.directory / "applied.json"

    def _server(self) -> dict[str, int] | None:
        """Return process id and port of the running server."""
        try:
            found = json.loads(self.settings.server_file.read_text())
            server = {name: int(found[name]) for name in ("pid", "port")}
        except (OSError, ValueError, TypeError, KeyError):
            return None
        # The process id may have been given to another process since.
        if is_running(server["pid"]) and "local_aws.server" in command_line(server["pid"]):
            return server
        return None

    def _clear(self) -> None:
        """Remove what an earlier server left: its account is gone, so the Terraform states that describe it go too."""
        directory = self.settings.directory
        for folder in (self.settings.runs, self.settings.queries, self.settings.terraform, directory / "s3"):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (
            self.settings.call_log,
            self.settings.job_environment,
            self.settings.call_faults,
            self._applied_file,
        ):
            file.unlink(missing_ok=True)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                lines = self.settings.log_file.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                raise LocalAwsError(f"the local AWS ended at once: {lines[-1]}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5):  # noqa: S310 - our own
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(POLL_SECONDS)
        raise LocalAwsError(f"the local AWS did not answer within {START_SECONDS:.0f} s: see {self.settings.log_file}")


def refusal_of(port: int) -> str:
    """Return why no server can listen on the port, nothing if one can."""
    if not 0 < port < 65536:
        return "does not exist, there are 1 to 65535"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is kept for the machine's administrator, those from 1024 on are for everybody"
        except OSError:
            return "is in use"
    return ""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
