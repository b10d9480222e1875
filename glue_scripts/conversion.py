"""The conversion engine: units of CSV files to Parquet files and a quarantine, every row accounted for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from contract import DatasetContract
from conversion_errors import AccountingError, ConversionError, TooManyBadRows, error_of_kind
from conversion_plan import Settings, Task, UnitWork, as_stream, plan_tasks
from conversion_quarantine import UNPLACED
from conversion_runners import Runner, in_process, on_spark
from conversion_task import Job, PartReport, PlaceLines, open_quote_error
from csv_dialect import dialect_of
from csv_parsing import contract_types
from sources import SourceFile
from storage import open_storage

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["ConversionError", "ConversionResult", "OutputFile", "SourceOutcome", "UnitWork", "convert_units"]

# Bad rows named in the message of TooManyBadRows.
_NAMED_BAD_ROWS = 5

SourceId = tuple[int, int]


@dataclass(frozen=True)
class SourceOutcome:
    """What became of one source file; always rows_read == rows_written + rows_quarantined."""

    key: str
    values: tuple[str, ...]
    size: int
    rows_read: int
    rows_written: int
    rows_quarantined: int
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]


@dataclass(frozen=True)
class OutputFile:
    """One Parquet file of the data; `size` is in bytes."""

    uri: str
    values: tuple[str, ...]
    rows: int
    size: int


@dataclass(frozen=True)
class ConversionResult:
    """What one call has read and written, sources and files in the order of the units."""

    outcomes: tuple[SourceOutcome, ...]
    files: tuple[OutputFile, ...]


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
) -> ConversionResult:
    """Convert all units of a run.

    Tasks run on `spark`, or by `runner`, or without either one after the other in this process; `slots` is how many
    run at the same time. Nothing that is written counts until the caller publishes it. Raises a ConversionError that
    names file and line when the data cannot be trusted, and TooManyBadRows when too much of it is bad.
    """
    check_options(contract)
    if spark is not None:
        runner = runner or on_spark(spark)
        slots = slots or spark.sparkContext.defaultParallelism
    job = Job(contract, settings or Settings(), run_id)
    run = _Run(job, runner or in_process, work)
    tasks = plan_tasks(work, dialect_of(contract), job.settings, contract.target_file_mb, slots or 1)
    run.convert(tasks)
    result = run.result()
    run.place_lines()
    return result


class _Run:
    """The reports of one call, by source."""

    def __init__(self, job: Job, runner: Runner, work: Sequence[UnitWork]) -> None:
        self._job, self._runner, self._work = job, runner, work
        self._reports: dict[SourceId, list[PartReport]] = defaultdict(list)

    def convert(self, tasks: Sequence[Task]) -> None:
        """Run the tasks; a file whose splits were cut wrongly is read again from beginning to end."""
        self._collect(self._runner(self._job, tasks))
        again = [self._restart(tasks, source) for source in self._wrongly_cut()]
        self._collect(self._runner(self._job, again))

    def _collect(self, reports: Iterable[PartReport]) -> None:
        for report in reports:
            if report.error_kind:
                raise error_of_kind(report.error_kind, report.error_text)
            self._reports[report.unit, report.source_number].append(report)
        for found in self._reports.values():
            found.sort(key=lambda report: (report.start, report.end))

    def _source(self, source: SourceId) -> SourceFile:
        return self._work[source[0]].sources[source[1]]

    def _wrongly_cut(self) -> list[SourceId]:
        """Return the files with a split that ends inside quotes; in the last split that is the file's own fault.

        The first split begins outside quotes. A split that begins right and ends outside quotes proves the next cut
        right, so if all are closed all cuts are proven.
        """
        wrong = []
        for source, reports in self._reports.items():
            first_open = next((report for report in reports if not report.closed), None)
            if first_open is None:
                continue
            if first_open.end == self._source(source).size:
                lines = sum(report.lines for report in reports if report.start < first_open.start)
                raise open_quote_error(self._source(source).key, lines + first_open.open_line + 1)
            wrong.append(source)
        return wrong

    def _restart(self, tasks: Sequence[Task], source: SourceId) -> Task:
        """Forget what was made of a file and return the task that makes it again."""
        leftovers = [
            uri for report in self._reports.pop(source) for uri in (*report.file_uris, *report.quarantine_uris)
        ]
        if leftovers:
            open_storage(leftovers[0]).delete(leftovers)
        for task in tasks:
            part = task.parts[0]
            if (part.unit, part.source_number) == source and part.start == 0:
                return as_stream(task, part)
        raise AssertionError(f"no task reads the beginning of {self._source(source).key}")

    def place_lines(self) -> None:
        """Turn the line numbers of splits into line numbers of their files."""
        placements = []
        for reports in self._reports.values():
            lines = 0
            for report in reports:
                placements += [PlaceLines(uri, lines) for uri in report.quarantine_uris if UNPLACED in uri]
                lines += report.lines
        if placements:
            for _ in self._runner(self._job, placements):
                pass
            open_storage(placements[0].unplaced_uri).delete([placement.unplaced_uri for placement in placements])

    def result(self) -> ConversionResult:
        """Return the accounts, having checked them."""
        outcomes, files = [], []
        for unit_number, unit in enumerate(self._work):
            for source_number, source in enumerate(unit.sources):
                reports = self._reports[unit_number, source_number]
                outcomes.append(_outcome(source, unit, reports))
                files += [file for report in reports for file in _files(unit, report)]
        _check_accounts(outcomes, files)
        self._check_bad_rows(outcomes)
        return ConversionResult(tuple(outcomes), tuple(sorted(files, key=lambda file: file.uri)))

    def _check_bad_rows(self, outcomes: Sequence[SourceOutcome]) -> None:
        contract = self._job.contract
        bad = sum(outcome.rows_quarantined for outcome in outcomes)
        total = sum(outcome.rows_read for outcome in outcomes)
        limits = []
        if bad > contract.max_bad_fraction * total:
            limits.append(f"max_bad_fraction = {contract.max_bad_fraction:g} ({bad / total:.4%} are bad)")
        if contract.max_bad_rows is not None and bad > contract.max_bad_rows:
            limits.append(f"max_bad_rows = {contract.max_bad_rows}")
        if limits:
            named = "; ".join(self._named_bad_rows())
            raise TooManyBadRows(
                f"dataset {contract.dataset}: {bad} of {total} rows are bad, more than {' and '.join(limits)} allows. "
                f"First: {named}"
            )

    def _named_bad_rows(self) -> Iterator[str]:
        named = 0
        for source, reports in sorted(self._reports.items()):
            lines = 0
            for report in reports:
                for line, reason in zip(report.sample_lines, report.sample_reasons, strict=True):
                    if named < _NAMED_BAD_ROWS:
                        yield f"{self._source(source).key} line {lines + line}: {reason}"
                        named += 1
                lines += report.lines


def _outcome(source: SourceFile, unit: UnitWork, reports: Sequence[PartReport]) -> SourceOutcome:
    if any(before.end != after.start for before, after in pairwise(reports)):
        raise AccountingError(f"{source.key}: its splits do not join: {[(part.start, part.end) for part in reports]}")
    if not reports or reports[-1].end != source.size:
        raise AccountingError(f"{source.key}: {source.size} bytes were listed and not all of them were read")
    return SourceOutcome(
        key=source.key,
        values=unit.values,
        size=source.size,
        rows_read=sum(report.rows_read for report in reports),
        rows_written=sum(report.rows_written for report in reports),
        rows_quarantined=sum(report.rows_quarantined for report in reports),
        missing_columns=reports[0].missing,
        extra_columns=reports[0].extra,
    )


def _files(unit: UnitWork, report: PartReport) -> Iterator[OutputFile]:
    for uri, rows, size in zip(report.file_uris, report.file_rows, report.file_sizes, strict=True):
        yield OutputFile(uri, unit.values, rows, size)


def _check_accounts(outcomes: Sequence[SourceOutcome], files: Sequence[OutputFile]) -> None:
    for outcome in outcomes:
        if outcome.rows_read != outcome.rows_written + outcome.rows_quarantined:
            raise AccountingError(
                f"{outcome.key}: {outcome.rows_read} rows were read, {outcome.rows_written} written and "
                f"{outcome.rows_quarantined} quarantined"
            )
    written, in_files = sum(outcome.rows_written for outcome in outcomes), sum(file.rows for file in files)
    if written != in_files:
        raise AccountingError(f"{written} rows were to be written and the Parquet files hold {in_files}")
