"""The manifest of a run: every source file, its rows, and where they went. Written before anything is published.

It names files without their folders, so that it stays true of a lake that was copied to another bucket.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contract import Values
from errors import TerminalError
from storage import ObjectMissingError, open_storage


class ManifestError(TerminalError):
    """A manifest exists but cannot be understood."""


@dataclass(frozen=True)
class ManifestSource:
    """One source file whose rows are in the unit; `carried` when they were taken over from the published files.

    `checksum` tells its contents, whatever its ETag (sources_proof.py); empty where it was recorded before that was.
    """

    key: str
    size: int
    etag: str
    rows_read: int
    rows_written: int
    rows_quarantined: int
    carried: bool = False
    rows_skipped: int = 0
    checksum: str = ""


@dataclass(frozen=True)
class ManifestFile:
    """One object of a run folder; `sha256` of its content in hexadecimal digits."""

    name: str
    rows: int
    size: int
    etag: str
    sha256: str


@dataclass(frozen=True)
class ManifestUnit:
    """One unit of a run: the objects in its folders of data and of bad rows, and its sources.

    `replaces` is the folder, without the lake's URI, that was published when it was made; None when none was.
    """

    values: Values
    fingerprint: str
    replaces: str | None
    files: tuple[ManifestFile, ...]
    bad_files: tuple[ManifestFile, ...]
    sources: tuple[ManifestSource, ...]

    @property
    def rows(self) -> int:
        """Return the rows in the Parquet table."""
        return sum(source.rows_written for source in self.sources)

    @property
    def quarantined_rows(self) -> int:
        """Return the rows in the quarantine table."""
        return sum(source.rows_quarantined for source in self.sources)

    @property
    def digest(self) -> str:
        """Return the digest of the two folders."""
        return folder_digest(
            ((file.name, file.size, file.etag) for file in self.files),
            ((file.name, file.size, file.etag) for file in self.bad_files),
        )


@dataclass(frozen=True)
class Manifest:
    """What one attempt made; `written` is when, in microseconds since 1970 by the clock of its driver."""

    dataset: str
    attempt: str
    run_id: str
    written: int
    contract_fingerprint: str
    partition_keys: tuple[str, ...]
    units: Mapping[Values, ManifestUnit]


Named = Iterable[tuple[str, int, str]]


def folder_digest(files: Named, bad_files: Named) -> str:
    """Return the SHA-256 over names, sizes (bytes) and ETags of the objects of data and of bad rows."""
    lines = sorted(
        f"{kind}/{name},{size},{etag}"
        for kind, objects in (("data", files), ("bad", bad_files))
        for name, size, etag in objects
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_manifest(uri: str, manifest: Manifest) -> None:
    """Write the manifest of all units that a run is about to publish."""
    # Not dataclasses.asdict, which copies every value: it took half of a first load of 100,000 files.
    units = [
        {
            **vars(unit),
            "files": [vars(file) for file in unit.files],
            "bad_files": [vars(file) for file in unit.bad_files],
            "sources": [vars(source) for source in unit.sources],
        }
        for unit in manifest.units.values()
    ]
    document = {**vars(manifest), "units": units}
    open_storage(uri).write_bytes(uri, json.dumps(document, ensure_ascii=False).encode())


def read_manifest(uri: str) -> Manifest | None:
    """Return a manifest; None when it is gone."""
    try:
        return _read(uri)
    except ObjectMissingError:
        return None


@functools.lru_cache(maxsize=8)
def _read(uri: str) -> Manifest:
    """Read a manifest, which is never rewritten and so may be cached."""
    text = open_storage(uri).read_bytes(uri)
    try:
        document = json.loads(text)
        units = map(_unit, document["units"])
        return Manifest(
            **{
                **document,
                "partition_keys": tuple(document["partition_keys"]),
                "units": {unit.values: unit for unit in units},
            }
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"manifest {uri} cannot be read: {type(error).__name__}: {error}") from error


def _unit(document: Any) -> ManifestUnit:
    return ManifestUnit(
        values=tuple(document["values"]),
        fingerprint=document["fingerprint"],
        replaces=document["replaces"],
        files=tuple(ManifestFile(**file) for file in document["files"]),
        bad_files=tuple(ManifestFile(**file) for file in document["bad_files"]),
        sources=tuple(ManifestSource(**source) for source in document["sources"]),
    )
