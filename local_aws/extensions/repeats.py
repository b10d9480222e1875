"""A person's request that is repeated because its first answer was lost gets that answer again.

On a busy machine a connection can be cut after a call was done. Terraform's next attempt to create something would then
meet what its first one has created, and the apply fails for no fault of its own. SDKs give all attempts of one call the
same id: https://docs.rs/aws-runtime/latest/aws_runtime/invocation_id/index.html

AWS promises nothing of the kind, so calls with a role's rights are left alone, and so is S3: the pipeline itself has to
live with a lost answer.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.requests import CREDENTIAL
from local_aws.settings import ROOT_ACCESS_KEY

KEPT_ANSWERS = 1000
KEPT_BYTES = 64 * 1024
ATTEMPT = re.compile(r"attempt=(\d+)")


class Repeats:
    """Remembers the good answers of a person's calls that change something."""

    def __init__(self, emulator: Emulator) -> None:
        self._app = emulator.module("app", "_dispatch_service_request")
        self._answers: OrderedDict[str, tuple[int, dict[str, str], bytes]] = OrderedDict()

    def install(self) -> None:
        """Put the memory in front of the dispatch of all services."""
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
        """Answer a request, or repeat the answer to an earlier attempt of the same call."""
        call = repeatable_call(method, headers)
        attempt = ATTEMPT.search(headers.get("amz-sdk-request", ""))
        if attempt and int(attempt[1]) > 1 and call in self._answers:
            status, answered, content = self._answers[call]
            return status, dict(answered), content
        answer = await self._dispatch(method, path, headers, body, query_params, request_id)
        if call:
            self._keep(call, *answer)
        return answer

    def _keep(self, call: str, status: int, headers: dict[str, str], content: Any) -> None:
        text = content.encode() if isinstance(content, str) else content
        if status < 300 and isinstance(text, bytes) and len(text) <= KEPT_BYTES:
            self._answers[call] = (status, dict(headers), text)
            if len(self._answers) > KEPT_ANSWERS:
                self._answers.popitem(last=False)


def repeatable_call(method: str, headers: dict[str, str]) -> str:
    """Return the id of a call that may be answered twice, empty for others."""
    signed = CREDENTIAL.search(headers.get("authorization", ""))
    if method in ("GET", "HEAD") or signed is None or signed["key"] != ROOT_ACCESS_KEY or signed["service"] == "s3":
        return ""
    return headers.get("amz-sdk-invocation-id", "")
