"""What Glue does not give to a job: kinds of jobs and workers that there are not, and settings that exclude each other.

https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html and .../API_StartJobRun.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

COMMANDS = ("glueetl", "pythonshell", "gluestreaming", "glueray")
# The newer ones only stand in https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
WORKER_TYPES = (
    *("Standard", "G.025X", "G.1X", "G.2X", "G.4X", "G.8X", "G.12X", "G.16X"),
    *("R.1X", "R.2X", "R.4X", "R.8X", "Z.2X"),
)
ENUMERATIONS = {
    "WorkerType": WORKER_TYPES,
    "ExecutionClass": ("FLEX", "STANDARD"),
    "JobMode": ("SCRIPT", "VISUAL", "NOTEBOOK"),
}
# Of other types no document tells: https://github.com/aws-samples/cql-replicator/issues/181
LEAST_WORKERS = {"G.1X": 2}
FLEX_SINCE = "3.0"


def unknown_values(settings: dict[str, Any]) -> Iterator[str]:
    """Yield in AWS's words what of the settings of a job or a run is none of the values that there are."""
    for name, values in ENUMERATIONS.items():
        if settings.get(name, values[0]) not in values:
            place = name[:1].lower() + name[1:]
            yield (
                f"Value '{settings[name]}' at '{place}' failed to satisfy constraint: Member must satisfy enum value "
                f"set: [{', '.join(values)}]"
            )


def run_problem(settings: dict[str, Any]) -> str | None:
    """Return why Glue gives no such workers to a run, None when it does."""
    kind, number = settings.get("WorkerType"), settings.get("NumberOfWorkers")
    if "MaxCapacity" in settings and (kind or number):
        return "Please do not set Max Capacity if using Worker Type and Number of Workers."
    least = LEAST_WORKERS.get(kind or "", 1)
    if number is not None and number < least:
        return f"To use Worker Type {kind}, minimum allowed value of Number of Workers is {least}."
    return None


def job_problem(settings: dict[str, Any]) -> str | None:
    """Return why Glue takes no such definition of a job, None when it does."""
    command = (settings.get("Command") or {}).get("Name", COMMANDS[0])
    if command not in COMMANDS:
        return f"The name of the command has to be {', '.join(COMMANDS[:-1])} or {COMMANDS[-1]}, not {command}."
    # As CloudFormation passes it on: https://github.com/aws/aws-cdk/pull/26241
    if ("WorkerType" in settings) != ("NumberOfWorkers" in settings):
        return "Please set both Worker Type and Number of Workers."
    version = settings.get("GlueVersion", FLEX_SINCE)
    if settings.get("ExecutionClass") == "FLEX" and (command != "glueetl" or float(version) < float(FLEX_SINCE)):
        return f"Only jobs of Glue version {FLEX_SINCE} and above and of the command glueetl may be FLEX."
    return run_problem(settings)
