"""The one exception callers of the local AWS have to expect, and what a person reads of errors of the machine."""

from __future__ import annotations

import errno

from botocore.exceptions import BotoCoreError, ClientError


class LocalAwsError(Exception):
    """Something a person can mend, told in one sentence."""


# What the operating system and the server of the local AWS may answer to anything that is asked of them.
MACHINE_ERRORS = (OSError, BotoCoreError, ClientError)


def told(error: OSError | BotoCoreError | ClientError) -> str:
    """Return such an error as a sentence that says where, as far as it is known, and what helps."""
    if isinstance(error, BotoCoreError):
        return f"the local AWS does not answer any more ({error}): start it again, its server.log says why it ended"
    if isinstance(error, ClientError):
        return f"the local AWS refused a call: {error}"
    place = str(error.filename or "")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space is left{place and f' for {place}'}: free some, or name another place with --directory"
    if place and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} cannot be read or written ({error.strerror}): change its rights, or name another place"
    return f"{place and f'{place}: '}{error.strerror or error}"
