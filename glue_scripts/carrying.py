"""What lies in a unit's run folder besides freshly converted files: carried rows, and the mark of an empty unit.

Rows are carried over when their source files are gone: the published files are copied into the new run folder.
"""

from __future__ import annotations

import hashlib
import re

from catalog import Partition
from storage import open_storage

# By Hive's convention readers skip names that begin with an underscore; Spark and Trino, Athena's engine, follow it.
EMPTY_MARK = "_NO_ROWS"
_CARRIED = re.compile(r"carried-[0-9a-f]{8}-")


def carry_over(source_folder: str, target_folder: str) -> dict[str, str]:
    """Copy the files of one run folder into another under names that no new file has; old name to new URI."""
    storage = open_storage(source_folder)
    copied = {}
    for item in storage.list(source_folder):
        name = item.uri.rpartition("/")[2]
        if name == EMPTY_MARK:
            continue
        origin = hashlib.sha256(item.uri.encode()).hexdigest()[:8]
        target = f"{target_folder}carried-{origin}-{_CARRIED.sub('', name)}"
        storage.copy(item.uri, target)
        copied[name] = target
    return copied


def mark_empty(folder: str) -> None:
    """Give a folder without rows an object: no Location that the catalog names may be missing."""
    open_storage(folder).write_bytes(f"{folder}{EMPTY_MARK}", b"")


def folder_of(partition: Partition) -> str:
    """Return a partition's location, ending in a slash."""
    return partition.location.rstrip("/") + "/"
