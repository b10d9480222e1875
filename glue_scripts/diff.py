"""The diff: what lies in the raw prefix against what the catalog has published. Pure: no I/O but through arguments."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from catalog import Partition
from contract import DatasetContract, PartitionKey, Values
from errors import TerminalError
from lake_manifests import ManifestSource, ManifestUnit
from sources import SourceFile, Unit, UnmatchedKeyError, partition_label, partition_value, unit_fingerprint
from sources_proof import SameContents, nothing_known

INSERTED, REPLACED, REMOVED, RESTORED, KEPT = "inserted", "replaced", "removed", "restored", "kept"


class UnknownPartitionError(TerminalError):
    """--partitions is malformed or names a partition that neither the raw data nor the table holds."""


@dataclass(frozen=True)
class Decision:
    """What to do with one unit, and why.

    `wanted` is the fingerprint that the partition must carry in the end; None when it must not exist. `convert` are
    the files to convert; `carry` says that the published files are taken along (their sources are gone). `pending`
    marks a unit that is left behind its sources: it was not selected, or its sources contradict each other. A restored
    unit is one that the catalog has lost: what the lake holds of it is published again. `same` are files, by the key
    that they are recorded under, which have another key or ETag now and were proved to hold the same bytes; a unit that
    is kept is published again as made of them.
    """

    values: Values
    action: str
    reason: str
    wanted: str | None
    current: Partition | None = None
    unit: Unit | None = None
    convert: tuple[SourceFile, ...] = ()
    carry: bool = False
    pending: bool = False
    conflict: bool = False
    removed_sources: tuple[str, ...] = ()
    same: Mapping[str, SourceFile] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Say whether a new run folder is to be written for this unit."""
        return self.action in (INSERTED, REPLACED)


@dataclass(frozen=True)
class _Changes:
    """How a unit's files differ from those recorded when it was published.

    `same` are those whose bytes proved that they are renamed or not changed, by their recorded key; `doubtful` pairs
    of a file that is gone and one that may be it under another name.
    """

    added: tuple[SourceFile, ...]
    renamed: tuple[SourceFile, ...]
    changed: tuple[SourceFile, ...]
    gone: tuple[str, ...]
    same: Mapping[str, SourceFile] = field(default_factory=dict)
    doubtful: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        parts = {
            "added": len(self.added),
            "renamed": len(self.renamed),
            "uploaded again unchanged": sum(key == source.key for key, source in self.same.items()),
            "changed": len(self.changed),
            "removed": len(self.gone),
        }
        return "sources " + ", ".join(f"{count} {name}" for name, count in parts.items() if count)


FindRecorded = Callable[[Partition], ManifestUnit | None]


@dataclass(frozen=True)
class _Books:
    """How to find out what a unit was made of, and whether a file is one of those."""

    recorded: FindRecorded
    same_contents: SameContents


@dataclass(frozen=True)
class LakeState:
    """What the lake says beside the catalog: units that the catalog has lost, and what is wrong with published ones."""

    recovered: Mapping[Values, Partition] = field(default_factory=dict)
    damaged: Mapping[Values, str] = field(default_factory=dict)


def decide(
    contract: DatasetContract,
    units: Mapping[Values, Unit],
    published: Mapping[Values, Partition],
    recorded: FindRecorded,
    force: bool = False,
    selection: frozenset[Values] | None = None,
    lake: LakeState | None = None,
    same_contents: SameContents = nothing_known,
) -> list[Decision]:
    """Decide for every unit that has sources, is published or was lost; in order of the partition values.

    `recorded` reads a unit's manifest entry; it is asked only for units whose files are not those it was made from.
    `selection` limits the work to some units, None means all. `same_contents` reads a file whose ETag does not tell
    whether it was loaded already.
    """
    lake, books = lake or LakeState(), _Books(recorded, same_contents)
    there = {**published, **lake.recovered}
    damaged = {values: problem for values, problem in lake.damaged.items() if values not in lake.recovered}
    decisions = []
    for values in sorted({*units, *there}):
        unit, current, problem = units.get(values), there.get(values), damaged.get(values)
        chosen = selection is None or values in selection
        if problem is not None and current is not None and chosen:
            decisions.append(_damaged(contract, values, unit, current, books, problem))
        elif unit is None and current is not None:
            decisions.append(_without_sources(contract, values, current, chosen and problem is None))
        elif unit is not None and _archived(unit):
            decisions.append(_with_archived(contract, unit, current, books, force, chosen))
        elif unit is not None:
            decisions.append(_with_sources(contract, unit, current, books, force, chosen))
        if decisions[-1].action == KEPT and values in lake.recovered:
            decision = decisions.pop()
            reason = f"the catalog had lost it; {decision.reason}"
            decisions.append(replace(decision, action=RESTORED, reason=reason))
    return decisions


def _archived(unit: Unit) -> list[SourceFile]:
    return [source for source in unit.sources if source.archived]


def _damaged(
    contract: DatasetContract,
    values: Values,
    unit: Unit | None,
    current: Partition,
    books: _Books,
    problem: str,
) -> Decision:
    """Make a unit anew whose published files are not what was published, if all its source files stand."""
    mirror = contract.on_source_removed == "mirror"
    if unit is None and mirror:
        return _without_sources(contract, values, current, chosen=True)
    if unit is not None and not _archived(unit) and (mirror or not _lost_sources(unit, current, books)):
        wanted = unit_fingerprint(unit.sources, contract.fingerprint)
        return Decision(values, REPLACED, problem, wanted, current, unit, unit.sources)
    reason = (
        f"{problem}, and it cannot be made anew because source files are gone or archived: put its objects or the "
        "source files back, or set on_source_removed to mirror, which gives up the rows of files that are gone"
    )
    return Decision(values, KEPT, reason, current.fingerprint, current, unit, pending=True, conflict=True)


def _lost_sources(unit: Unit, current: Partition, books: _Books) -> bool:
    """Say whether a unit was made of files that are gone; by their number where the manifest is lost."""
    if _source_files(current) > len(unit.sources):
        return True
    if current.fingerprint == unit_fingerprint(unit.sources, current.parameters.get("contract_fingerprint", "")):
        return False
    record = books.recorded(current)
    return record is not None and bool(
        _compare(record, unit.sources, books.same_contents, keep=True, spares=False).gone
    )


def _without_sources(contract: DatasetContract, values: Values, current: Partition, chosen: bool) -> Decision:
    name = (partition_label(contract.partition_keys, values),)
    if contract.on_source_removed == "keep":
        reason = "all its source files are gone; on_source_removed is keep"
        return Decision(values, KEPT, reason, current.fingerprint, current, removed_sources=name)
    if not chosen:
        return Decision(values, KEPT, "not among the selected partitions", None, current, pending=True)
    reason = "all its source files are gone; on_source_removed is mirror"
    return Decision(values, REMOVED, reason, None, current, removed_sources=name)


def _with_sources(
    contract: DatasetContract,
    unit: Unit,
    current: Partition | None,
    books: _Books,
    force: bool,
    chosen: bool,
) -> Decision:
    wanted = unit_fingerprint(unit.sources, contract.fingerprint)
    if current is None:
        if not chosen:
            return Decision(unit.values, KEPT, "not among the selected partitions", wanted, unit=unit, pending=True)
        return Decision(unit.values, INSERTED, "new", wanted, unit=unit, convert=unit.sources)
    expired = _source_files(current) > len(unit.sources)
    # Carried over while the policy was keep: the fingerprint alone does not show that their files are gone.
    unwanted = expired and contract.on_source_removed == "mirror"
    remake = unwanted or (force and chosen)
    if current.fingerprint == wanted and not remake:
        return Decision(unit.values, KEPT, "unchanged", wanted, current, unit)
    made_with = current.parameters.get("contract_fingerprint", "")
    same_files = current.fingerprint == unit_fingerprint(unit.sources, made_with)
    if same_files and contract.keeps_earlier_contracts and not remake:
        reason = "made with an earlier contract; on_contract_change is new_data_only"
        return Decision(unit.values, KEPT, reason, current.fingerprint, current, unit)
    if not chosen:
        return Decision(unit.values, KEPT, "not among the selected partitions", wanted, current, unit, pending=True)
    # Made of more files than there are, be its fingerprint that of those that are there: made anew, it would lose rows.
    if not expired or unwanted:
        if current.fingerprint == wanted:
            reason = "source files are gone; on_source_removed is mirror" if unwanted else "forced"
            return Decision(unit.values, REPLACED, reason, wanted, current, unit, unit.sources)
        if same_files:
            return Decision(unit.values, REPLACED, "the contract changed", wanted, current, unit, unit.sources)
    return _with_changed_sources(contract, unit, current, books, wanted, made_with, force)


def _with_archived(
    contract: DatasetContract,
    unit: Unit,
    current: Partition | None,
    books: _Books,
    force: bool,
    chosen: bool,
) -> Decision:
    """Decide about a unit with files that cannot be read: whatever the policy, those that were loaded are expired."""
    wanted = unit_fingerprint(unit.sources, contract.fingerprint)
    if not chosen or (current is not None and current.fingerprint == wanted and not force):
        return _with_sources(contract, unit, current, books, False, chosen)
    record = books.recorded(current) if current is not None else None
    loaded = {(source.key, source.size, source.etag) for source in record.sources} if record is not None else set()
    fresh = [source.key for source in _archived(unit) if (source.key, source.size, source.etag) not in loaded]
    if current is None or fresh:
        reason = f"{len(fresh)} archived file(s) of it cannot be read, first {fresh[0]}: restore them or move them away"
        fingerprint = current.fingerprint if current is not None else wanted
        return Decision(unit.values, KEPT, reason, fingerprint, current, unit, pending=True, conflict=True)
    readable = replace(unit, sources=tuple(source for source in unit.sources if not source.archived))
    keep = replace(contract, on_source_removed="keep")
    made_with = current.parameters.get("contract_fingerprint", "")
    decision = _with_changed_sources(keep, readable, current, books, wanted, made_with, force=False)
    if decision.action == KEPT and decision.same:
        decision = replace(decision, wanted=unit_fingerprint(unit.sources, made_with))
    return replace(decision, unit=unit)


def _source_files(partition: Partition) -> int:
    return int(partition.parameters.get("source_files", "0"))


def _with_changed_sources(
    contract: DatasetContract,
    unit: Unit,
    current: Partition,
    books: _Books,
    wanted: str,
    made_with: str,
    force: bool,
) -> Decision:
    record = books.recorded(current)
    if record is None:
        replaced = Decision(unit.values, REPLACED, "sources changed", wanted, current, unit, unit.sources)
        return _without_record(contract, unit, current, replaced, force)
    keep, same_contract = contract.on_source_removed == "keep", made_with == contract.fingerprint
    spares = not force and (same_contract or contract.keeps_earlier_contracts)
    changes = _compare(record, unit.sources, books.same_contents, keep, spares)
    keeping = partial(Decision, unit.values, KEPT, current=current, unit=unit, removed_sources=changes.gone)
    replacing = partial(
        Decision, unit.values, REPLACED, wanted=wanted, current=current, unit=unit, removed_sources=changes.gone
    )
    nothing_new = not changes.changed and not changes.added
    if nothing_new and changes.same and (changes.gone or not changes.renamed):
        return keeping(str(changes), unit_fingerprint(unit.sources, made_with), same=changes.same)
    if not keep or not changes.gone:
        return replacing(str(changes), convert=unit.sources)
    if nothing_new:
        return keeping(f"{changes}; on_source_removed is keep", current.fingerprint)
    if not changes.changed and not changes.doubtful and same_contract:
        reason = f"{changes}; the rows of removed files are carried over (on_source_removed is keep)"
        return replacing(reason, convert=changes.added, carry=True, same=changes.same)
    return keeping(_conflict(changes), wanted, pending=True, conflict=True)


def _conflict(changes: _Changes) -> str:
    """Say why nobody can tell what a unit has to hold, and what to do."""
    if changes.doubtful and not changes.changed:
        gone, added = changes.doubtful[0]
        return (
            f"{changes}: {added} may be {gone} under another name, as it has its size, and of the contents of {gone} "
            f"only an ETag is recorded that does not tell: if it is, give it the name {gone} again; if it is a new "
            f"file, put {gone} back beside it, or upload the new one again with an empty line at its end; or set "
            "on_source_removed to mirror, which gives up the rows of files that are gone"
        )
    return (
        f"{changes}: its rows cannot be made anew without losing those of the removed files; "
        "put the files back, or set on_source_removed to mirror"
    )


def _without_record(
    contract: DatasetContract, unit: Unit, current: Partition, replaced: Decision, force: bool
) -> Decision:
    """Decide where the manifest is lost: which files the unit was made of is not known, only how many."""
    before = _source_files(current)
    elsewhere = current.fingerprint is None  # somebody else made it
    if elsewhere or contract.on_source_removed == "mirror" or (force and before <= len(unit.sources)):
        return replaced
    name = (partition_label(contract.partition_keys, unit.values),)
    changed = f"{before} source files became {len(unit.sources)}"
    if before > len(unit.sources):
        reason = f"{changed}; on_source_removed is keep and the manifest is lost"
        return Decision(unit.values, KEPT, reason, current.fingerprint, current, unit, removed_sources=name)
    reason = (
        f"its source files changed ({changed}) and its manifest is lost, so nobody can tell whether one of them is "
        "gone and its rows would be lost: if none is, run this partition with force; otherwise put the manifest back, "
        "or set on_source_removed to mirror"
    )
    return Decision(unit.values, KEPT, reason, replaced.wanted, current, unit, pending=True, conflict=True)


def _compare(
    record: ManifestUnit, sources: Sequence[SourceFile], same_contents: SameContents, keep: bool, spares: bool
) -> _Changes:
    """Compare recorded with present files; a new key with the size and ETag of a vanished one is a renamed file.

    Of what is left the bytes decide, where files are gone and rows could be there twice: of files that have the size of
    one that is gone, or of the one that had their key. Where none is gone, only if that can spare a conversion; where
    rows of files that are gone are given up, not at all.
    """
    changes = _compare_etags(record, sources)
    before = {source.key: source for source in record.sources}
    if changes.gone and keep:
        changes = _prove_added(changes, before, same_contents)
        return _prove_changed(changes, before, same_contents, needed=True) if changes.gone else changes
    if spares and not (changes.added or changes.renamed or changes.gone):
        return _prove_changed(changes, before, same_contents, needed=False)
    return changes


def _prove_added(changes: _Changes, before: Mapping[str, ManifestSource], same_contents: SameContents) -> _Changes:
    """Find the files that are renamed ones, and those that may be."""
    added, renamed, gone = [], list(changes.renamed), list(changes.gone)
    same, doubtful = {}, []
    for source in changes.added:
        candidates = [key for key in gone if before[key].size == source.size]
        answers = same_contents([before[key] for key in candidates], source, needed=True) if candidates else []
        found = next((key for key, answer in zip(candidates, answers, strict=True) if answer), None)
        if found is None:
            added.append(source)
            doubtful += [(key, source.key) for key, answer in zip(candidates, answers, strict=True) if answer is None]
        else:
            same[found] = source
            gone.remove(found)
            renamed.append(source)
    doubtful = [(key, name) for key, name in doubtful if key in gone]
    return _Changes(tuple(added), tuple(renamed), changes.changed, tuple(gone), same, tuple(doubtful))


def _prove_changed(
    changes: _Changes, before: Mapping[str, ManifestSource], same_contents: SameContents, *, needed: bool
) -> _Changes:
    """Find out whether all changed files were uploaded again with the bytes that they had."""
    if any(before[source.key].size != source.size for source in changes.changed):
        return changes
    for source in changes.changed:
        if same_contents([before[source.key]], source, needed=needed) != [True]:
            return changes
    return replace(changes, changed=(), same={**changes.same, **{source.key: source for source in changes.changed}})


def _compare_etags(record: ManifestUnit, sources: Sequence[SourceFile]) -> _Changes:
    before = {source.key: (source.size, source.etag) for source in record.sources}
    now = {source.key: (source.size, source.etag) for source in sources}
    vanished = Counter(before[key] for key in before if key not in now)
    added, renamed = [], []
    for source in sources:
        if source.key in before:
            continue
        content = (source.size, source.etag)
        if vanished[content] > 0:
            vanished[content] -= 1
            renamed.append(source)
        else:
            added.append(source)
    changed = tuple(source for source in sources if source.key in before and before[source.key] != now[source.key])
    gone = []
    for key in sorted(before):
        if key not in now and vanished[before[key]] > 0:
            vanished[before[key]] -= 1
            gone.append(key)
    return _Changes(tuple(added), tuple(renamed), changed, tuple(gone))


def parse_selection(
    text: str | None, keys: Sequence[PartitionKey], known: Sequence[Values]
) -> frozenset[Values] | None:
    """Turn --partitions into values; every entry must name all partition keys of a partition that exists."""
    if not text:
        return None
    names = [key.name for key in keys]
    example = json.dumps([dict.fromkeys(names, "…")], ensure_ascii=False)
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise UnknownPartitionError(f"--partitions is not valid JSON: {error}; expected {example}") from error
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and sorted(entry) == sorted(names) for entry in entries
    ):
        raise UnknownPartitionError(f"--partitions is {text}; expected a list such as {example}")
    chosen = set()
    for entry in entries:
        try:
            chosen.add(tuple(partition_value(key, str(entry[key.name])) for key in keys))
        except UnmatchedKeyError as error:
            raise UnknownPartitionError(f"--partitions: {error}") from error
    if unknown := sorted(chosen - set(known)):
        there = "; ".join(partition_label(keys, values) for values in sorted(known)[:10]) or "none"
        raise UnknownPartitionError(
            f"--partitions names {partition_label(keys, unknown[0])}, which has neither source files nor a published "
            f"partition; there are ({len(known)} in all): {there}"
        )
    return frozenset(chosen)
