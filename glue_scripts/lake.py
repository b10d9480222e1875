"""Every path of the lake, in one place. URIs of folders end in a slash.

    tables/<dataset>/<key>=<value>/run=<attempt>/      Parquet files of a unit, as one attempt wrote them
    quarantine/<dataset>/<key>=<value>/run=<attempt>/  its bad rows
    manifests/<dataset>/<attempt>.json                 what an attempt made of which source files
    manifests/<dataset>/runs/<attempt>.json            what an attempt tells later ones about itself
    reports/<dataset>/<run id>.json                    what a run did, for people and the state machine
    catalog/<database>/                                the catalog of a lake on local folders

A dataset that was renamed keeps its first name in the first four. Terraform, the state machine's template and the local
AWS know these by heart: tests/unit/test_house.py compares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from contract import DatasetContract, PartitionKey, Values

FOLDERS = ("tables", "quarantine", "manifests", "reports")
# A folder in which nothing lies: where an unpartitioned table points before its first load and after its last.
EMPTY_RUN = "run=none"
# The one object of a unit without rows. By Hive's convention readers skip names that begin with an underscore; Spark
# and Trino, Athena's engine, follow it.
EMPTY_MARK = "_NO_ROWS"
# The characters that Hive escapes in the folder names of partitions, as %XX.
_ESCAPED = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{}\[\]^]""")


def run_folder(attempt: str) -> str:
    """Return the name of the folders in which an attempt writes; no other attempt has the same."""
    return f"run={attempt}"


def attempt_of(run: str) -> str:
    """Return the attempt that a run folder's name tells of."""
    return run.removeprefix("run=")


def run_folder_of(folder_uri: str) -> str | None:
    """Return the name of the run folder that a URI ends in, or None when it is none."""
    name = folder_uri.rstrip("/").rpartition("/")[2]
    return name if name.startswith("run=") else None


def data_folder(contract: DatasetContract, values: Values, run: str) -> str:
    """Return a unit's folder of Parquet files in a run folder."""
    return f"{data_root(contract)}{partition_path(contract.partition_keys, values)}{run}/"


def unit_values(contract: DatasetContract, folder_uri: str) -> Values | None:
    """Return the partition values of a unit by the URI of its folder of Parquet files; None where it is none."""
    path = folder_uri.removeprefix(data_root(contract))
    values = tuple(unquote(folder.partition("=")[2]) for folder in path.split("/")[:-2])
    is_unit = len(values) == len(contract.partition_keys) and path.startswith(
        partition_path(contract.partition_keys, values)
    )
    return values if is_unit else None


def quarantine_folder(contract: DatasetContract, values: Values, run: str) -> str:
    """Return a unit's folder of bad rows in a run folder."""
    return f"{quarantine_root(contract)}{partition_path(contract.partition_keys, values)}{run}/"


def data_root(contract: DatasetContract) -> str:
    """Return the folder of all Parquet files of a dataset."""
    return f"{contract.lake_uri}tables/{contract.lake_name}/"


def quarantine_root(contract: DatasetContract) -> str:
    """Return the folder of all bad rows of a dataset."""
    return f"{contract.lake_uri}quarantine/{contract.lake_name}/"


def dataset_of(lake_uri: str, location: str) -> str | None:
    """Return the dataset whose Parquet files or bad rows lie at a location; None where that is elsewhere."""
    for folder in FOLDERS[:2]:
        root = f"{lake_uri}{folder}/"
        if location.startswith(root):
            return location[len(root) :].split("/")[0]
    return None


def table_location(root: str, partitioned: bool) -> str:
    """Return the Location of a table that holds nothing yet: readers of an unpartitioned one must never see half."""
    return root if partitioned else f"{root}{EMPTY_RUN}/"


def manifest_uri(contract: DatasetContract, attempt: str) -> str:
    """Return where an attempt's manifest lies; published partitions point at it."""
    return f"{_manifests(contract)}{attempt}.json"


def run_records(contract: DatasetContract) -> str:
    """Return the folder of the run records."""
    return f"{_manifests(contract)}runs/"


def _manifests(contract: DatasetContract) -> str:
    return f"{contract.lake_uri}manifests/{contract.lake_name}/"


def report_uri(contract: DatasetContract, run_id: str) -> str:
    """Return where a run's report lies."""
    return f"{contract.lake_uri}reports/{contract.dataset}/{run_id}.json"


def local_catalog(lake_uri: str, database: str) -> str:
    """Return the folder of a database's JSON files."""
    return f"{lake_uri}catalog/{database}/"


def partition_path(keys: Sequence[PartitionKey], values: Sequence[str]) -> str:
    """Return the Hive folder of partition values; empty for an unpartitioned dataset."""
    return "".join(f"{key.name}={escape_value(value)}/" for key, value in zip(keys, values, strict=True))


def escape_value(value: str) -> str:
    """Escape a partition value for a folder name as Hive does."""
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", value)
