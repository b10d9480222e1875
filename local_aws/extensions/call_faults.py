"""Faults that a test asks for: the next calls of an operation are answered with errors, as a busy AWS does.

Any call may be throttled (https://docs.aws.amazon.com/general/latest/gr/api-retries.html), and some of Glue's fail with
OperationTimeoutException or ResourceNotReadyException (https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.requests import error_answer, json_call

MESSAGES = {"ThrottlingException": "Rate exceeded", "TooManyRequestsException": "Rate exceeded"}


class CallFaults:
    """Answers calls with the errors that are waiting for them in a file."""

    def __init__(self, emulator: Emulator, file: Path) -> None:
        self._file = file
        self._app = emulator.module("app", "_dispatch_service_request")

    def install(self) -> None:
        """Put the faults in front of the dispatch of all services."""
        self._dispatch = self._app.replace("_dispatch_service_request", self.dispatch)

    async def dispatch(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
    ) -> Any:
        """Answer a request, or fail it."""
        if self._file.exists() and (call := json_call(headers, body)):
            code = self._next(f"{call.service}:{call.operation}")
            if code:
                return error_answer(code, MESSAGES.get(code, "asked for by a test"))
        return await self._dispatch(method, path, headers, body, query_params, request_id)

    def _next(self, operation: str) -> str | None:
        """Take the next error of an operation; requests are dispatched in one thread, so no two take the same."""
        waiting: dict[str, list[str]] = json.loads(self._file.read_text())
        codes = waiting.get(operation, [])
        if not codes:
            return None
        waiting[operation] = codes[1:]
        self._file.write_text(json.dumps(waiting))
        return codes[0]
