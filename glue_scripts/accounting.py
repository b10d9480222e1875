"""Accounting for a unit: every source file and every row of it, those of files that are gone included."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from catalog import Partition
from contract import DatasetContract
from conversion import SourceOutcome, UnitResult
from conversion_errors import AccountingError
from conversion_parquet import WrittenFile
from conversion_plan import UnitWork
from diff import Decision
from lake import EMPTY_MARK, quarantine_folder
from lake_manifests import ManifestFile, ManifestSource, ManifestUnit, read_manifest
from storage import copy_all, open_storage

_CARRIED = re.compile(r"carried-[0-9a-f]{8}-")


def recorded(partition: Partition) -> ManifestUnit | None:
    """Return the manifest entry of a published partition; None when its manifest is lost."""
    uri = partition.parameters.get("manifest")
    manifest = read_manifest(uri) if uri else None
    return manifest.units.get(partition.values) if manifest else None


def account(
    contract: DatasetContract, decisions: Sequence[Decision], results: Sequence[UnitResult]
) -> list[ManifestUnit]:
    """Return units' manifest entries: what was converted and what is carried over; their folders hold all of it now."""
    units = [_converted(contract, decision, result) for decision, result in zip(decisions, results, strict=True)]
    carried = {
        position: _carried(contract, decision, result.unit)
        for position, (decision, result) in enumerate(zip(decisions, results, strict=True))
        if decision.carry
    }
    copies = [copy for found in carried.values() for copy in (*found.files, *found.bad_files)]
    etags = iter(copy_all((copy.source, copy.target) for copy in copies))
    for position, found in carried.items():
        unit = units[position]
        files = tuple(replace(copy.file, etag=next(etags)) for copy in found.files)
        bad_files = tuple(replace(copy.file, etag=next(etags)) for copy in found.bad_files)
        units[position] = replace(
            unit,
            files=(*files, *unit.files),
            bad_files=(*bad_files, *unit.bad_files),
            sources=(*found.sources, *unit.sources),
        )
    folders = [result.unit.data_uri for result in results]
    return [
        unit if unit.files else replace(unit, files=(_empty_mark(folder),))
        for unit, folder in zip(units, folders, strict=True)
    ]


def _converted(contract: DatasetContract, decision: Decision, result: UnitResult) -> ManifestUnit:
    return ManifestUnit(
        decision.values,
        decision.wanted or "",
        decision.current.folder.removeprefix(contract.lake_uri) if decision.current is not None else None,
        tuple(map(_file, result.files)),
        tuple(map(_file, result.bad_files)),
        tuple(map(_source, result.sources)),
    )


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


@dataclass(frozen=True)
class _Copy:
    """An object to copy, and how a manifest is to call the copy."""

    source: str
    target: str
    file: ManifestFile


@dataclass(frozen=True)
class _Carried:
    """What a unit's new folders take over from those that are published, and its accounting."""

    files: tuple[_Copy, ...]
    bad_files: tuple[_Copy, ...]
    sources: tuple[ManifestSource, ...]


def _carried(contract: DatasetContract, decision: Decision, work: UnitWork) -> _Carried:
    """Return what is to be taken over from the published files of a unit, and their accounting."""
    current = decision.current
    if current is None or (record := recorded(current)) is None:
        raise AccountingError(f"no manifest records the published files of {work.data_uri}")
    bad_uri = quarantine_folder(contract, current.values, current.run_folder)
    return _Carried(
        tuple(_copies(current.folder, work.data_uri, record.files)),
        tuple(_copies(bad_uri, work.quarantine_uri, record.bad_files)),
        tuple(replace(source, carried=True) for source in _renamed(record.sources, decision)),
    )


def _copies(source: str, target: str, files: Iterable[ManifestFile]) -> Iterator[_Copy]:
    """Yield files of one run folder to be copied into another under names that no new file has."""
    for file in files:
        if file.name == EMPTY_MARK:
            continue
        uri = f"{source}{file.name}"
        origin = hashlib.sha256(uri.encode()).hexdigest()[:8]
        name = f"carried-{origin}-{_CARRIED.sub('', file.name)}"
        yield _Copy(uri, f"{target}{name}", replace(file, name=name))


def _empty_mark(folder: str) -> ManifestFile:
    """Give a folder without rows an object: no Location that the catalog names may be missing."""
    etag = open_storage(folder).write_bytes(f"{folder}{EMPTY_MARK}", b"")
    return ManifestFile(EMPTY_MARK, 0, 0, etag, hashlib.sha256(b"").hexdigest())
