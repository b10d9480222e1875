"""An S3 client in memory, as far as the storage asks it."""

# ruff: noqa: N803 - the names of the API

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError, IncompleteReadError


class FakeS3:
    """One bucket in memory; `break_at` ends a body early as a broken connection does.

    `seconds` is how long a request takes; `most_at_once` tells how many there were at the same time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.most_at_once = self._at_once = 0
        self._counting = threading.Lock()
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.calls: list[str] = []
        self.break_at: int | None = None

    @staticmethod
    def error(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")

    @contextmanager
    def _request(self) -> Iterator[None]:
        with self._counting:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self.seconds)
        yield
        with self._counting:
            self._at_once -= 1

    def get_object(self, Bucket: str, Key: str, Range: str = "", IfMatch: str = "") -> dict[str, Any]:
        self.calls.append(f"get {Range} {IfMatch}".strip())
        with self._request():
            return self._get(Key, Range, IfMatch)

    def _get(self, Key: str, Range: str, IfMatch: str) -> dict[str, Any]:
        if Key == "secret":
            raise self.error("AccessDenied")
        if Key not in self.objects:
            raise self.error("NoSuchKey")
        data, etag = self.objects[Key], f'"{len(self.objects[Key])}"'
        if IfMatch and IfMatch != etag:
            raise self.error("PreconditionFailed")
        start, _, end = Range.removeprefix("bytes=").partition("-")
        if Range and int(start) >= len(data):
            raise self.error("InvalidRange")
        body = data[int(start or 0) : int(end) + 1 if end else None]
        broken, self.break_at = self.break_at, None
        return {"ETag": etag, "Body": io.BytesIO(body) if broken is None else BrokenBody(body[:broken])}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> dict[str, str]:
        with self._request():
            self.objects[Key] = Body
        return {"ETag": f'"{len(Body)}"'}

    def create_multipart_upload(self, Key: str, **arguments: str) -> dict[str, str]:
        self.uploads[Key] = {}
        return {"UploadId": "u"}

    def upload_part(self, Key: str, PartNumber: int, Body: bytes, **arguments: str) -> dict[str, str]:
        with self._request():
            self.uploads[Key][PartNumber] = Body
        return {"ETag": str(PartNumber)}

    def complete_multipart_upload(self, Key: str, MultipartUpload: Any, **arguments: str) -> dict[str, str]:
        parts = self.uploads.pop(Key)
        self.objects[Key] = b"".join(parts[part["PartNumber"]] for part in MultipartUpload["Parts"])
        return {"ETag": f'"many-{len(parts)}"'}

    def abort_multipart_upload(self, Bucket: str, Key: str, UploadId: str) -> None:
        del self.uploads[Key]

    def delete_objects(self, Bucket: str, Delete: Any) -> dict[str, Any]:
        keys = [item["Key"] for item in Delete["Objects"]]
        self.calls.append(f"delete {len(keys)}")
        return {"Errors": [{"Key": key, "Code": "AccessDenied", "Message": "no"} for key in keys if key == "locked"]}

    def get_paginator(self, operation: str) -> Any:
        pages: list[dict[str, Any]] = [
            {
                "Contents": [
                    {"Key": key, "Size": len(data), "ETag": '"e"', "LastModified": datetime.now(timezone.utc)}
                    for key, data in list(self.objects.items())[first : first + 2]
                ]
            }
            for first in range(0, len(self.objects), 2)
        ]

        class Paginator:
            def paginate(self, **arguments: str) -> list[dict[str, Any]]:
                return pages or [{}]

        return Paginator()


class BrokenBody(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
        return data
