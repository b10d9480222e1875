"""Deleting run folders that nobody names any more, and never one that a query or a run may still need.

Three kinds of folders are named by no partition:
- superseded ones: queries that began before may still read them for `retain_superseded_hours`. The objects are older
  than the moment they were superseded, so every run notes that moment in its run record;
- leftovers of a run that died: they go by the age of their newest object;
- those of a run that is still going and has not published yet. Its run record says so.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import faults
from contract import DatasetContract
from errors import TerminalError
from lake import data_root, quarantine_root, run_folder, run_folder_of, run_records
from storage import DELETE_KEYS, ObjectMissingError, StoredObject, is_local, open_storage

# No Glue job runs longer, so a record that still says "running" is that of a killed run:
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html (Timeout: less than 7 days or 10,080 minutes)
LONGEST_RUN = timedelta(days=7)


class RunRecordError(TerminalError):
    """A run record exists but cannot be understood."""


@dataclass(frozen=True)
class RunRecord:
    """What one attempt tells later sweeps about itself."""

    attempt: str
    run_id: str
    running: bool
    host: str
    pid: int
    superseded: tuple[str, ...] = ()


class RunLog:
    """The run records of a dataset."""

    def __init__(self, contract: DatasetContract, attempt: str, run_id: str) -> None:
        self._folder = run_records(contract)
        self._storage = open_storage(self._folder)
        self._local = is_local(self._folder)
        self._own = RunRecord(attempt, run_id, True, platform.node(), os.getpid())

    def _uri(self, attempt: str) -> str:
        return f"{self._folder}{attempt}.json"

    def _write(self, record: RunRecord) -> None:
        self._storage.write_bytes(self._uri(record.attempt), json.dumps(asdict(record)).encode())

    def begin(self) -> None:
        """Say that this attempt runs; an earlier attempt of the same run is dead, else Glue would not retry it."""
        for _, record in self.read():
            if record.run_id == self._own.run_id and record.running:
                self._write(replace(record, running=False))
        self._write(self._own)

    def supersede(self, folders: Iterable[str]) -> None:
        """Note, before publishing, which folders this attempt is about to supersede."""
        self._own = replace(self._own, superseded=tuple(folders))
        self._write(self._own)

    def end(self) -> None:
        """Say that this attempt has ended, well or not."""
        self._own = replace(self._own, running=False)
        self._write(self._own)

    def read(self) -> list[tuple[StoredObject, RunRecord]]:
        """Return all records with the objects that hold them."""
        found = []
        for item in self._storage.list(self._folder):
            if not item.uri.endswith(".json"):
                continue  # the hidden name under which a record of a local lake is being written
            try:
                document = json.loads(self._storage.read_bytes(item.uri))
                found.append((item, RunRecord(**{**document, "superseded": tuple(document["superseded"])})))
            except ObjectMissingError:
                continue  # another run's sweep was faster
            except (ValueError, KeyError, TypeError) as error:
                raise RunRecordError(
                    f"run record {item.uri} cannot be read: {error}; delete it if no job runs"
                ) from error
        return found

    def may_run(self, item: StoredObject, record: RunRecord, now: datetime) -> bool:
        """Say whether the attempt of a record may still be going."""
        if not record.running or now - item.modified > LONGEST_RUN:
            return False
        if self._local and record.host == self._own.host:
            return _is_alive(record.pid)
        return True

    def forget(self, items: Iterable[StoredObject]) -> None:
        """Delete records that protect nothing any more."""
        self._storage.delete(item.uri for item in items)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it exists and belongs to somebody else
    return True


def sweep(contract: DatasetContract, log: RunLog, referenced: Callable[[], set[str]], now: datetime) -> list[str]:
    """Delete what may go and return the folders deleted.

    `referenced` is asked after the listing: a folder that is published in between is seen as published.
    """
    retain = timedelta(hours=contract.retain_superseded_hours)
    records = log.read()
    running = {run_folder(record.attempt) for item, record in records if log.may_run(item, record, now)}
    recent = {folder for item, record in records if now - item.modified < retain for folder in record.superseded}
    folders = _run_folders(contract)
    needed = referenced() | recent
    doomed = {
        folder: items
        for folder, items in folders.items()
        if folder not in needed
        and run_folder_of(folder) not in running
        and now - max(item.modified for item in items) >= retain
    }
    _delete(contract, doomed)
    log.forget(item for item, record in records if not log.may_run(item, record, now) and now - item.modified >= retain)
    return sorted(doomed)


def _run_folders(contract: DatasetContract) -> dict[str, list[StoredObject]]:
    """Return every run folder of the dataset's two tables with the objects in it."""
    folders: dict[str, list[StoredObject]] = {}
    for root in (data_root(contract), quarantine_root(contract)):
        for item in open_storage(root).list(root):
            folder = item.uri.rpartition("/")[0] + "/"
            if run_folder_of(folder) is not None:
                folders.setdefault(folder, []).append(item)
    return folders


def _delete(contract: DatasetContract, doomed: dict[str, list[StoredObject]]) -> None:
    storage = open_storage(contract.lake_uri)
    allowance = faults.count("swept")
    waiting: list[str] = []
    for number, items in enumerate(doomed.values()):
        if allowance == number:
            storage.delete(waiting)
            faults.die()
        waiting += [item.uri for item in items]
        if len(waiting) >= DELETE_KEYS:
            storage.delete(waiting)
            waiting = []
    storage.delete(waiting)
