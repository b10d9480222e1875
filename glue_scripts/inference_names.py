"""Column names that need no quotes in a query, made of the names that stand in the headers of files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# A column of such a name needs quotes in every SELECT statement; planning refuses it by the same list (locals.tf).
# https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html
RESERVED_WORDS = frozenset(
    (
        "all", "alter", "and", "as", "between", "by", "case", "cast", "constraint", "create", "cross", "cube",
        "current_catalog", "current_date", "current_path", "current_schema", "current_time", "current_timestamp",
        "current_user", "deallocate", "delete", "describe", "distinct", "drop", "else", "end", "escape", "except",
        "execute", "exists", "extract", "false", "first", "for", "from", "full", "group", "grouping", "having", "in",
        "inner", "insert", "intersect", "into", "is", "join", "last", "left", "like", "listagg", "localtime",
        "localtimestamp", "natural", "normalize", "not", "null", "on", "or", "order", "outer", "prepare", "recursive",
        "right", "rollup", "select", "skip", "table", "then", "trim", "true", "uescape", "union", "unnest", "using",
        "values", "when", "where", "with",
    )
)  # fmt: skip
# Room for a number behind it, within the 255 characters of Glue:
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_LONGEST = 240


def column_names(header: Sequence[str], taken: Iterable[str] = ()) -> tuple[str, ...]:
    """Return a name of `[a-z0-9_]` for each name of a header, none of them twice, reserved or among those taken.

    Accents are taken off; what is reserved gets the number 1, what is there already the next one from 2; what has no
    name, or none of these letters, is called by its position.
    """
    used, names = set(taken), []
    for place, written in enumerate(header, 1):
        stem = plain_name(written) or f"column_{place}"
        name, number = stem, 1
        while name in used or name in RESERVED_WORDS:
            number += name != stem or stem not in RESERVED_WORDS
            name = f"{stem}_{number}"
        used.add(name)
        names.append(name)
    return tuple(names)


def plain_name(written: str) -> str:
    """Return a text as lower-case letters, digits and underscores, the first no digit; empty if nothing is left."""
    bare = unicodedata.normalize("NFKD", written.replace("ß", "ss")).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "_", bare.lower()).strip("_")[:_LONGEST]
    # Names that begin with an underscore need backticks in DDL, so a letter goes before a digit:
    # https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
    return f"c{name}" if name[:1].isdigit() else name
