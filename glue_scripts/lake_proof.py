"""Whether published folders still hold what was published, and which folders a lost catalog can be rebuilt from.

Both compare a listing of the lake with what manifests and partitions recorded. Where only ETags differ the content
decides: a bucket that was restored, or copied under another key, has lost nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog import Partition
from catalog_publication import FOLDER_DIGEST, unit_partition
from contract import DatasetContract, Values
from lake import attempt_of, manifest_uri, run_folder, unit_values
from lake_contents import RunFolder
from lake_manifests import Manifest, ManifestError, ManifestFile, ManifestUnit, read_manifest
from lake_records import SeenRecord
from storage import ObjectChangedError, ObjectMissingError, StoredObject, open_storage

# How many replacements back a killed run is looked for.
_LONGEST_LINE = 50
_CHUNK_BYTES = 4 * 1024 * 1024
FindUnit = Callable[[Partition], ManifestUnit | None]


@dataclass(frozen=True)
class Proof:
    """How many published units were proved; which are damaged and how; which have a digest to be written anew."""

    proved: int
    damaged: Mapping[Values, str]
    renewed: Mapping[Values, Partition]


@dataclass(frozen=True)
class Judgement:
    """Of the folders that nothing tells of: those that are superseded, and those that stay, with the reason."""

    superseded: Sequence[str]
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
    units_now: Mapping[str, Values],
) -> Mapping[Values, Partition]:
    """Return a whole folder of every unit that no living folder is published of: the newest, unless that lacks files.

    `units_now` are the units of the raw files that stand, by key. A folder counts that may have been published and that
    no note declares dead, also one of a run that may still be going: it is complete by then, and its own run leaves
    alone what has been published for it.
    """
    spared = {run_folder(item.record.attempt) for item in seen if not item.record.publishing}
    living = {_parent(partition.folder) for partition in published.values() if partition.folder not in dead}
    units: dict[Values, _Found] = {}
    for uri, folder in folders.items():
        if uri in dead or folder.run in spared or _parent(uri) in living:
            continue
        manifest, unit, problem = _look_up(contract, folder)
        if manifest is None or unit is None or (problem or _problem(unit, folder)) is not None:
            continue
        # Partition keys of other types spell a unit another way: its files would be loaded there once more.
        if any(units_now.get(source.key, unit.values) != unit.values for source in unit.sources):
            continue
        found = manifest, unit, folder
        units[unit.values] = _rather(contract, found, units.get(unit.values, found))
    return {values: _republished(contract, *found) for values, found in units.items()}


def _republished(contract: DatasetContract, manifest: Manifest, unit: ManifestUnit, folder: RunFolder) -> Partition:
    partition = unit_partition(contract, manifest, unit)
    return replace(partition, parameters={**partition.parameters, FOLDER_DIGEST: folder.digest})


_Found = tuple[Manifest, ManifestUnit, RunFolder]


def _rather(contract: DatasetContract, one: _Found, other: _Found) -> _Found:
    """Return which of two whole folders of a unit is to be published again.

    That is the newer one, unless it was made without knowing the older one and of only some of its files: as when the
    older one's manifest was lost for a while.
    """
    older, newer = sorted((one, other), key=lambda found: found[0].written)
    if _contents(newer[1]) < _contents(older[1]) and older[2].uri not in _predecessors(contract, newer[2].uri):
        return older
    return newer


def judge_unnamed(
    contract: DatasetContract,
    published: Mapping[Values, Partition],
    folders: Mapping[str, RunFolder],
    dead: Collection[str],
    seen: Iterable[SeenRecord],
) -> Judgement:
    """Decide about folders that neither the catalog names nor a note declares dead.

    A run that was killed could not note what it superseded. The manifests tell it: what is published names the folder
    that it replaced, that one names its own predecessor, and so on. A folder of this line is superseded, and one that
    was to replace a folder of this line has lost that race. So is one whose every source file is in what is published,
    and, where the policy is mirror, any other of the unit. Of the rest nothing is certain.
    """
    spared = {run_folder(item.record.attempt) for item in seen if item.may_run or not item.record.publishing}
    named = {partition.folder for partition in published.values()}
    of_place = {_parent(folder): folder for folder in named}
    superseded: list[str] = []
    kept: dict[str, str] = {}
    for uri, folder in folders.items():
        if uri in named or uri in dead or folder.run in spared:
            continue
        current = of_place.get(_parent(uri))
        _, unit, problem = _look_up(contract, folder)
        mirrored = contract.on_source_removed == "mirror"
        if current is not None and (mirrored or _is_superseded(contract, uri, unit, current)):
            superseded.append(uri)
        else:
            kept[uri] = problem or _problem(unit, folder) or "nothing says that it is superseded"
    return Judgement(superseded, kept)


def _is_superseded(contract: DatasetContract, uri: str, unit: ManifestUnit | None, current: str) -> bool:
    line = _predecessors(contract, current)
    if uri in line or (unit is not None and _absolute(contract, unit.replaces) in line):
        return True
    _, published, _ = _look_up(contract, RunFolder(current, ""))
    return unit is not None and published is not None and _contents(unit) <= _contents(published)


def _contents(unit: ManifestUnit) -> Counter[tuple[int, str]]:
    """Return what the source files of a unit hold, whatever their names."""
    return Counter((source.size, source.etag) for source in unit.sources)


def _predecessors(contract: DatasetContract, folder: str | None) -> list[str]:
    """Return the folders that were published before one, from manifest to manifest, newest first."""
    line: list[str] = []
    while folder is not None and len(line) < _LONGEST_LINE:
        _, unit, _ = _look_up(contract, RunFolder(folder, ""))
        folder = _absolute(contract, unit.replaces) if unit is not None else None
        if folder is not None:
            line.append(folder)
    return line


def _absolute(contract: DatasetContract, folder: str | None) -> str | None:
    return f"{contract.lake_uri}{folder}" if folder is not None else None


def _look_up(contract: DatasetContract, folder: RunFolder) -> tuple[Manifest | None, ManifestUnit | None, str | None]:
    """Return the manifest of a folder, its entry there, and why there is none."""
    try:
        manifest = read_manifest(manifest_uri(contract, attempt_of(folder.run)))
    except ManifestError as error:
        return None, None, str(error)
    if manifest is None:
        return None, None, "its manifest is lost"
    unit = _unit_of(contract, manifest, folder)
    return manifest, unit, None if unit is not None else "its manifest does not name it"


def _parent(folder: str) -> str:
    return folder.rstrip("/").rpartition("/")[0]


def _unit_of(contract: DatasetContract, manifest: Manifest, folder: RunFolder) -> ManifestUnit | None:
    """Return the unit of a manifest that lies in a folder; None where the keys of the partitions are others now."""
    values = unit_values(contract, folder.uri)
    same_keys = manifest.partition_keys == tuple(key.name for key in contract.partition_keys)
    return manifest.units.get(values) if same_keys and values is not None else None


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
