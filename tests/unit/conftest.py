"""One Spark session for all unit tests."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Yield a small local session without a UI, in UTC, whose workers are this interpreter."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    installed = Path(sys.prefix) / "java"
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None and installed.exists():
        os.environ["JAVA_HOME"] = str(installed)
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
