"""The local AWS on the command line: up, apply, put, run, sql, down."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from local_aws.console import say
from local_aws.errors import MACHINE_ERRORS, LocalAwsError, told
from local_aws.execution import ExecutionResult
from local_aws.local_aws import DEFAULT_DIRECTORY, LocalAws
from local_aws.progress import run_watched
from local_aws.report_facts import definition_of, execution_facts, lake_facts
from local_aws.report_page import write_page
from local_aws.settings import DEFAULT_PORT
from local_aws.sql_output import formatted
from local_aws.sql_prompt import converse, history_file, run_lines
from local_aws.terraform import ROOT

EXAMPLE = ROOT / "examples" / "local"
# What an interrupted command leaves to the server.
GOES_ON = {
    "run": "; what it had started goes on: `python -m local_aws down` ends it",
    "sql": "; a query that it had started goes on to its end",
    "down": "; perhaps not everything is stopped: repeat it",
}


def parse_args(argv: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m local_aws", description=(__doc__ or "").strip())
    parser.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY, help="where everything is kept")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it in the background")
    up.add_argument("--port", type=int, default=DEFAULT_PORT)
    apply = commands.add_parser("apply", help="terraform apply a configuration to it")
    apply.add_argument("--dir", type=Path, default=EXAMPLE, help="the configuration (default examples/local)")
    apply.add_argument("--var-file", type=Path)
    put = commands.add_parser("put", help="upload a file or a folder")
    put.add_argument("source", type=Path)
    put.add_argument("target", help="s3://bucket/key")
    run = commands.add_parser("run", help="execute the applied state machine and show its progress")
    run.add_argument("--input", type=json_object, default={}, help="the execution's input as JSON")
    run.add_argument("--json", action="store_true", help="print only the result, as JSON")
    run.add_argument(
        "--report", type=Path, metavar="FILE", help="write a page about it: figures, path, sizes, bad rows"
    )
    sql = commands.add_parser("sql", help="run a query by Athena; without one, a prompt")
    sql.add_argument("query", nargs="?", help="one statement; left out: those of standard input, or a prompt")
    style = sql.add_mutually_exclusive_group()
    style.add_argument("--json", dest="style", action="store_const", const="json", help="print the rows as JSON")
    style.add_argument("--csv", dest="style", action="store_const", const="csv", help="print the rows as CSV")
    sql.set_defaults(style="aligned")
    commands.add_parser("down", help="stop it and everything it started")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Do one command; return the exit status."""
    arguments = parse_args(argv)
    try:
        return COMMANDS[arguments.command](arguments)
    except LocalAwsError as error:
        say(f"local AWS: {error}", aside=True)
        return 1
    except MACHINE_ERRORS as error:
        say(f"local AWS: {told(error)}", aside=True)
        return 1
    except KeyboardInterrupt:
        say(f"\nlocal AWS: {arguments.command} was interrupted{GOES_ON.get(arguments.command, '')}", aside=True)
        return 130


def json_object(text: str) -> dict[str, Any]:
    """Return the JSON object that a text holds; argparse tells of any other."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text!r} has to be a JSON object")
    return found


def up(arguments: argparse.Namespace) -> int:
    """Start the server, unless it runs."""
    aws = LocalAws(arguments.directory, arguments.port)
    if aws.is_up:
        say(f"already up at {LocalAws.running(arguments.directory).endpoint}")
        return 0
    aws.start()
    say(f"up at {aws.endpoint}, log in {aws.settings.log_file}")
    return 0


def apply(arguments: argparse.Namespace) -> int:
    """Apply a configuration and print its outputs."""
    if not arguments.dir.is_dir():
        raise LocalAwsError(f"there is no folder {arguments.dir}")
    outputs = LocalAws.running(arguments.directory).apply(arguments.dir, arguments.var_file)
    for name, value in outputs.items():
        say(f"{name} = {value if isinstance(value, str) else json.dumps(value)}")
    return 0


def put(arguments: argparse.Namespace) -> int:
    """Upload."""
    count = LocalAws.running(arguments.directory).put(arguments.source, arguments.target)
    say(f"uploaded {count} object{'s' if count != 1 else ''}")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Execute; the status is 0 only when the execution succeeds."""
    aws = LocalAws.running(arguments.directory)
    result = aws.run(arguments.input) if arguments.json else run_watched(aws, arguments.input, say=say)
    say(json.dumps(as_json(result), indent=2) if arguments.json else summary(result))
    if arguments.report:
        facts = execution_facts("execution", result)
        report = {"executions": [facts], **lake_facts(aws, list(facts["datasets"]))}
        write_page(arguments.report, "Run report", report, definition_of(aws))
        say(f"report: {arguments.report}", aside=True)
    return 0 if result.status == "SUCCEEDED" else 1


def sql(arguments: argparse.Namespace) -> int:
    """Query and print the rows; without a query, converse with a person, or take the statements of standard input."""
    aws = LocalAws.running(arguments.directory)
    if arguments.query is not None:
        rows = aws.sql(arguments.query)
        if rows or arguments.style == "json":
            say(formatted(rows, arguments.style))
        return 0
    if sys.stdin.isatty():
        converse(aws, history_file(arguments.directory), arguments.style)
        return 0
    return 0 if run_lines(aws, sys.stdin, arguments.style) else 1


def down(arguments: argparse.Namespace) -> int:
    """Stop."""
    say("stopped" if LocalAws(arguments.directory).stop() else "nothing was running")
    return 0


COMMANDS = {"up": up, "apply": apply, "put": put, "run": run, "sql": sql, "down": down}


def as_json(result: ExecutionResult) -> dict[str, Any]:
    """Return a result as JSON shows it."""
    fields = ("execution_arn", "status", "output", "error", "cause", "seconds", "glue_runs")
    states = [vars(state) for state in result.states]
    return {**{name: getattr(result, name) for name in fields}, "states": states}


def summary(result: ExecutionResult) -> str:
    """Return what `run` ends with; what became of each dataset has been shown by then."""
    lines = [f"{result.status} in {result.seconds:.1f} s, {result.glue_runs} Glue run(s)"]
    if result.status != "SUCCEEDED":
        lines.append(f"{result.error}: {result.cause}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
