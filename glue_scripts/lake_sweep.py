"""Deleting run folders that nobody needs, and never one that a query or a run may still need, or that may be alive.

A folder that no partition names goes
- when a note declares it dead (lake_records): queries that began before may read it for `retain_superseded_hours`;
- when its run ended without ever publishing: by the age of its newest object.
A folder that only the catalog's silence condemns stays and is reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import faults
from contract import DatasetContract
from lake import run_folder
from lake_contents import RunFolder
from lake_records import SeenRecord
from storage import DELETE_KEYS, open_storage


@dataclass(frozen=True)
class Swept:
    """What the sweep left: the folders it deleted, and the records that say nothing any more."""

    folders: tuple[str, ...]
    spent: tuple[SeenRecord, ...]


def notes(contract: DatasetContract, seen: Iterable[SeenRecord]) -> dict[str, datetime]:
    """Return every folder that is declared dead, with the time of its first note."""
    found: dict[str, datetime] = {}
    for item in sorted(seen, key=lambda item: item.modified, reverse=True):
        found |= {f"{contract.lake_uri}{folder}": item.modified for folder in item.record.dead}
    return found


def sweep(
    contract: DatasetContract,
    folders: Mapping[str, RunFolder],
    named: Collection[str],
    dead: Mapping[str, datetime],
    seen: Collection[SeenRecord],
    now: datetime,
) -> Swept:
    """Delete what may go. `named` are the folders of both tables, read after the folders were listed."""
    retain = timedelta(hours=contract.retain_superseded_hours)
    running = {run_folder(item.record.attempt) for item in seen if item.may_run}
    never = {run_folder(item.record.attempt) for item in seen if not item.may_run and not item.record.publishing}

    def may_go(uri: str, folder: RunFolder) -> bool:
        if uri in named or folder.bad_uri in named or folder.run in running:
            return False
        if uri in dead:
            return now - dead[uri] >= retain
        return folder.run in never and now - folder.newest >= retain

    doomed = {uri: folder for uri, folder in folders.items() if may_go(uri, folder)}
    _delete(contract, doomed.values())
    left = {uri: folder for uri, folder in folders.items() if uri not in doomed}
    waiting = {folder.run for uri, folder in left.items() if uri not in named}
    spent = tuple(
        item
        for item in seen
        if not item.may_run
        and now - item.modified >= retain
        and run_folder(item.record.attempt) not in waiting
        and not any(f"{contract.lake_uri}{folder}" in left for folder in item.record.dead)
    )
    gone = [uri for folder in doomed.values() for uri, files in folder.places() if files]
    return Swept(tuple(sorted(gone)), spent)


def _delete(contract: DatasetContract, doomed: Collection[RunFolder]) -> None:
    storage = open_storage(contract.lake_uri)
    allowance = faults.count("swept")
    waiting: list[str] = []
    for number, folder in enumerate(doomed):
        if allowance == number:
            storage.delete(waiting)
            faults.die()
        waiting += [item.uri for item in (*folder.files, *folder.bad_files)]
        if len(waiting) >= DELETE_KEYS:
            storage.delete(waiting)
            waiting = []
    storage.delete(waiting)
