"""The diff as a pure function: decisions that need neither files nor a catalog."""

import re
from collections.abc import Sequence
from typing import Any

import pytest

import diff
from catalog import Partition
from contract import Values, parse_contract
from diff import Decision
from lake_manifests import ManifestSource, ManifestUnit
from sources import SourceFile, Unit, unit_fingerprint
from sources_proof import RecordedSource

JANUARY: Values = ("01",)


def contract(**changes: Any) -> Any:
    base = {"dataset": "d", "source_uri": "s3://r/", "lake_uri": "s3://l/", "fingerprint": "c1"}
    return parse_contract({**base, "columns": [{"name": "a"}], "partition_keys": [{"name": "month"}], **changes})


def files(*names: str) -> tuple[SourceFile, ...]:
    """Turn `key@content` or `key@etag=content` into files, all of one size; the URI tells what they hold."""
    parted = (re.fullmatch("(.*)@(.*?)(=.*)?", name) for name in names)
    return tuple(SourceFile((item[3] or item[2]).strip("="), item[1], 1, item[2]) for item in parted if item)


def same_contents(recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
    """Tell what an all-knowing reader could, but not of files whose contents were not recorded."""
    return [None if not item.checksum else item.checksum == source.uri for item in recorded]


def unaffordable(recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
    """Tell what is needed and leave open what is not."""
    return same_contents(recorded, source, needed=needed) if needed else [None] * len(recorded)


def decide(
    before: Sequence[str] | None, now: Sequence[str] | None, lost: bool = False, made_with: str = "c1", **changes: Any
) -> Decision:
    units = {} if now is None else {JANUARY: Unit(JANUARY, files(*now), None)}
    published = {}
    record = None
    if before is not None:
        sources = files(*before)
        known = changes.pop("known", True)
        loaded = (
            ManifestSource(item.key, 1, item.etag, 1, 1, 0, checksum=item.uri if known else "") for item in sources
        )
        record = ManifestUnit(JANUARY, "", None, (), (), tuple(loaded))
        fingerprint = unit_fingerprint(sources, made_with)
        parameters = {"fingerprint": fingerprint, "contract_fingerprint": made_with, "source_files": str(len(sources))}
        published[JANUARY] = Partition(JANUARY, "s3://l/x/run=1/", parameters)
    force = changes.pop("force", False)
    selection = changes.pop("selection", None)
    prove = changes.pop("prove", same_contents)
    decisions = diff.decide(
        contract(**changes),
        units,
        published,
        lambda p: None if lost else record,
        force,
        selection,
        same_contents=prove,
    )
    assert len(decisions) == 1
    return decisions[0]


@pytest.mark.parametrize(
    ("before", "now", "changes", "action", "reason"),
    [
        (None, ["a@1"], {}, "inserted", "new"),
        (["a@1"], ["a@1"], {}, "kept", "unchanged"),
        (["a@1"], ["a@1"], {"force": True}, "replaced", "forced"),
        (["a@1"], ["a@2"], {}, "replaced", "sources 1 changed"),
        (["a@1"], ["a@1", "b@1"], {}, "replaced", "sources 1 added"),
        (["a@1", "b@2"], ["c@1", "b@2"], {}, "replaced", "sources 1 renamed"),
        (["a@1"], None, {}, "kept", "all its source files are gone; on_source_removed is keep"),
        (["a@1"], None, {"on_source_removed": "mirror"}, "removed", "all its source files are gone"),
        (["a@1", "b@2"], ["a@1"], {}, "kept", "sources 1 removed; on_source_removed is keep"),
        (["a@1", "b@2"], ["a@1"], {"force": True}, "kept", "sources 1 removed; on_source_removed is keep"),
        (["a@1", "b@2"], ["a@1"], {"on_source_removed": "mirror"}, "replaced", "sources 1 removed"),
        (["a@1", "b@2"], ["a@1", "c@3"], {}, "replaced", "rows of removed files are carried over"),
        (["a@1", "b@2"], ["a@3"], {}, "kept", "cannot be made anew without losing those of the removed files"),
        (["a@1"], ["a@1"], {"made_with": "c0"}, "replaced", "the contract changed"),
        (["a@1"], ["a@1"], {"made_with": "c0", "on_contract_change": "new_data_only"}, "kept", "an earlier contract"),
        (["a@1", "b@2"], ["a@1"], {"made_with": "c0"}, "kept", "sources 1 removed"),
        (["a@1", "b@2"], ["a@1", "c@3"], {"made_with": "c0"}, "kept", "cannot be made anew"),
        (["a@1", "b@2"], ["a@1"], {"lost": True}, "kept", "2 source files became 1; .* the manifest is lost"),
        (["a@1"], ["a@1", "b@2"], {"lost": True}, "kept", "nobody can tell whether one of them is gone"),
        (["a@1"], ["b@2"], {"lost": True}, "kept", r"1 source files became 1\) and its manifest is lost"),
        (["a@1"], ["b@2"], {"lost": True, "force": True}, "replaced", "sources changed"),
        (["a@1", "c@3"], ["b@2"], {"lost": True, "force": True}, "kept", "2 source files became 1"),
        (["a@1", "b@2"], ["a@1", "c@5=2"], {}, "replaced", "sources 1 renamed"),
        (["a@1", "b@2"], ["c@5=2"], {}, "kept", "sources 1 renamed, 1 removed"),
        (["a@1", "b@2"], ["c@5=2", "d@6"], {}, "replaced", "sources 1 added, 1 renamed, 1 removed; the rows"),
        (["a@1", "b@2"], ["a@7=1"], {}, "kept", "sources 1 uploaded again unchanged, 1 removed"),
        (["a@1", "b@2"], ["a@7=1", "d@6"], {}, "replaced", "1 added, 1 uploaded again unchanged, 1 removed; the rows"),
        (["a@1", "b@2"], ["a@7=1", "c@5=2"], {}, "replaced", "sources 1 renamed, 1 changed"),
        (["a@1"], ["a@7=1"], {}, "kept", "sources 1 uploaded again unchanged"),
        (["a@1"], ["a@7=1"], {"on_source_removed": "mirror"}, "kept", "sources 1 uploaded again unchanged"),
        (["a@1"], ["a@7=1"], {"force": True}, "replaced", "sources 1 changed"),
        (["a@1"], ["a@7=1"], {"made_with": "c0"}, "replaced", "sources 1 changed"),
        (["a@1"], ["a@7=1"], {"made_with": "c0", "on_contract_change": "new_data_only"}, "kept", "again unchanged"),
        (["a@1"], ["a@7=1"], {"known": False}, "replaced", "sources 1 changed"),
        (["a@1"], ["a@7=1"], {"prove": unaffordable}, "replaced", "sources 1 changed"),
        (["a@1", "b@2"], ["a@1", "c@5"], {"known": False}, "kept", "c may be b under another name, .* size"),
        (["a@1", "b@2"], ["a@1", "c@2"], {"known": False}, "replaced", "sources 1 renamed"),
        (["a@1", "b@2"], ["a@1", "c@5"], {"known": False, "on_source_removed": "mirror"}, "replaced", "1 removed"),
        (["a@1", "b@2"], ["a@7=1"], {"known": False}, "kept", "cannot be made anew"),
        (None, ["a@1"], {"selection": frozenset()}, "kept", "not among the selected"),
        (["a@1"], ["a@2"], {"selection": frozenset()}, "kept", "not among the selected"),
    ],
)
def it_decides_and_says_why(
    before: list[str] | None, now: list[str] | None, changes: dict[str, Any], action: str, reason: str
) -> None:
    decision = decide(before, now, **changes)
    assert decision.action == action
    assert re.search(reason, decision.reason)


def it_converts_only_what_is_new_where_rows_are_carried_over() -> None:
    decision = decide(["a@1", "b@2"], ["a@1", "c@3"])
    assert decision.carry
    assert [source.key for source in decision.convert] == ["c"]
    assert decision.removed_sources == ("b",)
    assert decision.wanted == unit_fingerprint(files("a@1", "c@3"), "c1")


def it_publishes_a_proved_file_under_its_new_name_and_etag() -> None:
    kept = decide(["a@1", "b@2"], ["a@7=1"])
    assert (kept.wanted, kept.conflict, kept.pending) == (unit_fingerprint(files("a@7"), "c1"), False, False)
    assert {key: (file.key, file.etag) for key, file in kept.same.items()} == {"a": ("a", "7")}
    carried = decide(["a@1", "b@2"], ["c@5=2", "d@6"])
    assert [source.key for source in carried.convert] == ["d"]
    assert {key: (file.key, file.etag) for key, file in carried.same.items()} == {"b": ("c", "5")}
    assert carried.removed_sources == ("a",)


def it_never_loads_a_file_that_may_be_loaded_already() -> None:
    doubt = decide(["a@1", "b@2"], ["a@1", "c@5"], known=False)
    assert (doubt.conflict, doubt.pending, doubt.convert) == (True, True, ())
    for way_out in ("give it the name b again", "put b back", "empty line at its end", "on_source_removed to mirror"):
        assert way_out in doubt.reason


def it_reads_no_file_whose_size_nobody_had() -> None:
    def never(recorded: Sequence[RecordedSource], source: SourceFile, *, needed: bool) -> list[bool | None]:
        raise AssertionError(source.key)

    record = ManifestUnit(JANUARY, "", None, (), (), tuple(ManifestSource(key, 7, key, 1, 1, 0) for key in "ab"))
    published = {JANUARY: Partition(JANUARY, "s3://l/x/run=1/", {"fingerprint": "f", "contract_fingerprint": "c1"})}
    units = {JANUARY: Unit(JANUARY, (SourceFile("a", "a", 7, "a"), *files("c@5")), None)}
    (decision,) = diff.decide(contract(), units, published, lambda p: record, same_contents=never)
    assert (decision.action, decision.carry) == ("replaced", True)


def it_takes_as_many_renames_as_there_are_files_gone() -> None:
    # One file gone, two new ones with its content: one was renamed, the other is new.
    assert decide(["a@1"], ["b@1", "c@1"]).reason == "sources 1 added, 1 renamed"


@pytest.mark.parametrize(
    ("before", "now", "pending"),
    [(["a@1"], ["a@1"], False), (["a@1"], ["a@2"], True), (None, ["a@1"], True), (["a@1"], None, False)],
)
def it_knows_which_units_stay_behind_when_only_some_are_selected(
    before: list[str] | None, now: list[str] | None, pending: bool
) -> None:
    assert decide(before, now, selection=frozenset()).pending is pending


def it_replaces_a_partition_that_somebody_else_made() -> None:
    units = {JANUARY: Unit(JANUARY, files("a@1"), None)}
    published = {JANUARY: Partition(JANUARY, "s3://elsewhere/", {})}
    assert [item.action for item in diff.decide(contract(), units, published, lambda p: None)] == ["replaced"]
    assert [item.action for item in diff.decide(contract(), {}, published, lambda p: None)] == ["kept"]
