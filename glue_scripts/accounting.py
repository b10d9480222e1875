"""Accounting for a unit: every source file and every row of it, before anything is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from carrying import carry_over, folder_of
from catalog import Partition
from conversion import SourceOutcome, UnitWork
from conversion_errors import AccountingError
from diff import Decision
from lake_manifests import ManifestSource, ManifestUnit, read_manifest


def recorded(partition: Partition) -> ManifestUnit | None:
    """Return the manifest entry of a published partition; None when its manifest is lost."""
    uri = partition.parameters.get("manifest")
    return read_manifest(uri).get(partition.values) if uri else None


def manifest_unit(
    decision: Decision, work: UnitWork, outcomes: Sequence[SourceOutcome], files: Iterable[tuple[str, int]]
) -> ManifestUnit:
    """Account for a unit: every source file that was to be converted, and what is carried over."""
    by_key = {outcome.key: outcome for outcome in outcomes}
    if missing := sorted({source.key for source in decision.convert} - set(by_key)):
        raise AccountingError(f"the conversion accounted for no rows of {', '.join(missing[:5])}")
    sources = []
    for source in decision.convert:
        outcome = by_key[source.key]
        if outcome.rows_read != outcome.rows_written + outcome.rows_quarantined:
            raise AccountingError(
                f"{source.uri}: {outcome.rows_read} rows read, {outcome.rows_written} written and "
                f"{outcome.rows_quarantined} quarantined"
            )
        sources.append(
            ManifestSource(
                source.key,
                source.size,
                source.etag,
                outcome.rows_read,
                outcome.rows_written,
                outcome.rows_quarantined,
            )
        )
    unit = ManifestUnit(
        decision.values, decision.wanted or "", work.data_uri, work.quarantine_uri, tuple(files), tuple(sources)
    )
    return _with_carried(decision, unit) if decision.carry else unit


def _with_carried(decision: Decision, unit: ManifestUnit) -> ManifestUnit:
    """Copy the published files of a unit into its new folders and take over their accounting."""
    if decision.current is None or (record := recorded(decision.current)) is None:
        raise AccountingError(f"no manifest records the published files of {unit.data_uri}")
    rows = {uri.rpartition("/")[2]: count for uri, count in record.files}
    copied = carry_over(folder_of(decision.current), unit.data_uri)
    if set(copied) != set(rows):
        raise AccountingError(
            f"{decision.current.location} holds the files {sorted(copied)}, its manifest names {sorted(rows)}"
        )
    if record.quarantined_rows:
        carry_over(record.quarantine_uri, unit.quarantine_uri)
    sources = tuple(replace(source, carried=True) for source in record.sources)
    files = tuple((target, rows[name]) for name, target in copied.items())
    return replace(unit, files=(*files, *unit.files), sources=(*sources, *unit.sources))
