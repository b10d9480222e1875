"""Accounting for a unit: every source file and every row of it, those of files that are gone included."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from catalog import Partition
from conversion import SourceOutcome, UnitResult
from conversion_errors import AccountingError
from diff import Decision
from lake import EMPTY_MARK
from lake_manifests import ManifestSource, ManifestUnit, read_manifest
from storage import open_storage

_CARRIED = re.compile(r"carried-[0-9a-f]{8}-")


def recorded(partition: Partition) -> ManifestUnit | None:
    """Return the manifest entry of a published partition; None when its manifest is lost."""
    uri = partition.parameters.get("manifest")
    return read_manifest(uri).get(partition.values) if uri else None


def account(decision: Decision, result: UnitResult) -> ManifestUnit:
    """Return a unit's manifest entry: what was converted and what is carried over; its folder holds all of it now."""
    unit = ManifestUnit(
        decision.values,
        decision.wanted or "",
        result.unit.data_uri,
        result.unit.quarantine_uri,
        tuple((file.uri, file.rows) for file in result.files),
        tuple(map(_source, result.sources)),
    )
    if decision.carry:
        unit = _with_carried(decision, unit)
    if not unit.files:
        _mark_empty(unit.data_uri)
    return unit


def _source(outcome: SourceOutcome) -> ManifestSource:
    source = outcome.source
    return ManifestSource(
        source.key, source.size, source.etag, outcome.rows_read, outcome.rows_written, outcome.rows_quarantined
    )


def _with_carried(decision: Decision, unit: ManifestUnit) -> ManifestUnit:
    """Copy the published files of a unit into its new folders and take over their accounting."""
    if decision.current is None or (record := recorded(decision.current)) is None:
        raise AccountingError(f"no manifest records the published files of {unit.data_uri}")
    rows = {uri.rpartition("/")[2]: count for uri, count in record.files}
    copied = _carry_over(decision.current.folder, unit.data_uri)
    if set(copied) != set(rows):
        raise AccountingError(
            f"{decision.current.location} holds the files {sorted(copied)}, its manifest names {sorted(rows)}"
        )
    if record.quarantined_rows:
        _carry_over(record.quarantine_uri, unit.quarantine_uri)
    sources = tuple(replace(source, carried=True) for source in record.sources)
    files = tuple((target, rows[name]) for name, target in copied.items())
    return replace(unit, files=(*files, *unit.files), sources=(*sources, *unit.sources))


def _carry_over(source_folder: str, target_folder: str) -> dict[str, str]:
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


def _mark_empty(folder: str) -> None:
    """Give a folder without rows an object: no Location that the catalog names may be missing."""
    open_storage(folder).write_bytes(f"{folder}{EMPTY_MARK}", b"")
