"""`make try CSV=path`: somebody's own CSV files through the whole pipeline, on this machine, with no AWS account.

Reads all rows of a file, a folder or a pattern of files, says of each column what it is and why, writes the `datasets`
block that describes them, applies it with real Terraform to the local AWS, loads the files and ends at a SQL prompt;
without a terminal, at a first query. The status is 1 when something went wrong or rows were bad.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_aws import LocalAws, LocalAwsError
from local_aws.console import interrupt, say
from local_aws.errors import MACHINE_ERRORS
from local_aws.errors import told as told_by_system
from local_aws.progress import run_watched
from local_aws.report_facts import definition_of, execution_facts, lake_facts
from local_aws.report_page import write_page
from local_aws.sql_output import aligned, printable
from local_aws.sql_prompt import converse, history_file
from scripts.try_documents import dataset_options, datasets_block, local_contract, stack
from scripts.try_files import (
    FilesError,
    PartitionProposal,
    find_files,
    notes_on_files,
    propose_partitions,
    stage,
    without_date,
)

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "glue_scripts"))

from contract import CsvOptions  # noqa: E402 - the job's modules are flat files in a folder of their own
from errors import TerminalError  # noqa: E402
from inference import Inference, infer  # noqa: E402
from inference_names import RESERVED_WORDS, plain_name  # noqa: E402
from sources import SourceFile  # noqa: E402
from storage import open_storage  # noqa: E402

# What the module allows by itself of bad rows, and how many are shown.
_ALLOWED_BAD, _SHOWN_BAD = 0.01, 20
_LONGEST_NAME = 90
_LONGEST_EXAMPLE, _LONGEST_SOURCE = 24, 30


class TryError(Exception):
    """The files cannot be tried; the message is one sentence for whoever gave them."""


class Trial:
    """One dataset of somebody's files: where they are, what was found out, and the local AWS that loads them."""

    def __init__(self, arguments: argparse.Namespace, directory: Path) -> None:
        folder, files = find_files(arguments.path)
        self.name = arguments.name or dataset_name(arguments.path, files)
        if not name_is_allowed(self.name):
            raise TryError(
                f"NAME={self.name} is no name of a table: it holds at most 90 lower-case letters, "
                "digits and underscores, begins with a letter, and is no reserved word of SQL"
            )
        self.dates, self.encoding = arguments.dates, arguments.encoding
        self.directory = directory / self.name
        self.data = self.directory / "data"
        self.stack = self.directory / "stack"
        self.page_file = self.directory / "report.html"
        self.aws = LocalAws(directory=self.directory / "aws", port=arguments.port)
        if not self.aws.is_up:
            shutil.rmtree(self.directory / "lake", ignore_errors=True)
        self.files = stage(folder, files, self.data)
        self.notes = notes_on_files(arguments.path, folder, self.files)

    def look(self) -> Inference:
        """Read all rows and say what was found."""
        storage = open_storage(f"{self.data}/")
        sources = [
            SourceFile(item.uri, str(self.files[item.uri.removeprefix(f"{self.data}/")]), item.size, item.etag)
            for item in storage.list(f"{self.data}/")
        ]
        say(f"Reading all rows of {counted(len(sources), 'file')}, {sum(item.size for item in sources):,} bytes")
        first = propose_partitions(list(self.files))
        told: Mapping[str, Any] = {"dates": self.dates, "encoding": self.encoding}
        found = infer(sources, **told)
        self.partitions = propose_partitions(list(self.files), [column.name for column in found.columns])
        if self.partitions and first and self.partitions.pattern is None:
            # Names of Hive folders are given, so a column of such a name has to take another.
            found = infer(sources, **told, taken=[key for key, _ in self.partitions.keys])
        return found

    def write(self, found: Inference) -> str:
        """Write the block, the stack that holds it and the contract; return the block."""
        bad = found.odd / max(found.rows, 1)
        partitions = (self.partitions.keys, self.partitions.pattern) if self.partitions else None
        options = dataset_options(
            found.column_options(),
            csv_options(found.csv),
            partitions,
            drifting=found.drifting,
            max_bad_fraction=math.ceil(bad * 100) / 100 if bad > _ALLOWED_BAD else None,
        )
        block = datasets_block(self.name, options)
        shutil.rmtree(self.stack, ignore_errors=True)
        self.stack.mkdir(parents=True)
        module = Path(os.path.relpath(ROOT, self.stack)).as_posix()
        (self.directory / "datasets.tfvars").write_text(block)
        (self.stack / "main.tf").write_text(stack(module, "try", block))
        lake = self.directory / "lake"
        (self.directory / "contract.json").write_text(local_contract(self.name, f"{self.data}/", f"{lake}/", options))
        return block

    def load(self) -> dict[str, Any]:
        """Apply the stack, upload the files and run the pipeline; return the dataset's figures."""
        say("\n== Start the local AWS")
        self.aws.start()
        say(f"   answers at {self.aws.endpoint}")
        say("== terraform apply")
        outputs = self.aws.apply(self.stack)
        say("== Upload the files and execute the state machine")
        self.aws.put(self.data, f"s3://{outputs['raw_bucket']}/{self.name}/")
        result = run_watched(self.aws, margin="   ", say=say)
        report = {"executions": [execution_facts("first load", result)], **lake_facts(self.aws, [self.name])}
        write_page(self.page_file, f"Report of {self.name}", report, definition_of(self.aws))
        say(f"   report: {shown(self.page_file)}")
        if result.status != "SUCCEEDED":
            raise TryError(f"the execution ended as {result.status}: {result.cause}")
        figures: dict[str, Any] = result.output["datasets"][self.name]
        return figures

    def show_bad_rows(self) -> None:
        """Print the quarantined rows with where they stand."""
        rows = self.aws.sql(
            f"SELECT source_file, line_number AS line, reason, column_name, raw_text FROM {self.name}_quarantine "  # noqa: S608
            f"ORDER BY 1, 2 LIMIT {_SHOWN_BAD}"
        )
        say(f"\nRows that were not loaded (table {self.name}_quarantine):")
        say(indented(aligned(rows)))

    def show_first_rows(self) -> None:
        """Print a first query and its answer."""
        query = f"SELECT * FROM {self.name} LIMIT 5"  # noqa: S608 - a name that was checked
        say(f"\n{query}")
        rows = self.aws.sql(query)
        say(indented(aligned(rows) if rows else "no rows"))

    def take_down(self) -> None:
        """Stop the local AWS; what it held is gone with it, what was written beside it stays."""
        self.aws.stop()


# ------------------------------------------------------------------------------------------------------------ the words
def dataset_name(path: str, files: Sequence[Path]) -> str:
    """Return the name of a dataset after the folder, or the file, that holds it, without a date in it."""
    place = Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's fails where there is no such person
    if place.is_dir():
        candidates = [place.resolve().name]
    else:
        stems = [without_date(file.name.split(".")[0]) for file in files]
        together = os.path.commonprefix(stems)  # noqa: RUF071 - letters are compared, not folders
        candidates = [together, files[0].resolve().parent.name]
    for candidate in candidates:
        name = plain_name(without_date(candidate))[:_LONGEST_NAME]
        if name:
            return f"{name}_data" if name in RESERVED_WORDS else name
    return "files"


def name_is_allowed(name: str) -> bool:
    """Say whether planning accepts a name of a dataset."""
    return plain_name(name) == name and len(name) <= _LONGEST_NAME and name not in RESERVED_WORDS


def csv_options(csv: CsvOptions) -> dict[str, Any]:
    """Return the options that are not the default, as a contract spells them."""
    usual, options = CsvOptions(), {}
    for field in dataclasses.fields(CsvOptions):
        value = getattr(csv, field.name)
        if value != getattr(usual, field.name):
            options[field.name] = list(value) if isinstance(value, tuple) else value
    return options


def describe(found: Inference, partitions: PartitionProposal | None, files: int, notes: Sequence[str]) -> str:
    """Return what was found out: how the files are written, a line for each column, and what else is to be known."""
    rows = [
        {
            "column": column.name,
            "type": " ".join(filter(None, (column.type, column.format))),
            "in the file": shortened(column.written, _LONGEST_SOURCE) if found.csv.header else f"#{place}",
            "example": shortened(column.example or "", _LONGEST_EXAMPLE),
            "decided because": told(column.reason, column.nulls if column.type != "string" else ()),
        }
        for place, column in enumerate(found.columns, 1)
    ]
    lines = [
        f"{counted(found.rows, 'row')} in {counted(files, 'file')}; {dialect(found.csv)}",
        "",
        indented(listed(rows)),
        "",
    ]
    if partitions:
        keys = ", ".join(key for key, _ in partitions.keys)
        lines.append(f"partitioned by {keys}: {partitions.told}")
    lines += [f"note: {printable(note)}" for note in (*notes, *found.notes)]
    if found.odd:
        lines.append(f"{counted(found.odd, 'row')} cannot be loaded:")
        lines += [f"   {row.key}, line {row.line}: {row.reason}: {row.text[:100]!r}" for row in found.odd_rows[:5]]
    return "\n".join(lines)


def told(reason: str, nulls: Sequence[str]) -> str:
    """Return why a column is what it is, with the spellings of null found in it."""
    spelled = [repr(word) if word else "empty" for word in nulls]
    return f"{reason}; null is {', '.join(spelled)}" if spelled else reason


def dialect(csv: CsvOptions) -> str:
    """Return how the files are written, in words."""
    names = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
    words = [f"values between {names.get(csv.delimiter, repr(csv.delimiter))}", f"encoding {csv.encoding}"]
    words.append("names in the first line" if csv.header else "no header, columns are named by position")
    if csv.quote != '"':
        words.append(f"quoted with {csv.quote}" if csv.quote else "quotes mean nothing")
    if not csv.quoted_newlines:
        words.append("quotes end with their line")
    if csv.escape:
        words.append(f"escaped with {csv.escape}")
    if csv.comment:
        words.append(f"comments begin with {csv.comment}")
    return ", ".join(words)


def listed(rows: Sequence[dict[str, str]]) -> str:
    """Return rows under their names; the last value of each may be as long as it likes."""
    names = list(rows[0])
    widths = [max(len(line) for line in (name, *(row[name] for row in rows))) for name in names]
    lines = [names, *(list(row.values()) for row in rows)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def shortened(text: str, length: int) -> str:
    """Return a text in one line of a limited length."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def counted(number: int, what: str) -> str:
    """Return a number with its word."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def indented(text: str) -> str:
    """Return lines with a margin."""
    return "\n".join(f"   {line}" for line in text.splitlines())


def shown(path: Path) -> Path:
    """Return a path as a person in the project's folder would write it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


# ----------------------------------------------------------------------------------------------------------------- main
def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make try", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", help="a CSV file, a folder of them, or a pattern")
    parser.add_argument("--name", help="name of the dataset, and so of its table")
    parser.add_argument("--dates", choices=("day", "month"), help="what comes first where a date could be either")
    parser.add_argument("--encoding", help="how the files are encoded where nothing in them says it: cp1250, cp932 …")
    parser.add_argument("--port", type=int, default=4566, help="the port of the local AWS")
    parser.add_argument("--keep", action="store_true", help="leave everything running for queries")
    parser.add_argument("--only-look", action="store_true", help="propose and write the description, and load nothing")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "try", help="where everything is written")
    return parser.parse_args(argv)


def try_files(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    directory = arguments.directory.resolve()
    trial = Trial(arguments, directory)
    found = trial.look()
    say("\n" + describe(found, trial.partitions, len(trial.files), trial.notes))
    block = trial.write(found)
    say(f"\nFor your own stack ({shown(trial.directory / 'datasets.tfvars')}):\n\n{block}")
    if arguments.only_look:
        return 1 if found.odd else 0
    finished = False
    try:
        figures = trial.load()
        if figures["rows_quarantined"]:
            trial.show_bad_rows()
        trial.show_first_rows()
        if sys.stdin.isatty() and sys.stdout.isatty():
            say("")
            converse(trial.aws, history_file(directory))
        finished = True
    finally:
        if not (finished and arguments.keep):
            trial.take_down()
    if arguments.keep:
        command = f".venv/bin/python -m local_aws --directory {shown(trial.directory / 'aws')}"
        say(f"\nStill running. To query it and to stop it:\n   {command} sql\n   {command} down")
    return 1 if figures["rows_quarantined"] else 0


def main(argv: Sequence[str]) -> int:
    """Try files; every failure is one sentence."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return try_files(parse_args(argv))
    except (FilesError, TryError, LocalAwsError, TerminalError) as error:
        say(f"\ntry: {error}")
    except MACHINE_ERRORS as error:
        say(f"\ntry: {told_by_system(error)}")
    except KeyboardInterrupt:
        say("\ntry: interrupted")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
