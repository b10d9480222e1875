"""One Spark session for all unit tests."""

import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings
from packaging.requirements import Requirement
from pyspark.sql import SparkSession

from local_aws.extensions.glue_jobs import JAVA_OPTIONS, find_java_home

# What Glue brings and the job uses.
LIBRARIES = ("pyspark", "pyarrow", "pandas", "numpy", "boto3", "botocore", "urllib3")

# The same cases in every run: what lands must not depend on luck. HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_report_header() -> str:
    """Name the versions under test; where those of a Glue version are to be tested, refuse all others."""
    if wanted := os.environ.get("EXPECTED_LIBRARIES"):
        for line in Path(wanted).read_text().splitlines():
            if line and not line.startswith("#"):
                require(Requirement(line))
    return ", ".join(f"{name} {version(name)}" for name in LIBRARIES)


def require(wanted: Requirement) -> None:
    """Raise unless Python finds a library in the version that is to be tested."""
    if (wanted.marker is None or wanted.marker.evaluate()) and not wanted.specifier.contains(version(wanted.name)):
        raise pytest.UsageError(f"{wanted} is to be tested and {version(wanted.name)} is what Python finds")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Yield a small local session without a UI, in UTC, whose workers are this interpreter."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    if java_home := find_java_home():
        os.environ["JAVA_HOME"] = java_home
    session = (
        SparkSession.builder.master("local[2]")
        .appName("unit tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", JAVA_OPTIONS)
        .getOrCreate()
    )
    yield session
    session.stop()
