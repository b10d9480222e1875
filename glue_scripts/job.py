"""One run, from the contract to the report: list, diff, convert, publish, sweep, seal."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import faults
from accounting import account, known_anew, recorded
from catalog import Catalog, Partition, Table, require_table
from catalog_glue import GlueCatalog
from catalog_local import LocalCatalog
from catalog_orphans import find_orphans
from catalog_publication import (
    DIGEST,
    PUBLISHER,
    Claim,
    ConcurrentRunError,
    PublishedTable,
    align_quarantine,
    open_tables,
    publish,
    seal,
    unit_partition,
    wanted_quarantine,
)
from catalog_raw import align_raw_table
from contract import DatasetContract, Values, load_contract
from conversion import Effort, SourceOutcome, UnitResult, check_options
from conversion_plan import UnitWork
from conversion_task import read_header
from diff import INSERTED, KEPT, REMOVED, REPLACED, RESTORED, Decision, LakeState, decide, parse_selection
from errors import TerminalError
from inference import ReadFiles
from inference_dataset import FROZEN, FrozenColumns, Surroundings, parse_frozen, read_in_process, resolve_columns
from lake import data_folder, manifest_uri, quarantine_folder, run_folder
from lake_contents import RunFolder, list_lake
from lake_manifests import Manifest, ManifestUnit, write_manifest
from lake_proof import Proof, judge_unnamed, prove, recover
from lake_records import RunLog, SeenRecord
from lake_sweep import notes, sweep
from report import Report, UnitReport, send_metrics, write_report
from sources import Listing, list_units, partition_label, refuse_unmatched
from sources_proof import ReadingProof
from storage import StorageError, is_local

logger = logging.getLogger("csv_to_parquet")


class PartitionKeysChangedError(TerminalError):
    """The table's partition keys are not the contract's; Glue cannot change them in a table that exists."""


class SourceConflictError(TerminalError):
    """Some units can be brought in line only by losing rows whose source files are gone."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of one run; less CSV than `spark_from_mb` is converted without Spark, 0 leaves all to it."""

    dataset_config: str
    run_id: str
    mode: str = "apply"
    force: bool = False
    partitions: str | None = None
    task_slots: int | None = None
    spark_from_mb: int = 512
    report_runtime: bool = False


# Units to convert and the id of the run; returns only when every file is written.
Convert = Callable[[DatasetContract, Sequence[UnitWork], str], Sequence[UnitResult]]


def new_attempt(run_id: str) -> str:
    """Return a name that no other attempt has, a retry of the same run included; safe in any folder name."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', run_id)[:120]}-{secrets.token_hex(4)}"


class _Stopwatch:
    """The seconds of a run by its phases, in the order in which they end."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def ended(self, phase: str) -> None:
        """Note that a phase has ended, and the next one begun."""
        now = time.monotonic()
        self.seconds[phase], self._since = round(now - self._since, 3), now


def _now() -> datetime:
    return datetime.now(timezone.utc)


def open_catalog(contract: DatasetContract) -> Catalog:
    """Return the catalog that belongs to a dataset: Glue, or JSON files when the lake is a local folder."""
    if is_local(contract.lake_uri):
        return LocalCatalog(contract.lake_uri, contract.database)
    return GlueCatalog(contract.database)


def run_job(
    arguments: Arguments,
    convert: Convert,
    clock: Callable[[], datetime] = _now,
    runtime: Callable[[], Mapping[str, Any]] = dict,
    effort: Effort | None = None,
    read: ReadFiles = read_in_process,
) -> Report:
    """Bring one dataset in line, write the report and return it; raises whatever kept it from converging.

    What `runtime` tells of the place where all this happened is the report's last member; by default there is none.
    `effort` is what `convert` notes of the conversion. `read` reads the files of a dataset that declares no columns, to
    infer them.
    """
    stopwatch = _Stopwatch()
    contract = load_contract(arguments.dataset_config)
    catalog = open_catalog(contract)
    declared = contract
    raw = _crawled_columns(contract, catalog, arguments.mode) if declared.crawled else []
    if declared.crawled:
        contract = contract.with_crawled(raw)
    check_options(contract)
    if arguments.mode == "apply":
        catalog.prepare(contract)
    attempt = new_attempt(arguments.run_id)
    table = catalog.find_table(contract.parquet_table)
    _check_partition_keys(contract, table)
    listing = list_units(contract)
    stopwatch.ended("listing")
    faults.reach("listed")
    contract, frozen = _resolve_columns(arguments, contract, catalog, raw, listing, table, read)
    check_options(contract)
    log = RunLog(contract, attempt, arguments.run_id)
    parquet, quarantine = open_tables(catalog, contract)
    published = parquet.read() if table is not None else {}
    lake = _look_at_lake(contract, log, listing, published, clock())
    selection = parse_selection(
        arguments.partitions, contract.partition_keys, [*listing.units, *published, *lake.recovered]
    )
    state = LakeState(lake.recovered, lake.proof.damaged)
    decisions = decide(contract, listing.units, published, recorded, arguments.force, selection, state, ReadingProof())
    for decision in decisions:
        if decision.action != KEPT or decision.pending:
            label = partition_label(contract.partition_keys, decision.values)
            logger.info("%s %s: %s", label, decision.action, decision.reason)
    if arguments.mode == "plan":
        stopwatch.ended("planning")
        outcome = _Outcome(
            lake.proof.proved, converged=not any(item.pending or item.action != KEPT for item in decisions)
        )
    else:
        refuse_unmatched(contract, listing.unmatched)
        faults.reach("planned")
        run = _Run(
            arguments,
            contract,
            declared,
            frozen,
            catalog,
            listing,
            published,
            parquet,
            quarantine,
            lake,
            attempt,
            convert,
            clock,
            stopwatch,
        )
        outcome = run.execute(log, decisions, table)
    orphaned = find_orphans(catalog, contract)
    if arguments.mode == "apply":
        stopwatch.ended("publishing")
    report = _report(arguments, contract, listing, decisions, outcome, stopwatch.seconds, effort or Effort())
    report = replace(report, orphaned_tables=orphaned, runtime=runtime())
    write_report(contract, report)
    send_metrics(contract, report)
    if arguments.mode == "apply":
        _raise_conflicts(contract, decisions, outcome)
    return report


def _crawled_columns(contract: DatasetContract, catalog: Catalog, mode: str) -> list[tuple[str, str]]:
    """Return names and types of the columns that a crawler has found; on local folders there is none."""
    if (mode == "plan" or is_local(contract.lake_uri)) and catalog.find_table(contract.raw_table) is None:
        return []  # not crawled yet: the plan is to load everything, whatever its columns
    raw = require_table(catalog, contract.database, contract.raw_table)
    return [(column["Name"], column["Type"]) for column in raw.columns]


def _resolve_columns(
    arguments: Arguments,
    contract: DatasetContract,
    catalog: Catalog,
    raw: Sequence[tuple[str, str]],
    listing: Listing,
    table: Table | None,
    read: ReadFiles,
) -> tuple[DatasetContract, FrozenColumns | None]:
    """Return the contract with columns, and those that are to be frozen; a plan reads no file for them."""
    if not contract.crawled:
        return contract, None
    if arguments.mode == "plan":
        frozen = parse_frozen(table)
        if frozen is not None:
            return contract.with_inferred(frozen.columns), None
        return contract.with_columns(raw) if raw else contract, None
    # Read again behind this: inferring may take minutes, in which others publish.
    published = open_tables(catalog, contract)[0].read() if table is not None else {}
    anew = arguments.force and arguments.partitions is None
    return resolve_columns(contract, Surroundings(raw, table, listing.units, published, recorded, anew, read))


def _check_partition_keys(contract: DatasetContract, table: Table | None) -> None:
    wanted = tuple((key.name, key.type) for key in contract.partition_keys)
    if table is not None and table.partition_keys != wanted:
        raise PartitionKeysChangedError(
            f"table {contract.database}.{contract.parquet_table} has the partition keys {list(table.partition_keys)}, "
            f"the contract has {list(wanted)}: drop the dataset's tables and run again, or rename the dataset"
        )


@dataclass(frozen=True)
class _Lake:
    """The lake at the beginning of a run: its run folders, the records of attempts, and what both say."""

    folders: Mapping[str, RunFolder]
    records: Sequence[SeenRecord]
    dead: Mapping[str, datetime]
    proof: Proof
    recovered: Mapping[Values, Partition]


def _look_at_lake(
    contract: DatasetContract, log: RunLog, listing: Listing, published: Mapping[Values, Partition], now: datetime
) -> _Lake:
    # In this order: whoever wrote into a folder that is listed had a record before.
    folders = list_lake(contract)
    records = log.read(now)
    dead = notes(contract, records)
    proof = prove(published, folders, dead, recorded)
    units_now = {source.key: unit.values for unit in listing.units.values() for source in unit.sources}
    return _Lake(folders, records, dead, proof, recover(contract, published, folders, dead, records, units_now))


@dataclass(frozen=True)
class _Outcome:
    """What a run did, for the report."""

    proved: int
    manifest: tuple[ManifestUnit, ...] = ()
    results: tuple[SourceOutcome, ...] = ()
    folders_swept: int = 0
    kept_folders: Mapping[str, str] = field(default_factory=dict)
    converged: bool = False
    unsettled: tuple[Values, ...] = ()


@dataclass(frozen=True)
class _Run:
    """One applying run: what it saw at its beginning and works with; `declared` is the contract as it is written."""

    arguments: Arguments
    contract: DatasetContract
    declared: DatasetContract
    frozen: FrozenColumns | None
    catalog: Catalog
    listing: Listing
    published: Mapping[Values, Partition]
    parquet: PublishedTable
    quarantine: PublishedTable
    lake: _Lake
    attempt: str
    convert: Convert
    clock: Callable[[], datetime]
    stopwatch: _Stopwatch

    def execute(self, log: RunLog, decisions: Sequence[Decision], table: Table | None) -> _Outcome:
        """Convert, publish, seal and sweep."""
        log.begin(self.lake.records)
        try:
            return self._execute(log, decisions, table)
        except Exception:
            # A killed process cannot say that it ended; one that fails can, and its folders need not wait for long.
            # Where that fails, too, the first reason is the one to tell.
            with suppress(StorageError):
                log.end()
            raise

    def _execute(self, log: RunLog, decisions: Sequence[Decision], table: Table | None) -> _Outcome:
        writing = [decision for decision in decisions if decision.writes]
        removing = [item.current for item in decisions if item.action == REMOVED and item.current is not None]
        known = [item for item in decisions if not item.writes and item.same]
        restored = [item for item in decisions if item.action == RESTORED and not item.same]
        again = [item.current for item in restored if item.current is not None]
        kept = {item.values for item in decisions if item.action == KEPT and not item.same}
        again += [item for values, item in self.lake.proof.renewed.items() if values in kept]
        results = self._convert(writing)
        units = account(self.contract, writing, results)
        # Frozen before anything is published: who goes on after a crash goes on with the same columns.
        noted = {} if self.frozen is None else {FROZEN: self.frozen.to_json()}
        claim = Claim(self.catalog, self.contract, self.attempt, noted)
        changing = bool(writing or removing or again or known)
        dead: list[str] = []
        if changing:
            new = self._record(units, known)
            log.publish()
            dead = self._publish(claim, [*new, *again], removing, decisions)
        self._align_raw_table(results)
        faults.reach("raw")
        pending = any(decision.pending for decision in decisions)
        unsettled = self._seal(claim, decisions, pending, changing, table)
        faults.reach("sealed")
        folders_swept, kept_folders = self._sweep(log, dead)
        return _Outcome(
            proved=self.lake.proof.proved,
            manifest=tuple(units),
            results=tuple(outcome for result in results for outcome in result.sources),
            folders_swept=len(folders_swept),
            kept_folders=kept_folders,
            converged=not pending and not unsettled,
            unsettled=tuple(unsettled),
        )

    def _convert(self, writing: Sequence[Decision]) -> Sequence[UnitResult]:
        """Convert all units into fresh folders."""
        run = run_folder(self.attempt)
        work = [
            UnitWork(
                item.values,
                item.convert,
                data_folder(self.contract, item.values, run),
                quarantine_folder(self.contract, item.values, run),
            )
            for item in writing
        ]
        self.stopwatch.ended("planning")
        faults.arm("converting")
        results = self.convert(self.contract, work, self.arguments.run_id) if work else ()
        faults.reach("converted")
        self.stopwatch.ended("converting")
        return results

    def _align_raw_table(self, results: Sequence[UnitResult]) -> None:
        outcomes = [outcome for result in results for outcome in result.sources]
        headers = None if self.declared.crawled else [outcome.header for outcome in outcomes]
        read = partial(read_header, self.contract)
        align_raw_table(self.catalog, self.contract, self.listing.units, headers, read)

    def _record(self, units: Sequence[ManifestUnit], known: Sequence[Decision]) -> list[Partition]:
        """Write the manifest and return the partitions to publish; of those `known` anew only what they say changes."""
        if not units and not known:
            return []
        anew = [known_anew(decision) for decision in known]
        manifest = Manifest(
            dataset=self.contract.dataset,
            attempt=self.attempt,
            run_id=self.arguments.run_id,
            written=int(self.clock().timestamp() * 1_000_000),
            contract_fingerprint=self.contract.fingerprint,
            partition_keys=tuple(key.name for key in self.contract.partition_keys),
            units={unit.values: unit for unit in (*units, *anew)},
        )
        uri = manifest_uri(self.contract, self.attempt)
        write_manifest(uri, manifest)
        faults.reach("manifested")
        new = [unit_partition(self.contract, manifest, unit) for unit in units]
        for decision, unit in zip(known, anew, strict=True):
            current = self.lake.proof.renewed.get(decision.values, decision.current)
            if current is not None:
                said = {**current.parameters, "fingerprint": unit.fingerprint, "manifest": uri}
                new.append(replace(current, parameters=said))
        return new

    def _publish(
        self,
        claim: Claim,
        new: Sequence[Partition],
        removing: Sequence[Partition],
        decisions: Sequence[Decision],
    ) -> list[str]:
        """Publish and remove; return the folders that are dead now: superseded, removed, or left unpublished."""
        claim.hold()
        faults.reach("claimed")
        # Bad rows first: whoever sees a partition with quarantined rows can look at them.
        bad = wanted_quarantine(self.contract, new)
        self.quarantine.put(list(bad.values()), self.quarantine.find(list(bad)))
        left_alone = publish(claim, self.parquet, new, self.published)
        if removing:
            claim.hold()
            left_alone += self.parquet.remove(removing)
        for values in left_alone:
            logger.warning(
                "%s was published by another run in the meantime and left alone",
                partition_label(self.contract.partition_keys, values),
            )
        faults.reach("published")
        done = [item for item in decisions if item.action in (REPLACED, REMOVED) and item.values not in left_alone]
        replaced = [item.current.folder for item in done if item.current is not None]
        # Another run may have found the catalog without them and have published this run's own folders.
        now = {item.folder for item in self.parquet.find(left_alone).values()} if left_alone else set()
        own = [item.folder for item in new if item.values in left_alone and item.run_folder == run_folder(self.attempt)]
        return replaced + [folder for folder in own if folder not in now]

    def _sweep(self, log: RunLog, dead: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Note what is dead, delete what may go; return the folders deleted, and those kept with the reason."""
        lake, published, bad = self.lake, self.parquet.read(), self.quarantine.read()
        told = [*lake.dead, *dead]
        judgement = judge_unnamed(self.contract, published, lake.folders, told, lake.records)
        log.end([*dead, *judgement.superseded])
        faults.reach("noted")
        now = self.clock()
        noted = {**dict.fromkeys([*dead, *judgement.superseded], now), **lake.dead}
        named = {partition.folder for partition in (*published.values(), *bad.values())}
        swept = sweep(self.contract, lake.folders, named, noted, lake.records, now)
        log.forget(swept.spent)
        return swept.folders, dict(judgement.kept)

    def _seal(
        self, claim: Claim, decisions: Sequence[Decision], pending: bool, wrote: bool, table: Table | None
    ) -> list[Values]:
        """Check what is published now and write the table-level parameters; return the units that are not right."""
        unsettled: list[Values] = []
        parameters: dict[str, str | None] = {
            "contract_fingerprint": self.declared.fingerprint,
            "run_id": self.arguments.run_id,
            **claim.noted,
        }

        def is_right() -> bool:
            now = self.parquet.read()
            # The state machine reports it as what an idle execution keeps.
            parameters["units"] = str(len(now))
            moved = align_quarantine(self.contract, self.quarantine, now, self.quarantine.read())
            unsettled[:] = sorted({*_unsettled(decisions, now), *moved})
            return not unsettled and not pending

        if not wrote and table is not None and self._is_sealed(table) and is_right():
            return []
        seal(claim, self.catalog, self.contract, parameters, self.listing.digest, is_right)
        return unsettled

    def _is_sealed(self, table: Table) -> bool:
        """Say whether the table already says all that this run would write."""
        columns = [(column["Name"], column["Type"]) for column in table.columns]
        return (
            table.parameters.get(DIGEST) == self.listing.digest
            and table.parameters.get("contract_fingerprint") == self.declared.fingerprint
            and PUBLISHER not in table.parameters
            and (self.frozen is None or table.parameters.get(FROZEN) == self.frozen.to_json())
            and columns == [(column.name, column.type) for column in self.contract.columns]
        )


def _unsettled(decisions: Sequence[Decision], now: Mapping[Values, Partition]) -> list[Values]:
    """Return the units that are not published as this run wants them, and those it knows nothing of."""
    wrong = []
    for decision in decisions:
        partition = now.get(decision.values)
        if decision.pending:
            continue
        if decision.action == REMOVED:
            if partition is not None:
                wrong.append(decision.values)
        elif partition is None or partition.fingerprint != decision.wanted:
            wrong.append(decision.values)
    return [*wrong, *sorted(set(now) - {decision.values for decision in decisions})]


def _report(
    arguments: Arguments,
    contract: DatasetContract,
    listing: Listing,
    decisions: Sequence[Decision],
    outcome: _Outcome,
    seconds: Mapping[str, float],
    effort: Effort,
) -> Report:
    counts = Counter(item.action for item in decisions)
    status = "planned" if arguments.mode == "plan" else "loaded" if set(counts) - {KEPT} else "unchanged"
    results = outcome.results
    source_bytes = sum(source.size for item in decisions for source in item.convert)
    converting = seconds.get("converting", 0.0)
    return Report(
        dataset=contract.dataset,
        run_id=arguments.run_id,
        mode=arguments.mode,
        status=status,
        converged=outcome.converged,
        units_inserted=counts[INSERTED],
        units_replaced=counts[REPLACED],
        units_removed=counts[REMOVED],
        units_restored=counts[RESTORED],
        units_kept=counts[KEPT],
        source_files=sum(len(item.convert) for item in decisions),
        source_bytes=source_bytes,
        rows_read=sum(result.rows_read for result in results),
        rows_written=sum(result.rows_written for result in results),
        rows_quarantined=sum(result.rows_quarantined for result in results),
        rows_skipped=sum(result.rows_skipped for result in results),
        output_files=sum(len(unit.files) for unit in outcome.manifest),
        seconds=round(sum(seconds.values()), 3),
        listing_seconds=seconds["listing"],
        planning_seconds=seconds["planning"],
        converting_seconds=converting,
        publishing_seconds=seconds.get("publishing", 0.0),
        slots_at_start=effort.slots_at_start,
        slots_at_end=effort.slots_at_end,
        megabytes_per_second=round(source_bytes / 1e6 / converting, 1) if converting else 0.0,
        waiting_percent=round(effort.waiting_percent, 1),
        hidden_files=listing.hidden_files,
        folders_swept=outcome.folders_swept,
        units_proved=outcome.proved,
        kept_folders=outcome.kept_folders,
        missing_columns={result.source.key: result.missing_columns for result in results if result.missing_columns},
        extra_columns={result.source.key: result.extra_columns for result in results if result.extra_columns},
        skipped_lines={result.source.key: result.skipped_lines for result in results if result.skipped_lines},
        unmatched_keys=tuple(listing.unmatched),
        removed_sources=tuple(key for item in decisions for key in item.removed_sources),
        units=_unit_reports(contract, decisions, outcome),
    )


def _unit_reports(
    contract: DatasetContract, decisions: Sequence[Decision], outcome: _Outcome
) -> tuple[UnitReport, ...]:
    names = [key.name for key in contract.partition_keys]
    written = {unit.values: unit.rows for unit in outcome.manifest}
    reports = []
    for item in decisions:
        rows = written.get(item.values)
        if item.action in (KEPT, RESTORED) and item.current is not None and "rows" in item.current.parameters:
            rows = int(item.current.parameters["rows"])
        reports.append(UnitReport(dict(zip(names, item.values, strict=True)), item.action, item.reason, rows))
    return tuple(reports)


def _raise_conflicts(contract: DatasetContract, decisions: Sequence[Decision], outcome: _Outcome) -> None:
    """Raise when the table could not be brought in line; what could be published has been."""
    table = f"{contract.database}.{contract.parquet_table}"
    conflicts = [item for item in decisions if item.conflict]
    if conflicts:
        first = conflicts[0]
        raise SourceConflictError(
            f"table {table}: {len(conflicts)} unit(s) were left as they are, first "
            f"{partition_label(contract.partition_keys, first.values)}: {first.reason}"
        )
    if outcome.unsettled:
        first_label = partition_label(contract.partition_keys, outcome.unsettled[0])
        raise ConcurrentRunError(
            f"table {table}: another run published {first_label} ({len(outcome.unsettled)} unit(s) in all) at the same "
            "time; nothing of its work was overwritten, and the next execution settles what is right"
        )
