"""What can be wrong with the data or its contract: each message names the file, the place and what is allowed."""

from __future__ import annotations

from errors import TerminalError


class ConversionError(TerminalError):
    """The data cannot be converted as the contract demands; nothing has been published."""


class UnsupportedOptionError(ConversionError):
    """A CSV option or a format is not one that the engine can honour."""


class SchemaDriftError(ConversionError):
    """The header of a file does not name the columns of the contract."""


class UnterminatedQuoteError(ConversionError):
    """A quote is opened and never properly closed, so whatever follows it cannot be told apart."""


class UnreadableFileError(ConversionError):
    """A file is not what its name says, such as a damaged gzip file."""


class AccountingError(ConversionError):
    """Rows read are not rows written plus rows quarantined: a defect of the engine, never of the data."""


class TooManyBadRows(ConversionError):  # noqa: N818 - the name is part of the job's documented messages
    """More rows are bad than `max_bad_fraction` or `max_bad_rows` allows."""


_KINDS = {
    kind.__name__: kind
    for kind in (
        UnsupportedOptionError,
        SchemaDriftError,
        UnterminatedQuoteError,
        UnreadableFileError,
        AccountingError,
        TooManyBadRows,
    )
}


def error_of_kind(kind: str, message: str) -> ConversionError:
    """Return the error that a worker reported by name and message.

    Errors of the data travel as results: raised inside a Spark task they would be retried four times in vain and
    arrive wrapped in two stack traces.
    """
    return _KINDS.get(kind, ConversionError)(message)
