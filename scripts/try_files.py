"""The files that `make try` was given: found, named as the pipeline wants them, and what their names say.

Nothing is copied: a staged file is a link to the file itself, under a name that ends in .csv or .csv.gz.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What files of a folder are taken for CSV; one that is named by itself may end in anything.
ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat")
GZIP = b"\x1f\x8b"
_SHOWN = 5


class FilesError(Exception):
    """There is nothing to load; the message says what was looked for and what was found."""


@dataclass(frozen=True)
class PartitionProposal:
    """The partition keys that the names of the files hold: names with types, and the pattern, None for Hive folders."""

    keys: tuple[tuple[str, str], ...]
    pattern: str | None
    told: str


def find_files(path: str) -> tuple[Path, list[Path]]:
    """Return the folder that names are taken from, and the files, of a file, a folder or a glob.

    Raises FilesError.
    """
    place = Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's fails where there is no such person
    if not path:
        raise FilesError("say which files: CSV= names a file, a folder or a pattern such as 'data/*.csv'")
    if place.is_dir():
        found = sorted(file for file in place.rglob("*") if file.is_file() and not _hidden(file.relative_to(place)))
        files = [file for file in found if looks_like_csv(file.name)]
        if not files:
            raise FilesError(
                f"no CSV files in {path}: looked for names that end in {', '.join(ENDINGS)}, also with .gz, and found "
                f"{_listed([file.name for file in found]) or 'nothing'}"
            )
        return place, files
    if place.exists() and not place.is_file():
        raise FilesError(f"{path} is a pipe or a device, and files are read more than once: save it as a file")
    if place.exists():
        return place.parent, [place]
    files = sorted(file for file in map(Path, glob.glob(str(place), recursive=True)) if file.is_file())  # noqa: PTH207
    if not files:
        what = "no file matches" if glob.has_magic(path) else "there is no file or folder"
        raise FilesError(f"{what} {path}: CSV= names a file, a folder or a pattern such as 'data/*.csv'")
    return Path(os.path.commonpath([file.parent for file in files])), files


def looks_like_csv(name: str) -> bool:
    """Say whether a name is that of a text table, compressed or not."""
    return name.lower().removesuffix(".gz").endswith(ENDINGS)


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def stage(folder: Path, files: Sequence[Path], target: Path) -> dict[str, Path]:
    """Link the files into an empty folder under the names that the pipeline takes; return them by those names."""
    shutil.rmtree(target, ignore_errors=True)
    staged = {}
    for file in files:
        relative = file.relative_to(folder)
        link = target / relative.parent / pipeline_name(file)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())
        staged[link.relative_to(target).as_posix()] = file
    return staged


def pipeline_name(file: Path) -> str:
    """Return the name of a file with the ending that says how it is compressed: the pipeline goes by names."""
    with file.open("rb") as content:
        compressed = content.read(2) == GZIP
    stem = re.sub(r"\.gz$", "", file.name, flags=re.IGNORECASE)
    stem = stem if stem.lower().endswith(".csv") else f"{stem}.csv"
    return f"{stem}.gz" if compressed else stem


# ---------------------------------------------------------------------------------------------------- names of files
# What a date in a file's name may look like, the longest first: the partition key that it becomes, its type and regex.
_DATES = (
    ("day", "date", r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"),
    ("day", "string", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    ("month", "string", r"(?:19|20)\d{2}-(?:0[1-9]|1[0-2])"),
    ("month", "string", r"(?:19|20)\d{2}_(?:0[1-9]|1[0-2])"),
    ("month", "string", r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])"),
    ("year", "int", r"(?:19|20)\d{2}"),
)
_SIMPLE = {0: r"\d{4}-\d{2}-\d{2}", 1: r"\d{8}", 2: r"\d{4}-\d{2}", 3: r"\d{4}_\d{2}", 4: r"\d{6}", 5: r"\d{4}"}
_HIVE = re.compile(r"([a-z_][a-z0-9_]*)=[^/]+")


def propose_partitions(names: Sequence[str], columns: Sequence[str] = ()) -> PartitionProposal | None:
    """Return the partition keys that all names hold, by Hive folders or by one date in the name of the file.

    A key is not called like a column. None where the names hold none.
    """
    return _hive_folders(names) or _date_in_name(names, columns)


def _hive_folders(names: Sequence[str]) -> PartitionProposal | None:
    keys = {tuple(_HIVE.fullmatch(part)[1] for part in name.split("/")[:-1] if _HIVE.fullmatch(part)) for name in names}  # type: ignore[index]
    if len(keys) != 1 or not (found := keys.pop()):
        return None
    # The folders have to come first: anything before them would be another layout.
    if not all(_HIVE.fullmatch(part) for name in names for part in name.split("/")[: len(found)]):
        return None
    return PartitionProposal(tuple((key, "string") for key in found), None, f"folders {'/'.join(found)}=…")


def _date_in_name(names: Sequence[str], columns: Sequence[str]) -> PartitionProposal | None:
    for number, (key, kind, pattern) in enumerate(_DATES):
        bounded = re.compile(rf"(?<!\d){pattern}(?!\d)")
        if all(len(bounded.findall(name)) == 1 for name in names):
            name = f"file_{key}" if key in columns else key
            behind = r"\.csv" if all(re.search(rf"{pattern}\.csv", each) for each in names) else ""
            before = "_" if all(re.search(rf"_{pattern}", each) for each in names) else ""
            proposed = f"{before}(?P<{name}>{_SIMPLE[number]}){behind}"
            return PartitionProposal(((name, kind),), proposed, f"a {key} in the name of each file")
    return None


def without_date(stem: str) -> str:
    """Return the name of a file without the date in it: what the files of one dataset have in common."""
    for _, _, pattern in _DATES:
        stem = re.sub(rf"(?<!\d){pattern}(?!\d)", "", stem)
    return stem.strip("-_. ")
