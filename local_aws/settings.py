"""Where one local AWS keeps its files and how its server is to behave."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 4566
REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
# ministack takes these as the account's root user; terraform, uploads and queries of a person use them.
ROOT_ACCESS_KEY = "test"
ROOT_SECRET_KEY = "test"  # noqa: S105 - no secret: the one that ministack documents


@dataclass(frozen=True)
class Settings:
    """One local AWS: its folder and its port.

    What the environment may set is said at the properties that read it; they raise ValueError for anything else.
    """

    directory: Path
    port: int

    @property
    def endpoint(self) -> str:
        """URL of every AWS service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def server_file(self) -> Path:
        """JSON with process id and port of the running server."""
        return self.directory / "server.json"

    @property
    def log_file(self) -> Path:
        """What the server prints."""
        return self.directory / "server.log"

    @property
    def call_log(self) -> Path:
        """One JSON line for each call that a role made."""
        return self.directory / "iam_calls.jsonl"

    @property
    def runs(self) -> Path:
        """A folder for each Glue job run: script, modules, output, process id."""
        return self.directory / "glue_runs"

    @property
    def queries(self) -> Path:
        """Data of running Athena queries."""
        return self.directory / "athena"

    @property
    def job_environment(self) -> Path:
        """JSON of extra environment variables for Glue jobs (tests set them to inject faults)."""
        return self.directory / "job_environment.json"

    @property
    def call_faults(self) -> Path:
        """JSON of the errors that the next calls of an operation are answered with (tests set them)."""
        return self.directory / "call_faults.json"

    @property
    def terraform(self) -> Path:
        """State and plug-ins of the configurations that were applied."""
        return self.directory / "terraform"

    @property
    def spark_master(self) -> str:
        """Spark master URL of a Glue job: LOCAL_AWS_SPARK_MASTER."""
        return os.environ.get("LOCAL_AWS_SPARK_MASTER", "local[2]")

    @property
    def spark_memory(self) -> str:
        """Java heap of a Glue job, as Spark spells it: LOCAL_AWS_SPARK_MEMORY."""
        return os.environ.get("LOCAL_AWS_SPARK_MEMORY", "2g")

    @property
    def spark_parallel(self) -> int:
        """How many Glue jobs run at a time, others wait their turn: LOCAL_AWS_SPARK_PARALLEL."""
        return int(_number("LOCAL_AWS_SPARK_PARALLEL", 2, least=1))

    @property
    def s3_first_byte_ms(self) -> float:
        """Milliseconds that a request to S3 takes besides its bytes: LOCAL_AWS_S3_FIRST_BYTE_MS, 0 for none."""
        return _number("LOCAL_AWS_S3_FIRST_BYTE_MS", 0)

    @property
    def s3_mb_per_second(self) -> float:
        """MB a second that a request to S3 sends or receives: LOCAL_AWS_S3_MB_PER_SECOND, 0 for as many as it can."""
        return _number("LOCAL_AWS_S3_MB_PER_SECOND", 0)

    @property
    def timeout_scale(self) -> float:
        """Factor on the timeouts of Glue jobs, for quick tests: LOCAL_AWS_TIMEOUT_SCALE."""
        return _number("LOCAL_AWS_TIMEOUT_SCALE", 1)

    @property
    def other_spelling(self) -> bool:
        """Whether results of SDK integrations are spelled as reported here and there: LOCAL_AWS_SDK_SPELLING=other."""
        spelling = os.environ.get("LOCAL_AWS_SDK_SPELLING", "documented")
        if spelling not in ("documented", "other"):
            raise ValueError(f"LOCAL_AWS_SDK_SPELLING is {spelling!r}: allowed are documented and other")
        return spelling == "other"

    def check(self) -> None:
        """Read all that the environment may set.

        Raises:
            ValueError: when one of them cannot be what it is.
        """
        for name, member in vars(Settings).items():
            if isinstance(member, property):
                getattr(self, name)


def _number(variable: str, default: float, least: float = 0) -> float:
    """Return the number that an environment variable holds."""
    text = os.environ.get(variable, str(default))
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number < math.inf:
        raise ValueError(f"{variable} is {text!r}: it has to be a number, at least {least:g}")
    return number
