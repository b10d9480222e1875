"""The columns of files that nobody has described, from all of their rows.

The files are read by the engine's own parser, as texts, piece by piece, so that memory does not grow with them; of each
column is kept what its values have in common (inference_types). What comes out is a contract by which a conversion of
the same files sends no row to the quarantine but those of another number of values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contract import FALSE_WORDS, TRUE_WORDS, CsvOptions
from conversion_errors import SchemaDriftError, UnterminatedQuoteError
from csv_columns import UNTERMINATED
from csv_numbers import NumberFormat
from inference_dialect import NotCsvError, as_utf8, guess_dialect, guess_encoding, quotes_enclose
from inference_names import column_names
from inference_numbers import shown, with_points_for_thousands
from inference_reading import (
    HEAD_BYTES,
    ColumnIdentity,
    FileEvidence,
    OddRow,
    Question,
    UndecodableError,
    fold,
    is_mostly_utf8,
    read_evidence,
    read_head,
)
from inference_types import ANY_FORMAT, NULL_WORDS, ColumnEvidence, DateOrder, TypeChoice
from sources import SourceFile

# Tried in this order where the bytes are not UTF-8; the last one accepts all.
_OTHER_ENCODINGS = ("cp1252", "latin-1")
_NAMED = 5
# How a line begins that sums up or explains the rows above it, of which there are not many; or ends a file of DOS.
_FOOTER = re.compile(
    r"[\"'\s]*(?:\x1a|(?:(?:grand |sub)?totals?|sum|summe|gesamt|average|mean|sources?|quelle|notes?|copyright|©|"
    r"end of|generated|exported|created|\(?\d+ (?:rows?|records?|lines?))\b)",
    re.IGNORECASE,
)
_LONGEST_FOOTER = 5
# How a row begins that sums up the rows above it, and has a value for each column.
_SUM = re.compile(r"\s*(?:grand |sub)?(?:totals?|sum|summe|gesamt|gesamtsumme|somme|suma|合計)\s*:?\s*", re.IGNORECASE)
# Bytes of a file that are held at a time.
READ_AT_ONCE = 8 << 20


@dataclass(frozen=True)
class InferredColumn:
    """One column as it is proposed, and why; `written` is the name in the files, empty where they have no header.

    `source` is how a contract finds it, None where that is by its own name. `values` counts the rows that have one;
    `nulls` are the spellings that mean none. `numbers` and `null_values` are None where those of the dataset hold.
    """

    name: str
    type: str
    written: str
    source: str | None
    format: str | None
    reason: str
    example: str | None
    values: int
    nulls: tuple[str, ...]
    numbers: NumberFormat | None = None
    null_values: tuple[str, ...] | None = None

    def options(self) -> dict[str, Any]:
        """Return the column as a contract lists it; what is the default is left out."""
        options: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.source is not None:
            options["source"] = self.source
        if self.format is not None:
            options["format"] = self.format
        if self.numbers is not None:
            plain = NumberFormat()
            said = {"decimal": self.numbers.decimal, "thousands": self.numbers.thousands}
            options |= {name: mark for name, mark in said.items() if mark != getattr(plain, name)}
            if self.numbers.strip:
                options["strip"] = list(self.numbers.strip)
        if self.null_values is not None:
            options["null_values"] = list(self.null_values)
        return options


@dataclass(frozen=True)
class Inference:
    """How the files are written, what their columns are, and what else has to be known about them.

    `odd` counts the rows that no contract can load, `odd_rows` are the first of them; `drifting` says that the files do
    not all have the same columns.
    """

    csv: CsvOptions
    columns: tuple[InferredColumn, ...]
    rows: int
    odd: int
    odd_rows: tuple[OddRow, ...]
    drifting: bool
    notes: tuple[str, ...]

    def column_options(self) -> list[dict[str, Any]]:
        """Return the columns as a contract lists them."""
        return [column.options() for column in self.columns]


# Reads files to their ends; who reads many may fold what files of one header show into one.
ReadFiles = Callable[[Sequence[SourceFile], Question], Iterable[FileEvidence]]


def infer(
    sources: Sequence[SourceFile],
    csv: CsvOptions | None = None,
    *,
    dates: DateOrder | None = None,
    encoding: str | None = None,
    taken: Sequence[str] = (),
    piece_bytes: int = READ_AT_ONCE,
    read: ReadFiles | None = None,
) -> Inference:
    """Read all rows of the files of one dataset and propose its columns.

    `csv` says how they are written, None that it has to be found out; `dates` settles what could be day or month first,
    `encoding` what nothing in the files says; `taken` are names that no column may have, those of the partition keys;
    about `piece_bytes` are held at a time. Where `csv` is given, files may be read by `read`. Raises NotCsvError, and
    what a conversion raises of files that it cannot read.
    """
    heads = ((source, read_head(source)) for source in sources)
    first = next(((source, head) for source, head in heads if as_utf8(head, guess_encoding(head)).strip()), None)
    if first is None:
        raise NotCsvError(f"{_listed([source.key for source in sources])}: there is nothing in it, not even a header")
    guess = guess_dialect(first[0].key, first[1], csv, encoding=encoding, whole=len(first[1]) < HEAD_BYTES)
    question = Question(guess.csv, guess.width, encoding_told=encoding is not None)
    if csv is None:
        question, files = _read_somehow(sources, question, piece_bytes)
        question, files = _without_footer(sources, question, files, piece_bytes)
    else:
        words = NULL_WORDS if csv.null_values == CsvOptions().null_values else csv.null_values
        question = replace(question, null_words=words, told=_told(csv), as_told=True)
        files = fold(read(sources, question) if read is not None else read_each(sources, question, piece_bytes))
    return _conclude(question, files, dates, taken, detected=csv is None)


def _told(csv: CsvOptions) -> tuple[str, ...]:
    single = (("date", csv.date_format), ("timestamp", csv.timestamp_format))
    several = (("date", csv.date_formats), ("timestamp", csv.timestamp_formats))
    return tuple(f"{kind}:{text}" for kind, text in single if text) + tuple(
        f"{kind}:{ANY_FORMAT}" for kind, texts in several if texts
    )


def _counted(lines: int) -> str:
    return "a line" if lines == 1 else f"{lines} lines"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _quoted(names: Sequence[str]) -> str:
    return _listed([repr(name) for name in names])


# ------------------------------------------------------------------------------------------------------------- reading
def read_each(sources: Sequence[SourceFile], question: Question, piece_bytes: int) -> Iterator[FileEvidence]:
    """Read files one after the other."""
    return (read_evidence(source, question, piece_bytes) for source in sources)


def _read_somehow(
    sources: Sequence[SourceFile], question: Question, piece_bytes: int
) -> tuple[Question, list[FileEvidence]]:
    """Read all files, in another encoding where they are not UTF-8, and otherwise where quotes are never closed.

    Either they mean nothing, and all rows fit without them, or the row with such a quote is given up.
    """
    try:
        return _read_in_some_encoding(sources, question, piece_bytes)
    except UnterminatedQuoteError:
        by_line = replace(question.csv, quoted_newlines=False)
        ways = [by_line] if _quotes_enclose(sources, question.csv) else [replace(question.csv, quote=None), by_line]
        for csv in ways:
            other, files = _read_in_some_encoding(sources, replace(question, csv=csv), piece_bytes)
            if all(csv.quote and row.reason == UNTERMINATED[0] for file in files for row in file.odd_rows):
                return other, files
        raise


def _quotes_enclose(sources: Sequence[SourceFile], csv: CsvOptions) -> bool:
    heads = (as_utf8(read_head(source), csv.encoding) for source in sources)
    return any(quotes_enclose(head, csv.delimiter.encode()) for head in heads)


def _without_footer(
    sources: Sequence[SourceFile], question: Question, files: list[FileEvidence], piece_bytes: int
) -> tuple[Question, list[FileEvidence]]:
    """Leave out the last lines of all files where they are obviously no rows: so many in each, of words as in a footer.

    That they are the last ones is found out by reading the files without them.
    """
    odd = {file.odd for file in files if file.header is not None}
    lines = odd.pop() if len(odd) == 1 else 0
    texts = [row.text for file in files for row in file.odd_rows]
    if not 0 < lines <= _LONGEST_FOOTER or not all(map(_FOOTER.match, texts)):
        return question, files
    shorter = replace(question, csv=replace(question.csv, footer_lines=lines))
    left = [read_evidence(source, shorter, piece_bytes) for source in sources]
    rows = [file.rows - file.odd for file in files]
    if any(file.odd for file in left) or [file.rows for file in left] != rows:
        return question, files
    return shorter, left


def _read_in_some_encoding(
    sources: Sequence[SourceFile], question: Question, piece_bytes: int
) -> tuple[Question, list[FileEvidence]]:
    encodings = [question.csv.encoding]
    if encodings == ["utf-8"] and not question.encoding_told:
        encodings += _OTHER_ENCODINGS
    files: list[FileEvidence] = []
    for encoding in encodings:
        question = replace(question, csv=replace(question.csv, encoding=encoding))
        files = []
        try:
            for source in sources:
                files.append(read_evidence(source, question, piece_bytes, strict=encoding != encodings[-1]))
        except UndecodableError as error:
            if encoding == "utf-8" and is_mostly_utf8(next(source for source in sources if source.key == error.key)):
                # Read as anything else, all its other letters would be wrong.
                return question, [read_evidence(source, question, piece_bytes) for source in sources]
            _refuse_two_encodings(sources, question, error.key, piece_bytes)
            continue
        break
    return question, files


def _refuse_two_encodings(sources: Sequence[SourceFile], question: Question, key: str, piece_bytes: int) -> None:
    """Raise where a file is not UTF-8 and another one is, and not just ASCII: one dataset has one encoding."""
    if question.csv.encoding != "utf-8":
        return
    for source in sources:
        if source.key == key:
            continue
        try:
            other = read_evidence(source, question, piece_bytes, strict=True)
        except UndecodableError:
            differs = is_mostly_utf8(source)
        else:
            differs = not other.ascii
        if differs:
            raise NotCsvError(
                f"{key} is not UTF-8 and {source.key} is: the files of one dataset have one encoding, so save the one "
                "like the other"
            )


# ---------------------------------------------------------------------------------------------------------- concluding
def _conclude(
    question: Question, files: Sequence[FileEvidence], dates: DateOrder | None, taken: Sequence[str], *, detected: bool
) -> Inference:
    filled = [file for file in files if file.header is not None]
    _refuse_strangers(filled)
    merged: dict[ColumnIdentity, ColumnEvidence] = {}
    written: dict[ColumnIdentity, str] = {}
    for file in filled:
        names = file.names or ("",) * len(file.columns)
        for identity, name, evidence in zip(file.identities(), names, file.columns, strict=True):
            if identity in merged:
                merged[identity].merge(evidence)
            else:
                merged[identity], written[identity] = evidence, name
    names = column_names(list(written.values()), taken)
    sources = _sources(names, written) if question.csv.by_name else [None] * len(names)
    decisions = _doubted(names, list(merged.values()), [evidence.decide(dates) for evidence in merged.values()])
    columns = tuple(map(_column, names, written.values(), sources, merged.values(), decisions))
    csv, columns, notes = _with_nulls(question, columns, detected=detected)
    if detected:
        csv = _with_words(csv, decisions)
    drift = _drift(filled) if question.csv.by_name else None
    if detected and question.csv.encoding in _OTHER_ENCODINGS and not question.encoding_told:
        notes.append(
            f"the files are not UTF-8, and nothing in them says what else: taken for {question.csv.encoding}, as of "
            "Western Europe; if letters look wrong, say what it is, such as ENCODING=cp1250, cp1251 or cp932"
        )
    if detected and question.csv.skip_lines:
        notes.append(f"{_counted(question.csv.skip_lines)} above the header skipped, no part of the table")
    if detected and question.csv.footer_lines:
        notes.append(f"{_counted(question.csv.footer_lines)} at the end left out, no part of the table")
    if detected:
        notes += [
            f"the last row of {file.source.key} begins with {shown(file.last)}: if that sums up, it is loaded anyway"
            for file in filled
            if file.last is not None and _SUM.fullmatch(file.last)
        ][:_NAMED]
    return Inference(
        csv=csv,
        columns=columns,
        rows=sum(file.rows for file in files),
        odd=sum(file.odd for file in files),
        odd_rows=tuple(row for file in files for row in file.odd_rows),
        drifting=drift is not None,
        notes=tuple(filter(None, (drift, *notes))),
    )


def _doubted(
    names: Sequence[str], columns: Sequence[ColumnEvidence], decisions: Sequence[TypeChoice]
) -> list[TypeChoice]:
    """Leave numbers a text whose points may stand between thousands, as another column has decimal commas."""
    commas = [
        name for name, choice in zip(names, decisions, strict=True) if choice.written and choice.written.decimal == ","
    ]
    found = list(decisions)
    for place, (evidence, choice) in enumerate(zip(columns, decisions, strict=True)):
        example = with_points_for_thousands(evidence.numbers or {})
        if commas and example is not None and choice.written is None and choice.type != "string":
            reason = (
                f"ambiguous: {shown(example)} could be {example} or {example.replace('.', '')}, and {commas[0]} has "
                "decimal ','; say what decimal and thousands are"
            )
            found[place] = TypeChoice("string", None, reason)
    return found


def _with_nulls(
    question: Question, columns: Sequence[InferredColumn], *, detected: bool
) -> tuple[CsvOptions, tuple[InferredColumn, ...], list[str]]:
    """Let the spellings of null be those of the dataset, but for what is a text in another column.

    Where somebody has said what they are in the dataset, what else is found is a column's.
    """
    texts = {
        word: [column.name for column in columns if column.type == "string" and word in column.nulls]
        for word in dict.fromkeys(word for column in columns for word in column.nulls)
    }
    typed = [column for column in columns if column.type != "string"]
    shared = question.csv.null_values
    if detected:
        shared = tuple(dict.fromkeys(["", *(word for column in typed for word in column.nulls if not texts[word])]))
    found, notes = [], []
    for column in columns:
        own = [word for word in column.nulls if word not in shared] if column.type != "string" else []
        found.append(replace(column, null_values=(*shared, *own)) if own else column)
        for word in own:
            if texts[word]:
                notes.append(f"{word!r} is null in {column.name}, and a text in {_listed(texts[word])}")
    return replace(question.csv, null_values=shared), tuple(found), notes


def _with_words(csv: CsvOptions, decisions: Sequence[TypeChoice]) -> CsvOptions:
    """Let the words that say true and false in other languages do so, beside the usual ones where those occur."""
    pairs = [choice.words for choice in decisions if choice.words is not None]
    if all(yes in TRUE_WORDS and no in FALSE_WORDS for yes, no in pairs):
        return csv
    return replace(
        csv,
        true_values=tuple(dict.fromkeys([*TRUE_WORDS, *(yes for yes, _ in pairs)])),
        false_values=tuple(dict.fromkeys([*FALSE_WORDS, *(no for _, no in pairs)])),
    )


def _sources(names: Sequence[str], written: Mapping[ColumnIdentity, str]) -> list[str | None]:
    """Return how a contract finds each column: by its name, by its turn among namesakes, or else by its number."""
    spelt = Counter(written.values())
    there = Counter(name.casefold() for name in written.values())
    sources: list[str | None] = []
    for place, (name, (identity, text)) in enumerate(zip(names, written.items(), strict=True)):
        source = text
        if spelt[text] > 1:
            # Where a column is called like the turn of another one, or has no name, only its number tells.
            turns = {f"{text}.{turn}".casefold() for turn in range(1, spelt[text])}
            by_turn = (
                text and not turns & there.keys() and sum(other[0] == identity[0] for other in written) == spelt[text]
            )
            source = (f"{text}.{identity[1]}" if identity[1] else text) if by_turn else f"#{place + 1}"
        # By its own name, in any case, a column is found where no other name differs from it in case only.
        sources.append(None if text.casefold() == name and source == text and there[name] == 1 else source)
    return sources


def _column(
    name: str, written: str, source: str | None, evidence: ColumnEvidence, decision: TypeChoice
) -> InferredColumn:
    return InferredColumn(
        name=name,
        type=decision.type,
        written=written,
        source=source,
        format=decision.format,
        reason=decision.reason,
        example=evidence.example,
        values=evidence.values,
        nulls=tuple(evidence.nulls),
        numbers=decision.written,
    )


def _refuse_strangers(files: Sequence[FileEvidence]) -> None:
    """Raise where rows do not fit the header, or a file has no column of the first one."""
    for file in files:
        if file.is_strange:
            row = file.odd_rows[0]
            raise NotCsvError(
                f"{file.source.key}: {file.odd} of {file.rows} rows do not fit its header, the first in line "
                f"{row.line} ({row.reason}): {row.text[:80]!r}; mend the header or save the file again"
            )
        first, names = files[0], {name.casefold() for name in file.names}
        if file.names and not names & {name.casefold() for name in first.names}:
            raise SchemaDriftError(
                f"{file.source.key} has none of the columns of {first.source.key}: it has {_quoted(file.names)}, and "
                f"not {_quoted(first.names)}; files of another kind belong into a dataset of their own"
            )


def _drift(files: Sequence[FileEvidence]) -> str | None:
    """Return a sentence about files that lack columns of others."""
    everything = {
        identity: name for file in files for identity, name in zip(file.identities(), file.names, strict=True) if name
    }
    for file in files:
        there = set(file.identities())
        if missing := [written for name, written in everything.items() if name not in there]:
            return f"the files differ: {file.source.key} lacks {_listed(missing)}, which is null there"
    return None
