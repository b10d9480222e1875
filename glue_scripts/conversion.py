"""The conversion engine: units of CSV files to Parquet files and a quarantine, every row accounted for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from contract import DatasetContract
from conversion_bad_rows import BadSample, too_many_bad_rows
from conversion_errors import AccountingError, error_of_kind
from conversion_parquet import WrittenFile
from conversion_plan import Settings, Task, UnitWork, as_stream, plan_tasks
from conversion_quarantine import is_unplaced
from conversion_runners import Runner, in_process
from conversion_spark import on_spark
from conversion_task import PartReport, PlaceLines, TaskContext, open_record_error
from csv_columns import Problem, contract_types
from csv_dialect import dialect_of
from sources import SourceFile
from sources_proof import joined_checksum
from storage import open_storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SourceId = tuple[int, int]


@dataclass(frozen=True)
class SourceOutcome:
    """What became of one source file; always rows_read == rows_written + rows_quarantined + rows_skipped.

    `skipped_lines` are those before the header and behind the data that the contract tells to skip.
    """

    source: SourceFile
    rows_read: int
    rows_written: int
    rows_quarantined: int
    rows_skipped: int
    header: tuple[str, ...]
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    checksum: str = ""
    skipped_lines: int = 0


@dataclass(frozen=True)
class UnitResult:
    """What became of one unit: its sources in the order of the work, its files of data and of bad rows by name."""

    unit: UnitWork
    sources: tuple[SourceOutcome, ...]
    files: tuple[WrittenFile, ...]
    bad_files: tuple[WrittenFile, ...]


@dataclass
class Effort:
    """What a conversion takes, noted while it goes on.

    Slots are the tasks that could run at the same time, as seen at its beginning and at its end: executors come late.
    `slot_seconds` is how long slots were held, all together, and `working_seconds` how much of it they did not wait for
    a storage.
    """

    slots_at_start: int = 0
    slots_at_end: int = 0
    slot_seconds: float = 0.0
    working_seconds: float = 0.0

    @property
    def waiting_percent(self) -> float:
        """Return the part of the slots' time that they waited for a storage, in percent."""
        return 100 * max(0.0, 1 - self.working_seconds / self.slot_seconds) if self.slot_seconds else 0.0


def check_options(contract: DatasetContract) -> None:
    """Refuse, by name, the options and formats that the engine cannot honour."""
    dialect_of(contract)
    contract_types(contract)


def convert_units(
    spark: SparkSession | None,
    contract: DatasetContract,
    work: Sequence[UnitWork],
    *,
    run_id: str = "",
    settings: Settings | None = None,
    runner: Runner | None = None,
    slots: int | None = None,
    driver_slots: int = 0,
    effort: Effort | None = None,
) -> list[UnitResult]:
    """Convert all units of a run and return what became of each, in their order and accounted for to the last row.

    Tasks run on `spark`, or by `runner`, or without either one after the other in this process; `slots` is how many
    can run at the same time: a Spark that has just been started does not see all of them yet. The driver converts along
    with Spark in so many `driver_slots`. Nothing that is written
    counts until the caller publishes it. What it takes is added to `effort`. Raises a ConversionError that names file
    and line when the data cannot be trusted, and TooManyBadRows when too much of it is bad.
    """
    check_options(contract)
    effort = effort or Effort()
    effort.slots_at_start = spark.sparkContext.defaultParallelism if spark is not None else slots or 1
    slots = max(slots or 1, effort.slots_at_start)
    if spark is not None:
        runner = runner or on_spark(spark, slots, driver_slots)
    context = TaskContext(contract, settings or Settings(), run_id)
    accounts = _Accounts(context, runner or in_process, work, effort)
    accounts.convert(plan_tasks(work, dialect_of(contract), context.settings, contract.target_file_mb, slots))
    results = accounts.results()
    effort.slots_at_end = spark.sparkContext.defaultParallelism if spark is not None else slots
    return results


class _Accounts:
    """The reports of one call, by source."""

    def __init__(self, context: TaskContext, runner: Runner, work: Sequence[UnitWork], effort: Effort) -> None:
        self._context, self._runner, self._work, self._effort = context, runner, work, effort
        self._reports: dict[SourceId, list[PartReport]] = defaultdict(list)

    def convert(self, tasks: Sequence[Task]) -> None:
        """Run the tasks; a file whose splits were cut wrongly is read again from beginning to end."""
        self._collect(self._runner(self._context, tasks))
        again = [self._restart(tasks, source) for source in self._wrongly_cut()]
        self._collect(self._runner(self._context, again))

    def _collect(self, reports: Iterable[PartReport]) -> None:
        for report in _without_errors(reports):
            self._effort.slot_seconds += report.slot_seconds
            self._effort.working_seconds += report.working_seconds
            self._reports[report.unit, report.source_number].append(report)
        for found in self._reports.values():
            found.sort(key=lambda report: (report.start, report.end))

    def _source(self, source: SourceId) -> SourceFile:
        return self._work[source[0]].sources[source[1]]

    def _wrongly_cut(self) -> list[SourceId]:
        """Return the files whose splits do not join or are packed, or one of whose splits ends inside quotes.

        The first split begins outside quotes. A split that begins right and ends outside quotes proves the next cut
        right, so if all join and are closed all cuts are proven. An open quote in the last one is the file's own fault,
        and so is a record that is too long in the first one that is not closed.
        """
        wrong = []
        for source, reports in self._reports.items():
            joined = all(before.end == after.start for before, after in pairwise(reports))
            first_open = next((report for report in reports if not report.closed), None)
            packed = any(report.packed for report in reports)
            if joined and first_open is None and not packed:
                continue
            at_fault = first_open is not None and (first_open.too_long or first_open.end == self._source(source).size)
            if joined and first_open is not None and at_fault:
                lines = sum(report.lines for report in reports if report.start < first_open.start)
                raise open_record_error(
                    self._source(source).key,
                    lines + first_open.open_line + 1,
                    self._context.settings.parsing.largest_record_bytes,
                    too_long=first_open.too_long,
                )
            wrong.append(source)
        return wrong

    def _restart(self, tasks: Sequence[Task], source: SourceId) -> Task:
        """Forget what was made of a file and return the task that makes it again."""
        leftovers = [file.uri for report in self._reports.pop(source) for file in (*report.files, *report.bad_files)]
        if leftovers:
            open_storage(leftovers[0]).delete(leftovers)
        for task in tasks:
            part = task.parts[0]
            if (part.unit, part.source_number) == source and part.start == 0:
                return as_stream(task, part)
        raise AssertionError(f"no task reads the beginning of {self._source(source).key}")

    def results(self) -> list[UnitResult]:
        """Return the accounts, having checked them."""
        outcomes = [
            tuple(_outcome(source, self._reports[number, place]) for place, source in enumerate(unit.sources))
            for number, unit in enumerate(self._work)
        ]
        # First of all, because bad rows are to be looked at even where they are too many.
        placed = self._place_lines()
        self._check_bad_rows(outcomes)
        return [
            self._unit(number, unit, of_unit, placed[number])
            for number, (unit, of_unit) in enumerate(zip(self._work, outcomes, strict=True))
        ]

    def _unit(
        self, number: int, unit: UnitWork, outcomes: tuple[SourceOutcome, ...], placed: Sequence[WrittenFile]
    ) -> UnitResult:
        reports = [report for place in range(len(unit.sources)) for report in self._reports[number, place]]
        files = [file for report in reports for file in report.files]
        bad_files = [file for report in reports for file in report.bad_files if not is_unplaced(file.uri)]
        bad_files += placed
        for word, there in (("written", files), ("quarantined", bad_files)):
            wanted, found = sum(getattr(item, f"rows_{word}") for item in outcomes), sum(file.rows for file in there)
            if wanted != found:
                raise AccountingError(
                    f"{unit.data_uri}: {wanted} rows were to be {word} and the Parquet files hold {found}"
                )
        return UnitResult(unit, outcomes, _by_name(files), _by_name(bad_files))

    def _place_lines(self) -> dict[int, list[WrittenFile]]:
        """Turn the line numbers of splits into line numbers of their files; return the new files by unit."""
        placements = []
        for source, reports in self._reports.items():
            lines = 0
            for report in reports:
                placements += [
                    PlaceLines(*source, file.uri, lines) for file in report.bad_files if is_unplaced(file.uri)
                ]
                lines += report.lines
        placed: dict[int, list[WrittenFile]] = defaultdict(list)
        if placements:
            for report in _without_errors(self._runner(self._context, placements)):
                placed[report.unit] += report.bad_files
            open_storage(placements[0].unplaced_uri).delete([placement.unplaced_uri for placement in placements])
        return placed

    def _check_bad_rows(self, outcomes: Sequence[Sequence[SourceOutcome]]) -> None:
        contract = self._context.contract
        bad_of_unit = [sum(outcome.rows_quarantined for outcome in of_unit) for of_unit in outcomes]
        bad, total = sum(bad_of_unit), sum(outcome.rows_read for of_unit in outcomes for outcome in of_unit)
        limits = contract.exceeded_limits(bad, total)
        if not limits:
            return
        counts: Counter[Problem] = Counter()
        for reports in self._reports.values():
            for report in reports:
                counts.update(report.bad_counts)
        units = [unit for unit, number in zip(self._work, bad_of_unit, strict=True) if number]
        raise too_many_bad_rows(contract, limits, (bad, total), counts, self._bad_samples(), units)

    def _bad_samples(self) -> Iterator[tuple[str, BadSample]]:
        """Yield the first bad rows with the keys of their files, in which their lines count."""
        for source, reports in sorted(self._reports.items()):
            lines = 0
            for report in reports:
                for sample in report.samples:
                    yield self._source(source).key, replace(sample, line=lines + sample.line)
                lines += report.lines


def _without_errors(reports: Iterable[PartReport]) -> Iterator[PartReport]:
    for report in reports:
        if report.error_kind:
            raise error_of_kind(report.error_kind, report.error_text)
        yield report


def _outcome(source: SourceFile, reports: Sequence[PartReport]) -> SourceOutcome:
    """Return the account of a file, read to its last byte and with every row written or quarantined."""
    if any(before.end != after.start for before, after in pairwise(reports)):
        raise AccountingError(f"{source.key}: its splits do not join: {[(part.start, part.end) for part in reports]}")
    if not reports or reports[-1].end != source.size:
        raise AccountingError(f"{source.key}: {source.size} bytes were listed and not all of them were read")
    outcome = SourceOutcome(
        source=source,
        rows_read=sum(report.rows_read for report in reports),
        rows_written=sum(report.rows_written for report in reports),
        rows_quarantined=sum(report.rows_quarantined for report in reports),
        rows_skipped=sum(report.rows_skipped for report in reports),
        skipped_lines=sum(report.skipped_lines for report in reports),
        header=reports[0].header,
        missing_columns=reports[0].missing,
        extra_columns=reports[0].extra,
        checksum=joined_checksum([report.checksum for report in reports]),
    )
    if outcome.rows_read != outcome.rows_written + outcome.rows_quarantined + outcome.rows_skipped:
        raise AccountingError(
            f"{source.key}: {outcome.rows_read} rows were read, {outcome.rows_written} written, "
            f"{outcome.rows_quarantined} quarantined and {outcome.rows_skipped} skipped as empty"
        )
    return outcome


def _by_name(files: Iterable[WrittenFile]) -> tuple[WrittenFile, ...]:
    return tuple(sorted(files, key=lambda file: file.uri))
