"""Whether published folders still hold what was published, and which folders a lost catalog can be rebuilt from.

Both compare a listing of the lake with what manifests and partitions recorded. Where only ETags differ the content
decides: a bucket that was restored, or copied under another key, has lost nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from catalog import Partition
from catalog_publication import FOLDER_DIGEST, unit_partition
from contract import DatasetContract, Values
from lake import attempt_of, data_folder, manifest_uri, run_folder
from lake_contents import RunFolder
from lake_manifests import Manifest, ManifestError, ManifestFile, ManifestUnit, read_manifest
from lake_records import SeenRecord
from storage import ObjectChangedError, ObjectMissingError, StoredObject, open_storage

_CHUNK_BYTES = 4 * 1024 * 1024
FindUnit = Callable[[Partition], ManifestUnit | None]


@dataclass(frozen=True)
class Proof:
    """How many published units were proved; which are damaged and how; which have a digest to be written anew."""

    proved: int
    damaged: Mapping[Values, str]
    renewed: Mapping[Values, Partition]


@dataclass(frozen=True)
class Recovery:
    """Units that the catalog lacks and the lake holds; folders that stay although nothing names them, and why."""

    units: Mapping[Values, Partition]
    kept: Mapping[str, str]


def prove(
    published: Mapping[Values, Partition],
    folders: Mapping[str, RunFolder],
    dead: Collection[str],
    recorded: FindUnit,
) -> Proof:
    """Compare every published unit of this job with what lies in its folder; `dead` folders must not be published."""
    proved = 0
    damaged: dict[Values, str] = {}
    renewed: dict[Values, Partition] = {}
    for values, partition in published.items():
        if partition.fingerprint is None:
            continue  # somebody else's; the diff replaces it
        folder = folders.get(partition.folder)
        if partition.folder in dead:
            damaged[values] = "the catalog names a folder that was superseded"
        elif folder is not None and folder.digest == partition.parameters.get(FOLDER_DIGEST):
            proved += 1
        elif (problem := _problem(recorded(partition), folder)) is not None:
            damaged[values] = problem
        elif folder is not None:
            proved += 1
            renewed[values] = replace(partition, parameters={**partition.parameters, FOLDER_DIGEST: folder.digest})
    return Proof(proved, damaged, renewed)


def recover(
    contract: DatasetContract,
    published: Mapping[Values, Partition],
    folders: Mapping[str, RunFolder],
    dead: Collection[str],
    seen: Iterable[SeenRecord],
) -> Recovery:
    """Find the newest whole folder of every unit that no living folder is published of.

    A folder counts that may have been published and that no note declares dead.
    """
    spared = {run_folder(item.record.attempt) for item in seen if item.may_run or not item.record.publishing}
    living = {_parent(partition.folder) for partition in published.values() if partition.folder not in dead}
    units: dict[Values, tuple[int, Partition]] = {}
    kept: dict[str, str] = {}
    for uri, folder in folders.items():
        if uri in dead or folder.run in spared or _parent(uri) in living:
            continue
        try:
            manifest = read_manifest(manifest_uri(contract, attempt_of(folder.run)))
        except ManifestError as error:
            kept[uri] = str(error)
            continue
        unit = _unit_of(contract, manifest, folder)
        if manifest is None or unit is None:
            kept[uri] = "its manifest is lost" if manifest is None else "its manifest does not name it"
        elif (problem := _problem(unit, folder)) is not None:
            kept[uri] = problem
        elif unit.values not in units or units[unit.values][0] < manifest.written:
            partition = unit_partition(contract, manifest, unit)
            parameters = {**partition.parameters, FOLDER_DIGEST: folder.digest}
            units[unit.values] = manifest.written, replace(partition, parameters=parameters)
    return Recovery({values: partition for values, (_, partition) in units.items()}, kept)


def _parent(folder: str) -> str:
    return folder.rstrip("/").rpartition("/")[0]


def _unit_of(contract: DatasetContract, manifest: Manifest | None, folder: RunFolder) -> ManifestUnit | None:
    """Return the unit of a manifest that lies in a folder; None where the keys of the partitions are others now."""
    if manifest is None or manifest.partition_keys != tuple(key.name for key in contract.partition_keys):
        return None
    places = {data_folder(contract, values, folder.run): unit for values, unit in manifest.units.items()}
    return places.get(folder.uri)


def _problem(unit: ManifestUnit | None, folder: RunFolder | None) -> str | None:
    """Return what is wrong with the folder of a unit; None when every object is what was written."""
    if folder is None or not folder.files:
        return "its folder is empty"
    if unit is None:
        return "its folder is not what was published, and its manifest is lost"
    problems = [*_differences(unit.files, folder.files), *_differences(unit.bad_files, folder.bad_files)]
    return f"its folder {', '.join(problems[:3])}" if problems else None


def _differences(wanted: Iterable[ManifestFile], there: Iterable[StoredObject]) -> list[str]:
    expected = {file.name: file for file in wanted}
    found = {item.uri.rpartition("/")[2]: item for item in there}
    problems = [f"lacks {name}" for name in sorted(set(expected) - set(found))]
    problems += [f"has {name} besides" for name in sorted(set(found) - set(expected))]
    for name in sorted(set(expected) & set(found)):
        file, item = expected[name], found[name]
        if item.size != file.size:
            problems.append(f"has {name} with {item.size} bytes instead of {file.size}")
        elif item.etag != file.etag and _sha256(item) != file.sha256:
            problems.append(f"has {name} with another content")
    return problems


def _sha256(item: StoredObject) -> str | None:
    """Return the hash of an object's content; None when it is gone by now."""
    digest = hashlib.sha256()
    try:
        with open_storage(item.uri).open_read(item.uri, item.etag) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (ObjectMissingError, ObjectChangedError):
        return None
    return digest.hexdigest()
