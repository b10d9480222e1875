"""What may not stand among the arguments of a Glue job: names that Glue keeps for itself, and more than fits."""

from __future__ import annotations

import json
from typing import Any

# "AWS Glue uses the following arguments internally and you should never use them":
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
# Older editions of that page count --conf among them, today's offers it "for advanced use cases".
RESERVED = ("--JOB_NAME", "--debug", "--endpoint", "--mode")
# "A validation check will raise an error if the argument size is greater than 260KB" (same page); which KB and what is
# counted is not said, so the smaller one and the whole JSON.
MAX_BYTES = 260_000


def argument_problem(*sources: dict[str, Any] | None) -> str | None:
    """Return why Glue must not be given these arguments, None when it may.

    Args:
        sources: maps of arguments, a later one overriding the earlier ones.
    """
    merged: dict[str, Any] = {}
    for source in sources:
        merged.update(source or {})
    if reserved := [name for name in RESERVED if name in merged]:
        return (
            f"{', '.join(reserved)}: AWS Glue uses the arguments {', '.join(RESERVED)} internally, so they must not be "
            "set; choose another name"
        )
    size = len(json.dumps(merged, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_BYTES:
        return f"The arguments are {size:,} bytes long, AWS Glue takes at most 260 KB"
    return None
