"""One Spark session for all unit tests."""

import os
import sys
from collections.abc import Iterator

import pyarrow as pa
import pyspark
import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from local_aws.extensions.glue_jobs import find_java_home

# The same cases in every run: what lands must not depend on luck. HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_report_header() -> str:
    """Name the versions under test, and refuse others than make test-spark-matrix wants."""
    expected = os.environ.get("EXPECTED_SPARK", pyspark.__version__)
    if pyspark.__version__ != expected:
        raise pytest.UsageError(f"pyspark {expected} is to be tested and {pyspark.__version__} is what Python finds")
    return f"pyspark {pyspark.__version__}, pyarrow {pa.__version__}"


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
        .getOrCreate()
    )
    yield session
    session.stop()
