"""Whether trying again can help: every exception of the job is one of two kinds, and says so by its class.

- The job tries transient errors again where they arise: botocore single requests, the catalog single entries of a batch
  and conditional updates, Spark single tasks.
- A worker reports a terminal error as a result, so that Spark does not repeat its task in vain.
- A run that ended with either is not started again by the state machine: the next execution settles what is left.
"""

from __future__ import annotations


class TerminalError(Exception):
    """Trying again changes nothing: the data, the contract, a right or the code has to change first."""


class TransientError(Exception):
    """Another run may succeed although nobody changed anything."""
