"""One Spark session for all unit tests."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from pyspark.sql import SparkSession

from tests.local_aws.extensions.glue_jobs import find_java_home

# The same cases in every run: what lands must not depend on luck. HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


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
