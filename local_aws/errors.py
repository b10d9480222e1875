"""The one exception callers of the local AWS have to expect, and what a person reads of the machine's own errors."""

from __future__ import annotations

import errno


class LocalAwsError(Exception):
    """Something a person can mend, told in one sentence."""


def told(error: OSError) -> str:
    """Return an error of the operating system as a sentence that says where, as far as it is known, and what helps."""
    place = str(error.filename or "")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space is left{place and f' for {place}'}: free some, or name another place with --directory"
    if place and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} cannot be read or written ({error.strerror}): change its rights, or name another place"
    return f"{place and f'{place}: '}{error.strerror or error}"
