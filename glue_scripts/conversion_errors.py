"""What can be wrong with the data or its contract: each message names the file, the place and what is allowed."""

from __future__ import annotations

from errors import TerminalError
from storage import ObjectChangedError, StorageError


class ConversionError(TerminalError):
    """The data cannot be converted as the contract demands; nothing has been published."""


class UnsupportedOptionError(ConversionError):
    """A CSV option or a format is not one that the engine can honour."""


class SchemaDriftError(ConversionError):
    """The header of a file does not name the columns of the contract."""


class UnterminatedQuoteError(ConversionError):
    """A quote is opened and never properly closed, so whatever follows it cannot be told apart."""


class RecordTooLongError(ConversionError):
    """A record, or a header, has more bytes than one may have."""


class UnreadableFileError(ConversionError):
    """A file is not what its name says, such as a damaged gzip file."""


class AccountingError(ConversionError):
    """Rows read are not rows written plus rows quarantined: a defect of the engine, never of the data."""


class TooManyBadRows(ConversionError):  # noqa: N818 - the name is part of the job's documented messages
    """More rows are bad than `max_bad_fraction` or `max_bad_rows` allows."""


# What a task reports: trying it again would end the same. An object that has changed is a new one for the next run; the
# task asks for the version that was listed, however often it is tried.
REPORTED_ERRORS = (TerminalError, ObjectChangedError)


def error_of_kind(kind: str, message: str) -> Exception:
    """Return the error that a worker reported by name and message.

    Such errors travel as results: raised inside a Spark task they would be retried four times in vain and arrive
    wrapped in two stack traces.
    """
    kinds = (*ConversionError.__subclasses__(), *StorageError.__subclasses__())
    return next((found for found in kinds if found.__name__ == kind), ConversionError)(message)


def record_too_long(key: str, line: int, limit: int) -> RecordTooLongError:
    """Return the error about a record or header of more than `limit` bytes; lines count from 1."""
    return RecordTooLongError(
        f"{key}, line {line}: more than {limit} bytes without an end, which is more than a record may have; lines end "
        "with \\n, \\r\\n or \\r; where a quote is opened here and never closed mend the file, or set csv.quote = null "
        "if quotes mean nothing in it"
    )
