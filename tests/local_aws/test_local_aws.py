"""Starting, stopping and the command line: one clear sentence for whatever a person can mend."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local_aws import LocalAws, LocalAwsError, free_port
from local_aws.__main__ import main, summary
from local_aws.execution import ExecutionResult
from local_aws.processes import command_line, end_session, is_running, session_members, wait_until_gone
from tests.waiting import wait_for

from .conftest import allow


def it_says_that_it_is_not_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(tmp_path), "sql", "SELECT 1"]) == 1
    assert capsys.readouterr().err == ("local AWS: the local AWS is not up: start it with `python -m local_aws up`\n")
    assert main(["--directory", str(tmp_path), "down"]) == 0


def it_says_that_the_port_is_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--directory", str(tmp_path), "up", "--port", str(port)]) == 1
    assert f"port {port} is in use: choose another one" in capsys.readouterr().err


@pytest.mark.parametrize("note", ["{}", "[]", '{"pid": "x", "port": 1}', "{"])
def it_takes_a_damaged_note_of_the_server_for_none(tmp_path: Path, note: str) -> None:
    (tmp_path / "server.json").write_text(note)
    assert main(["--directory", str(tmp_path), "down"]) == 0


@pytest.mark.parametrize(
    ("given", "told"), [("{x", "'{x' is not JSON: Expecting property"), ("[1]", "'[1]' has to be a JSON object")]
)
def it_says_what_is_wrong_with_an_input(given: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--input", given])
    assert f"error: argument --input: {told}" in capsys.readouterr().err


def it_says_that_the_server_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = LocalAws(tmp_path, free_port())
    monkeypatch.setattr(LocalAws, "running", lambda directory: gone)
    (tmp_path / "applied.json").write_text('{"state_machine_arn": "a", "database_name": "d", "athena_workgroup": "w"}')
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1;"))
    for command in (["run", "--json"], ["sql", "SELECT 1"], ["sql"]):
        assert main(["--directory", str(tmp_path), *command]) == 1
        assert "the local AWS does not answer any more" in capsys.readouterr().err, command


def it_says_that_a_command_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(directory: Path) -> LocalAws:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalAws, "running", interrupt)
    assert main(["--directory", str(tmp_path), "run"]) == 130
    assert capsys.readouterr().err == (
        "\nlocal AWS: run was interrupted; what it had started goes on: `python -m local_aws down` ends it\n"
    )


@pytest.mark.server
def it_starts_one_server_when_asked_twice_at_once(tmp_path: Path) -> None:
    """Both pass every question before either has started one."""
    start = f"""
        import pathlib, sys
        from local_aws import LocalAws, LocalAwsError
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            LocalAws(pathlib.Path({str(tmp_path)!r}), int(sys.argv[1])).start()
        except LocalAwsError as error:
            sys.exit(str(error))
    """
    command = [sys.executable, "-c", textwrap.dedent(start)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen([*command, str(free_port())], text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    try:
        for process in both:
            process.stdout.readline()
        for process in both:
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = sorted(process.communicate(timeout=120)[1] for process in both)
        servers = [pid for pid in mentioning(str(tmp_path)) if "local_aws.server" in command_line(pid)]
        assert len(servers) == 1
        assert errors[0] == ""
        assert "another process is starting" in errors[1] or "already runs" in errors[1]
        LocalAws(tmp_path).stop()
        assert [pid for pid in servers if is_running(pid)] == []
    finally:
        for pid in mentioning(str(tmp_path)):
            end_session(pid)


def it_says_that_nothing_is_applied(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--directory", str(aws.settings.directory), "run"]) == 1
    assert "nothing is applied" in capsys.readouterr().err


def it_does_not_start_a_second_one_in_a_directory(aws: LocalAws) -> None:
    with pytest.raises(LocalAwsError, match="already runs"):
        LocalAws(aws.settings.directory, free_port()).start()
    assert LocalAws.running(aws.settings.directory).endpoint == aws.endpoint


@pytest.mark.server
def it_tells_why_the_server_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_AWS_SPARK_PARALLEL", "many")
    with pytest.raises(LocalAwsError, match="ended at once: LOCAL_AWS_SPARK_PARALLEL is 'many': it has to be a number"):
        LocalAws(tmp_path, free_port()).start()
    assert not (tmp_path / "server.json").exists()


def it_uploads_files_and_folders(aws: LocalAws, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "sub" / "b.csv").write_text("2")
    assert aws.put(tmp_path / "a.csv", f"s3://{bucket}/exact/name.csv") == 1
    assert aws.put(tmp_path / "a.csv", f"s3://{bucket}/folder/") == 1
    assert aws.put(tmp_path, f"s3://{bucket}/all") == 2
    keys = [entry["Key"] for entry in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["all/a.csv", "all/sub/b.csv", "exact/name.csv", "folder/a.csv"]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("missing.csv", "s3://b/k", "there is no file or folder"),
        ("a.csv", "b/k", "is not a place in S3"),
        ("a.csv", "s3://no-such-bucket/k", "NoSuchBucket"),
        ("pipe", "s3://b/k", "there is nothing to upload: .*pipe holds no file and is none"),
        ("empty", "s3://b/k", "there is nothing to upload"),
    ],
)
def it_tells_why_an_upload_fails(aws: LocalAws, tmp_path: Path, source: str, target: str, message: str) -> None:
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LocalAwsError, match=message):
        aws.put(tmp_path / source, target)


@pytest.mark.server
@pytest.mark.parametrize("how", ["stop", "killed before"])
def it_leaves_no_process_of_running_jobs(tmp_path: Path, how: str) -> None:
    aws = LocalAws(tmp_path, free_port())
    aws.start()
    try:
        start_job(aws, "import time; time.sleep(300)")
        # Noted by the server right behind the start of the process, by which a later one finds it.
        wait_for(lambda: any(aws.settings.runs.glob("*/pid")))
        assert len(mentioning(str(tmp_path))) >= 2
        if how == "killed before":
            server = json.loads((tmp_path / "server.json").read_text())["pid"]
            os.kill(server, signal.SIGKILL)
            wait_until_gone([server], 5)
    finally:
        aws.stop()
    wait_for(lambda: mentioning(str(tmp_path)) == [], 10)
    assert not aws.is_up


@pytest.mark.server
def it_starts_no_job_while_it_ends_those_that_run(tmp_path: Path) -> None:
    aws = LocalAws(tmp_path, free_port())
    aws.start()
    try:
        # Two run at a time. The first ends when it is told to, and the third's turn comes while the second goes on.
        script = "import pathlib, signal, time\n{}\npathlib.Path('started').touch()\ntime.sleep(300)"
        running = {start_job(aws, script.format(""))}
        wait_for(lambda: started(aws) == running)
        running.add(start_job(aws, script.format("signal.signal(signal.SIGTERM, signal.SIG_IGN)")))
        wait_for(lambda: started(aws) == running)
        waiting = start_job(aws, script.format(""))
        wait_for(lambda: run_state(aws, waiting) == "WAITING")
    finally:
        aws.stop()
    assert started(aws) == running
    assert mentioning(str(tmp_path)) == []


def start_job(aws: LocalAws, script: str) -> str:
    """Create a job named after its number, with a role and a bucket of its own, and return the name of its run."""
    s3, glue, iam = aws.client("s3"), aws.client("glue"), aws.client("iam")
    name = f"job-{len(glue.get_jobs()['Jobs'])}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="script.py", Body=script.encode())
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Statement": [allow("*")]}))
    glue.create_job(Name=name, Role=role, Command={"Name": "glueetl", "ScriptLocation": f"s3://{name}/script.py"})
    return str(glue.start_job_run(JobName=name)["JobRunId"])


def started(aws: LocalAws) -> set[str]:
    return {file.parent.name for file in aws.settings.runs.glob("*/started")}


def run_state(aws: LocalAws, run_id: str) -> str:
    glue = aws.client("glue")
    runs = [run for job in glue.get_jobs()["Jobs"] for run in glue.get_job_runs(JobName=job["Name"])["JobRuns"]]
    return next(str(run["JobRunState"]) for run in runs if run["Id"] == run_id)


def mentioning(text: str) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if text in command_line(pid)]


def it_ends_a_whole_session() -> None:
    script = """
        import os, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(60)"])
        print("ready", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    wait_for(lambda: len(session_members(process.pid)) == 2)
    end_session(process.pid)
    process.wait(timeout=5)
    assert session_members(process.pid) == []
    assert not is_running(process.pid)


def result(status: str, output: object) -> ExecutionResult:
    return ExecutionResult("arn", status, output, "Bad", "because", 1.25, 1, ())


def it_ends_a_run_with_a_short_report() -> None:
    assert summary(result("SUCCEEDED", {"datasets": {}})) == "SUCCEEDED in 1.2 s, 1 Glue run(s)"
    assert summary(result("FAILED", None)) == "FAILED in 1.2 s, 1 Glue run(s)\nBad: because"
