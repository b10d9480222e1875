"""The one exception callers of the local AWS have to expect."""

from __future__ import annotations


class LocalAwsError(Exception):
    """Something a person can mend, told in one sentence."""
