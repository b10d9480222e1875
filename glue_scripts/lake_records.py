"""Run records: what an attempt tells later ones about itself, and the notes of folders that are dead.

A folder is declared dead only *after* a catalog update has succeeded that replaced or removed it, or once it is certain
that it will never be published. The catalog's silence about a folder proves neither: catalogs get lost. A note is kept
until its folders are gone.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from contract import DatasetContract
from errors import TerminalError
from lake import run_records
from storage import ObjectMissingError, StoredObject, is_local, open_storage

# No Glue job runs longer, so a record that still says "running" is that of a killed run:
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html (Timeout: less than 7 days or 10,080 minutes)
LONGEST_RUN = timedelta(days=7)


class RunRecordError(TerminalError):
    """A run record exists but cannot be understood."""


@dataclass(frozen=True)
class RunRecord:
    """What one attempt tells about itself.

    `publishing` is set before its first catalog update: until then none of its folders can have been published. `dead`
    are the folders, without the lake's URI, that it declares dead.
    """

    attempt: str
    run_id: str
    running: bool
    host: str
    pid: int
    publishing: bool = False
    dead: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenRecord:
    """A record, when it was last written, and whether its attempt may still be going."""

    uri: str
    modified: datetime
    record: RunRecord
    may_run: bool


class RunLog:
    """The run records of a dataset."""

    def __init__(self, contract: DatasetContract, attempt: str, run_id: str) -> None:
        self._lake = contract.lake_uri
        self._folder = run_records(contract)
        self._storage = open_storage(self._folder)
        self._local = is_local(self._folder)
        self._own = RunRecord(attempt, run_id, True, platform.node(), os.getpid())

    def _write(self, record: RunRecord) -> None:
        self._storage.write_bytes(f"{self._folder}{record.attempt}.json", json.dumps(asdict(record)).encode())

    def begin(self, seen: Iterable[SeenRecord]) -> None:
        """Say that this attempt runs; an earlier attempt of the same run is dead, else Glue would not retry it."""
        for item in seen:
            if item.record.run_id == self._own.run_id and item.record.running:
                self._write(replace(item.record, running=False))
        self._write(self._own)

    def publish(self) -> None:
        """Say, before the first catalog update, that this attempt may have published from now on."""
        self._own = replace(self._own, publishing=True)
        self._write(self._own)

    def end(self, dead: Iterable[str] = ()) -> None:
        """Say that this attempt has ended, well or not, and which folders are dead for certain."""
        relative = (folder.removeprefix(self._lake) for folder in dead)
        self._own = replace(self._own, running=False, dead=tuple(sorted({*self._own.dead, *relative})))
        self._write(self._own)

    def read(self, now: datetime) -> list[SeenRecord]:
        """Return all records."""
        found = []
        for item in self._storage.list(self._folder):
            if not item.uri.endswith(".json"):
                continue  # the hidden name under which a record of a local lake is being written
            try:
                document = json.loads(self._storage.read_bytes(item.uri))
                record = RunRecord(**{**document, "dead": tuple(document["dead"])})
            except ObjectMissingError:
                continue  # another run's sweep was faster
            except (ValueError, KeyError, TypeError) as error:
                raise RunRecordError(
                    f"run record {item.uri} cannot be read: {error}; delete it if no job runs"
                ) from error
            found.append(SeenRecord(item.uri, item.modified, record, self._may_run(item, record, now)))
        return found

    def _may_run(self, item: StoredObject, record: RunRecord, now: datetime) -> bool:
        if not record.running or now - item.modified > LONGEST_RUN or record.run_id == self._own.run_id:
            return False
        if self._local and record.host == self._own.host:
            return _is_alive(record.pid)
        return True

    def forget(self, seen: Iterable[SeenRecord]) -> None:
        """Delete records that say nothing any more."""
        self._storage.delete(item.uri for item in seen)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it exists and belongs to somebody else
    return True
