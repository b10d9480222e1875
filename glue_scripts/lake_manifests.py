"""The manifest of a run: every source file, its rows, and where they went. Written before anything is published."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract import DatasetContract, Values
from errors import TerminalError
from storage import ObjectMissingError, open_storage


class ManifestError(TerminalError):
    """A manifest exists but cannot be understood."""


@dataclass(frozen=True)
class ManifestSource:
    """One source file whose rows are in the unit; `carried` when they were taken over from the published files."""

    key: str
    size: int
    etag: str
    rows_read: int
    rows_written: int
    rows_quarantined: int
    carried: bool = False


@dataclass(frozen=True)
class ManifestUnit:
    """One published unit: its folders, its files (URI and rows), and its sources."""

    values: Values
    fingerprint: str
    data_uri: str
    quarantine_uri: str
    files: tuple[tuple[str, int], ...]
    sources: tuple[ManifestSource, ...]

    @property
    def rows(self) -> int:
        """Return the rows in the Parquet table."""
        return sum(source.rows_written for source in self.sources)

    @property
    def quarantined_rows(self) -> int:
        """Return the rows in the quarantine table."""
        return sum(source.rows_quarantined for source in self.sources)


def write_manifest(contract: DatasetContract, uri: str, run_id: str, units: Sequence[ManifestUnit]) -> None:
    """Write the manifest of all units that a run is about to publish."""
    document = {
        "dataset": contract.dataset,
        "run_id": run_id,
        "contract_fingerprint": contract.fingerprint,
        "partition_keys": [key.name for key in contract.partition_keys],
        # Not dataclasses.asdict, which copies every value: it took half of a first load of 100,000 files.
        "units": [{**vars(unit), "sources": [vars(source) for source in unit.sources]} for unit in units],
    }
    open_storage(uri).write_bytes(uri, json.dumps(document, ensure_ascii=False).encode())


@functools.lru_cache(maxsize=8)
def read_manifest(uri: str) -> Mapping[Values, ManifestUnit]:
    """Return a manifest's units; empty when the manifest is gone. Never rewritten, hence cached."""
    try:
        text = open_storage(uri).read_bytes(uri)
    except ObjectMissingError:
        return {}
    try:
        return {unit.values: unit for unit in map(_unit, json.loads(text)["units"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"manifest {uri} cannot be read: {type(error).__name__}: {error}") from error


def _unit(document: Any) -> ManifestUnit:
    return ManifestUnit(
        values=tuple(document["values"]),
        fingerprint=document["fingerprint"],
        data_uri=document["data_uri"],
        quarantine_uri=document["quarantine_uri"],
        files=tuple((uri, rows) for uri, rows in document["files"]),
        sources=tuple(ManifestSource(**source) for source in document["sources"]),
    )
