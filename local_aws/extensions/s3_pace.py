"""S3 at its own pace: a while until the first byte, and so many bytes a second on each connection.

S3 says of itself 100-200 ms to the first byte of small objects and 85-90 MB/s for one request:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html
Requests do not slow each other down, so what helps on AWS helps here: several at a time.
"""

from __future__ import annotations

import asyncio
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.requests import CREDENTIAL
from local_aws.settings import Settings


class S3Pace:
    """Lets requests to S3 take their time, when the settings say so."""

    def __init__(self, emulator: Emulator, settings: Settings) -> None:
        self._first_byte = settings.s3_first_byte_ms / 1000
        self._bytes_per_second = settings.s3_mb_per_second * 1_000_000
        self._app = emulator.module("app", "_dispatch_service_request")

    def install(self) -> None:
        """Put the wait around the dispatch of all services, if there is any."""
        if self._first_byte or self._bytes_per_second:
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
        """Answer a request; one to S3 after the time that its bytes take."""
        status, answered, content = await self._dispatch(method, path, headers, body, query_params, request_id)
        signed = CREDENTIAL.search(headers.get("authorization", ""))
        if signed and signed["service"] == "s3":
            seconds = self._first_byte
            if self._bytes_per_second:
                seconds += (len(body) + len(content)) / self._bytes_per_second
            await asyncio.sleep(seconds)
        return status, answered, content
