"""The raw side of the diff: listing, units of work, their fingerprints and the digest of the whole listing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote_to_bytes

from contract import SUFFIXES, DatasetContract, PartitionKey, Values
from errors import TerminalError
from storage import open_storage

# Objects of these classes cannot be read until they are restored (InvalidObjectState):
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
# What Hive writes for a null; Athena reads it as one.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
# A partition value: https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionInput.html
MAX_VALUE_LENGTH = 1024
INT_RANGES = {"int": 2**31, "bigint": 2**63}
_PARTITION_FOLDER = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class UnmatchedKeysError(TerminalError):
    """Keys below the source prefix belong to no unit and `on_unmatched` is `fail`."""


class UnmatchedKeyError(TerminalError):
    """One key belongs to no unit; the message says why."""


@dataclass(frozen=True)
class SourceFile:
    """One CSV file as the listing saw it; `size` is in bytes, `etag` as the API returns it, with its quotes.

    An archived file is listed and cannot be read.
    """

    uri: str
    key: str
    size: int
    etag: str
    archived: bool = False


@dataclass(frozen=True)
class Unit:
    """All source files with the same partition values; `raw_folder` is their Hive folder, if they lie in one."""

    values: Values
    sources: tuple[SourceFile, ...]
    raw_folder: str | None


@dataclass(frozen=True)
class Listing:
    """What lies in the raw prefix: the units, the keys that belong to none (with the reason), and the digest."""

    units: Mapping[Values, Unit]
    unmatched: Mapping[str, str]
    hidden_files: int
    digest: str


def list_units(contract: DatasetContract) -> Listing:
    """List the source prefix once and sort its files into units."""
    digest = contract.listing_fingerprint or contract.fingerprint
    units: dict[Values, list[SourceFile]] = {}
    folders: dict[Values, str] = {}
    unmatched: dict[str, str] = {}
    hidden = 0
    pattern = re.compile(contract.partition_pattern) if contract.partition_pattern is not None else None
    suffixes = tuple(suffix.lower() for suffix in contract.suffixes)
    for item in open_storage(contract.source_uri).list(contract.source_uri):
        digest = fold_digest(digest, item.key, item.etag)
        path = item.uri[len(contract.source_uri) :]
        if _is_hidden(path):
            hidden += 1
            continue
        try:
            values, folder = assign(path, contract.partition_keys, pattern, suffixes)
        except UnmatchedKeyError as error:
            unmatched[item.key] = str(error)
            continue
        if folder is not None and folders.setdefault(values, folder) != folder:
            unmatched[item.key] = (
                f"folder {folder} is the same partition as folder {folders[values]}, and the raw table can show only "
                "one of them: give every partition one folder"
            )
            continue
        units.setdefault(values, []).append(
            SourceFile(item.uri, item.key, item.size, item.etag, item.storage_class in ARCHIVED)
        )
    return Listing(
        {
            values: Unit(values, tuple(files), contract.source_uri + folders[values] if values in folders else None)
            for values, files in sorted(units.items())
        },
        unmatched,
        hidden,
        digest,
    )


def fold_digest(digest: str, key: str, etag: str) -> str:
    """Fold one listed object into the digest; the state machine folds each object in the very same way."""
    return hashlib.sha256(f"{digest}{key}{etag}".encode()).hexdigest()


def unit_fingerprint(sources: Iterable[SourceFile], contract_fingerprint: str) -> str:
    """Return the SHA-256 over the sorted `key,size,etag` lines of a unit and the fingerprint of its contract."""
    lines = sorted(f"{source.key},{source.size},{source.etag}" for source in sources)
    return hashlib.sha256("\n".join([*lines, contract_fingerprint]).encode()).hexdigest()


def refuse_unmatched(contract: DatasetContract, unmatched: Mapping[str, str]) -> None:
    """Raise when there are keys that belong to no unit and the contract does not allow them."""
    if not unmatched or contract.on_unmatched == "skip":
        return
    examples = "; ".join(f"{key}: {reason}" for key, reason in list(unmatched.items())[:5])
    raise UnmatchedKeysError(
        f"dataset {contract.dataset}: {len(unmatched)} object(s) below {contract.source_uri} belong to no unit: "
        f"{examples}. Move them away, or set on_unmatched to skip to load the others and list these in the report"
    )


def _is_hidden(path: str) -> bool:
    """Say whether readers of Hive tables skip this path too: folder markers, and names that begin with _ or a dot."""
    return not path or path.endswith("/") or any(part[:1] in ("_", ".") for part in path.split("/") if "=" not in part)


def assign(
    path: str, keys: Sequence[PartitionKey], pattern: re.Pattern[str] | None, suffixes: tuple[str, ...] = SUFFIXES
) -> tuple[Values, str | None]:
    """Return the partition values of a path below the prefix, and the Hive folder it lies in if it does.

    The name has to end in one of the suffixes, in any case.
    """
    if not path.lower().endswith(suffixes):
        raise UnmatchedKeyError(f"the name ends in none of {', '.join(suffixes)}")
    if pattern is not None:
        return _values_by_pattern(path, keys, pattern), None
    return _values_by_folder(path, keys)


def _values_by_pattern(path: str, keys: Sequence[PartitionKey], pattern: re.Pattern[str]) -> Values:
    match = pattern.search(path)
    if match is None:
        raise UnmatchedKeyError(f"partition_pattern {pattern.pattern} does not match")
    return tuple(partition_value(key, match[key.name] or "") for key in keys)


def _values_by_folder(path: str, keys: Sequence[PartitionKey]) -> tuple[Values, str | None]:
    folders = path.split("/")[:-1]
    wanted = "/".join(f"{key.name}=…" for key in keys)
    values = []
    for position, key in enumerate(keys):
        name, separator, text = (folders[position] if position < len(folders) else "").partition("=")
        if not separator or name.lower() != key.name:
            raise UnmatchedKeyError(f"it does not lie in a folder {wanted}/ below the prefix")
        values.append(partition_value(key, _unescape(text)))
    for folder in folders[len(keys) :]:
        if _PARTITION_FOLDER.fullmatch(folder):
            raise UnmatchedKeyError(f"folder {folder} looks like a partition, the partition keys are ({wanted})")
    return tuple(values), "/".join(folders[: len(keys)]) + "/" if keys else None


def _unescape(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnmatchedKeyError(f"the value {text} is not UTF-8 after URL-decoding") from error


def partition_value(key: PartitionKey, text: str) -> str:
    """Return a value in the spelling that is stored in the catalog; `07` and `7` are the same int partition."""
    if text == HIVE_NULL:
        return text
    if not 1 <= len(text) <= MAX_VALUE_LENGTH:
        raise UnmatchedKeyError(
            f"the value of {key.name} has {len(text)} characters; allowed are 1 to {MAX_VALUE_LENGTH}"
        )
    if key.type == "string":
        return text
    if key.type == "date":
        return _date_value(key, text)
    limit = INT_RANGES[key.type]
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -limit <= int(text) < limit:
        raise UnmatchedKeyError(f"the value {text} of {key.name} is no {key.type}")
    return str(int(text))


def _date_value(key: PartitionKey, text: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UnmatchedKeyError(f"the value {text} of {key.name} is no date: {error}") from error
    raise UnmatchedKeyError(f"the value {text} of {key.name} is no date; expected YYYY-MM-DD")


def partition_label(keys: Sequence[PartitionKey], values: Sequence[str]) -> str:
    """Name a unit for people: `month=2013-01`, or `(whole table)` without partition keys."""
    return ", ".join(f"{key.name}={value}" for key, value in zip(keys, values, strict=True)) or "(whole table)"
