"""Accounting for a unit: every source file and every row of it, those of files that are gone included."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from catalog import Partition
from contract import DatasetContract
from conversion import SourceOutcome, UnitResult
from conversion_errors import AccountingError
from conversion_parquet import WrittenFile
from conversion_plan import UnitWork
from diff import Decision
from lake import EMPTY_MARK, quarantine_folder
from lake_manifests import ManifestFile, ManifestSource, ManifestUnit, read_manifest
from storage import open_storage

_CARRIED = re.compile(r"carried-[0-9a-f]{8}-")


def recorded(partition: Partition) -> ManifestUnit | None:
    """Return the manifest entry of a published partition; None when its manifest is lost."""
    uri = partition.parameters.get("manifest")
    manifest = read_manifest(uri) if uri else None
    return manifest.units.get(partition.values) if manifest else None


def account(contract: DatasetContract, decision: Decision, result: UnitResult) -> ManifestUnit:
    """Return a unit's manifest entry: what was converted and what is carried over; its folder holds all of it now."""
    unit = ManifestUnit(
        decision.values,
        decision.wanted or "",
        decision.current.folder.removeprefix(contract.lake_uri) if decision.current is not None else None,
        tuple(map(_file, result.files)),
        tuple(map(_file, result.bad_files)),
        tuple(map(_source, result.sources)),
    )
    if decision.carry:
        unit = _with_carried(contract, decision, unit, result.unit)
    if not unit.files:
        unit = replace(unit, files=(_empty_mark(result.unit.data_uri),))
    return unit


def _file(file: WrittenFile) -> ManifestFile:
    return ManifestFile(file.uri.rpartition("/")[2], file.rows, file.size, file.etag, file.sha256)


def _source(outcome: SourceOutcome) -> ManifestSource:
    source = outcome.source
    return ManifestSource(
        source.key,
        source.size,
        source.etag,
        outcome.rows_read,
        outcome.rows_written,
        outcome.rows_quarantined,
        rows_skipped=outcome.rows_skipped,
        checksum=outcome.checksum,
    )


def known_anew(decision: Decision) -> ManifestUnit:
    """Return the manifest entry of a unit that stays as it is, with the names and ETags that its sources have now."""
    current = decision.current
    if current is None or (record := recorded(current)) is None or decision.unit is None:
        raise AccountingError(f"no manifest records the unit {decision.values}, which is to be known anew")
    there = {source.key for source in decision.unit.sources}
    sources = [
        source if source.key in there else replace(source, carried=True)
        for source in _renamed(record.sources, decision)
    ]
    return replace(record, fingerprint=decision.wanted or "", sources=tuple(sources))


def _renamed(sources: Iterable[ManifestSource], decision: Decision) -> Iterator[ManifestSource]:
    """Yield recorded sources under the key and ETag that their bytes have now."""
    for source in sources:
        now = decision.same.get(source.key)
        yield source if now is None else replace(source, key=now.key, etag=now.etag)


def _with_carried(contract: DatasetContract, decision: Decision, unit: ManifestUnit, work: UnitWork) -> ManifestUnit:
    """Copy the published files of a unit into its new folders and take over their accounting."""
    current = decision.current
    if current is None or (record := recorded(current)) is None:
        raise AccountingError(f"no manifest records the published files of {work.data_uri}")
    bad_uri = quarantine_folder(contract, current.values, current.run_folder)
    files = _carry_over(current.folder, work.data_uri, record.files)
    bad_files = _carry_over(bad_uri, work.quarantine_uri, record.bad_files)
    sources = tuple(replace(source, carried=True) for source in _renamed(record.sources, decision))
    return replace(
        unit,
        files=(*files, *unit.files),
        bad_files=(*bad_files, *unit.bad_files),
        sources=(*sources, *unit.sources),
    )


def _carry_over(source: str, target: str, files: Iterable[ManifestFile]) -> list[ManifestFile]:
    """Copy files of one run folder into another under names that no new file has."""
    storage = open_storage(source)
    carried = []
    for file in files:
        if file.name == EMPTY_MARK:
            continue
        uri = f"{source}{file.name}"
        origin = hashlib.sha256(uri.encode()).hexdigest()[:8]
        name = f"carried-{origin}-{_CARRIED.sub('', file.name)}"
        etag = storage.copy(uri, f"{target}{name}")
        carried.append(replace(file, name=name, etag=etag))
    return carried


def _empty_mark(folder: str) -> ManifestFile:
    """Give a folder without rows an object: no Location that the catalog names may be missing."""
    etag = open_storage(folder).write_bytes(f"{folder}{EMPTY_MARK}", b"")
    return ManifestFile(EMPTY_MARK, 0, 0, etag, hashlib.sha256(b"").hexdigest())
