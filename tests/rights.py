"""Rights of files that count for root too: what a test closes is closed, whoever runs it."""

from __future__ import annotations

import ctypes
import os

# https://man7.org/linux/man-pages/man2/PR_CAPBSET_DROP.2const.html, and <linux/capability.h> for the numbers:
# overriding the rights of files for everything, for reading, and ports below 1024.
PR_CAPBSET_DROP, CAPABILITIES = 24, (1, 2, 10)


def as_anybody() -> None:
    """Give up what root may do against the rights of files and ports; for `preexec_fn` of a subprocess."""
    if os.geteuid() == 0:
        for capability in CAPABILITIES:
            if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")
