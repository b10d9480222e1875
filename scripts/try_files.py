"""The files that `make try` was given: found, named as the pipeline wants them, and what their names say.

Nothing is copied: a staged file is a link to the file itself, under a name that ends in .csv or .csv.gz, is not hidden
from readers of Hive tables, and is no other file's.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "glue_scripts"))

from contract import QUARANTINE_COLUMNS
from inference_names import column_names

# What files of a folder are taken for CSV; one that is named by itself may end in anything.
ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat")
# How those may be packed; the engine tells by the first bytes.
PACKINGS = (".gz", ".bz2", ".zst", ".zip")
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
                f"no CSV files in {path}: looked for names that end in {', '.join(ENDINGS)}, also with one of "
                f"{', '.join(PACKINGS)} behind it, and found "
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
    name = name.lower()
    packing = next(filter(name.endswith, PACKINGS), "")
    return name.removesuffix(packing).endswith(ENDINGS)


def notes_on_files(path: str, folder: Path, staged: Mapping[str, Path]) -> list[str]:
    """Return what is to be known of the files: which of a folder are left out, and which get other names."""
    notes = []
    if Path(os.path.expanduser(path)).is_dir():  # noqa: PTH111 - as above
        others = sorted({file for file in folder.rglob("*") if file.is_file()} - set(staged.values()))
        names = [file.relative_to(folder) for file in others]
        # What is hidden and does not look like data was never meant to be.
        left_out = [name.as_posix() for name in names if looks_like_csv(name.name) or not _hidden(name)]
        if left_out:
            notes.append(f"left out of the folder: {_listed(left_out)}")
    for name, file in staged.items():
        if _hidden(file.relative_to(folder)):
            written = file.relative_to(folder).as_posix()
            notes.append(
                f"{written} is loaded as {name}: names that begin with _ or . are hidden from readers of Hive tables, "
                "in a bucket as well"
            )
    return notes


def _hidden(path: Path) -> bool:
    return any(map(_is_hidden, path.parts))


def _is_hidden(part: str) -> bool:
    return part.startswith((".", "_"))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def stage(folder: Path, files: Sequence[Path], target: Path) -> dict[str, Path]:
    """Link the files into an empty folder under the names that the pipeline takes; return them by those names."""
    shutil.rmtree(target, ignore_errors=True)
    staged = {}
    for file in files:
        # What is hidden from readers of Hive tables is so from the pipeline: a file that is named by somebody is meant.
        folders = [
            part.lstrip("._") or "hidden" if _is_hidden(part) else part for part in file.relative_to(folder).parts
        ]
        place, name = target.joinpath(*folders[:-1]), pipeline_name(file)
        place.mkdir(parents=True, exist_ok=True)
        link = next(
            link
            for number in count(1)
            if not (link := place / (name if number == 1 else f"copy{number}_{name}")).is_symlink()
        )
        link.symlink_to(file.resolve())
        staged[link.relative_to(target).as_posix()] = file
    return staged


def pipeline_name(file: Path) -> str:
    """Return the name of a file with the ending that says how it is compressed: the pipeline goes by names."""
    with file.open("rb") as content:
        compressed = content.read(2) == GZIP
    stem = re.sub(r"\.gz$", "", file.name.lstrip("._"), flags=re.IGNORECASE)
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
# What the job takes for the folder of a partition (sources.py), and what of it a key may be called.
_FOLDER = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_KEY = re.compile("[a-z_][a-z0-9_]*")


def propose_partitions(names: Sequence[str], columns: Sequence[str] = ()) -> PartitionProposal | None:
    """Return the partition keys that all names hold, by Hive folders or by one date in the name of the file.

    A key that has no name of its own in the files is not called like a column. None where the names hold none. Raises
    FilesError where only some files lie in folders of partitions.
    """
    found = _hive_folders(names, columns) or _date_in_name(names, columns)
    if found is None and any(_folders(name) for name in names):
        odd = next(name for name in names if _keys(name) != _keys(names[0]) or not all(dict(_folders(name)).values()))
        raise FilesError(
            f"not all files lie in folders of the same partitions: {_listed([*dict.fromkeys([names[0], odd])])}; give "
            "every file folders of the same keys, each with a value, or none of them"
        )
    return found


def _folders(name: str) -> list[tuple[str, str]]:
    """Return key and value of each folder of a partition that a file lies in."""
    matches = map(_FOLDER.fullmatch, name.split("/")[:-1])
    return [(match[1], match[2]) for match in matches if match is not None]


def _keys(name: str) -> tuple[str, ...]:
    return tuple(key.lower() for key, _ in _folders(name))


def _hive_folders(names: Sequence[str], columns: Sequence[str]) -> PartitionProposal | None:
    """Return the keys of the folders as readers of Hive tables take them, or a pattern that finds them elsewhere.

    Such folders come first, and their keys are what a partition key may be called.
    """
    keys = _keys(names[0])
    if not keys or any(_keys(name) != keys or not all(value for _, value in _folders(name)) for name in names):
        return None
    told = f"folders {'/'.join(keys)}=…"
    reserved = [name for name, _ in QUARANTINE_COLUMNS]
    come_first = all(_FOLDER.fullmatch(part) for name in names for part in name.split("/")[: len(keys)])
    if come_first and all(map(_KEY.fullmatch, keys)) and column_names(keys, reserved) == keys:
        return PartitionProposal(tuple((key, "string") for key in keys), None, told)
    called = column_names(keys, [*reserved, *columns])
    spelt = ["|".join(sorted({re.escape(_folders(name)[place][0]) for name in names})) for place in range(len(keys))]
    groups = [
        f"{f'(?:{written})' if '|' in written else written}=(?P<{key}>[^/]+)/"
        for written, key in zip(spelt, called, strict=True)
    ]
    pattern = "(?:^|/)" + "(?:[^/]+/)*?".join(groups)
    return PartitionProposal(tuple((key, "string") for key in called), pattern, told)


def _date_in_name(names: Sequence[str], columns: Sequence[str]) -> PartitionProposal | None:
    for number, (key, kind, pattern) in enumerate(_DATES):
        bounded = re.compile(rf"(?<!\d){pattern}(?!\d)")
        dates = [bounded.findall(name) for name in names]
        if all(len(found) == 1 and (kind != "date" or _is_day(found[0])) for found in dates):
            name = column_names([f"file_{key}"], columns)[0] if key in columns else key
            behind = r"\.csv" if all(re.search(rf"{pattern}\.csv", each) for each in names) else ""
            before = "_" if all(re.search(rf"_{pattern}", each) for each in names) else ""
            proposed = f"{before}(?P<{name}>{_SIMPLE[number]}){behind}"
            return PartitionProposal(((name, kind),), proposed, f"a {key} in the name of each file")
    return None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def without_date(stem: str) -> str:
    """Return the name of a file without the date in it: what the files of one dataset have in common."""
    for _, _, pattern in _DATES:
        stem = re.sub(rf"(?<!\d){pattern}(?!\d)", "", stem)
    return stem.strip("-_. ")
