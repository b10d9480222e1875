"""An S3 client in memory, as far as the storage asks it."""

# ruff: noqa: N803 - the names of the API

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
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
        # Keys of a listing's answer; S3's are 1,000.
        self.page_keys = 2
        self.hides_folders = False
        # Whether a folder is named in which the key lies that a listing begins behind: documented is neither.
        self.names_begun_folder = False

    @staticmethod
    def error(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": "no"}}, "Call")

    @contextmanager
    def _request(self) -> Iterator[None]:
        with self._counting:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(self.seconds)
        try:
            yield
        finally:
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

    def copy(self, CopySource: Any, Bucket: str, Key: str, Config: Any) -> None:
        self.calls.append(f"copy {CopySource['Key']}")
        with self._request():
            self.objects[Key] = self._get(CopySource["Key"], "", "")["Body"].read()

    def head_object(self, Bucket: str, Key: str) -> dict[str, str]:
        return {"ETag": f'"{len(self.objects[Key])}"'}

    def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str,
        StartAfter: str = "",
        ContinuationToken: str = "",
        Delimiter: str = "",
        OptionalObjectAttributes: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Answer as S3 does: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
        after = StartAfter or ContinuationToken.removeprefix("behind ")
        self.calls.append(f"{'folders' if Delimiter else 'list'} {after}".strip())
        with self._request():
            if "secret" in (Prefix, StartAfter) or (Delimiter and self.hides_folders):
                raise self.error("AccessDenied")
            # A page of objects is told by the last of them, one of folders by the last folder.
            rows: dict[str, bool] = {}
            for key in sorted(self.objects, key=str.encode):
                head, found, _ = key[len(Prefix) :].partition(Delimiter) if Delimiter else (key, "", "")
                row = f"{Prefix}{head}{found}" if found else key
                begins_behind = key if self.names_begun_folder and StartAfter else row
                if key.startswith(Prefix) and begins_behind.encode() > after.encode():
                    rows[row] = bool(found)
            page = list(rows)[: self.page_keys]
        answer: dict[str, Any] = {
            "Contents": [
                {"Key": key, "Size": len(self.objects[key]), "ETag": '"e"', "LastModified": datetime.now(timezone.utc)}
                for key in page
                if not rows[key]
            ],
            "CommonPrefixes": [{"Prefix": key} for key in page if rows[key]],
            "IsTruncated": len(rows) > len(page),
        }
        # S3 names none of the two where there is nothing to name.
        answer = {name: value for name, value in answer.items() if value != []}
        return {**answer, "NextContinuationToken": f"behind {page[-1]}"} if answer["IsTruncated"] else answer


class BrokenBody(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
        return data
