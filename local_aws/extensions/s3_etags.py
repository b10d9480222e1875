"""ETags of S3 as they are: an MD5 only where S3 says so, and never the same twice for objects under a KMS key.

"Objects created by the PUT Object, POST Object, or Copy operation", plain or under SSE-S3, "have ETags that are an MD5
digest of their object data"; those encrypted by SSE-C or SSE-KMS, and those made of parts, have not:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

from __future__ import annotations

import contextvars
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import first

ALGORITHM = "x-amz-server-side-encryption"
CUSTOMER_ALGORITHM = "x-amz-server-side-encryption-customer-algorithm"


@dataclass
class Renewal:
    """The ETag that ministack gave to an object and the one that it gets instead."""

    of_parts: bool
    old: str = ""
    new: str = ""


class ETags:
    """Gives objects the ETag that S3 would give them."""

    def __init__(self, emulator: Emulator) -> None:
        self._s3 = emulator.module(
            "services.s3",
            "md5_hash",
            "_put_object",
            "_upload_part",
            "_copy_object",
            "_complete_multipart_upload",
            "_record_object_version",
            "_fire_s3_event_async",
            "_resolve_sse_write_headers",
            "_multipart_uploads",
            "_completed_multipart_uploads",
        )
        self._hash: contextvars.ContextVar[str] = contextvars.ContextVar("hash", default="")
        self._renewal: contextvars.ContextVar[Renewal | None] = contextvars.ContextVar("renewal", default=None)

    def install(self) -> None:
        """Put the replacements in place."""
        self._md5_hash = self._s3.replace("md5_hash", self.md5_hash)
        self._put = self._s3.replace("_put_object", self.put_object)
        self._part = self._s3.replace("_upload_part", self.upload_part)
        self._copy = self._s3.replace("_copy_object", self.copy_object)
        self._complete = self._s3.replace("_complete_multipart_upload", self.complete_multipart_upload)
        self._record = self._s3.replace("_record_object_version", self.record_object_version)
        self._fire = self._s3.replace("_fire_s3_event_async", self.fire_event)

    def md5_hash(self, data: bytes) -> str:
        """Return the hash of what is being written, which tells nothing of data that are encrypted by a key."""
        return self._hash.get() or str(self._md5_hash(data))

    def put_object(self, bucket: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
        """Write an object."""
        headers_kept, _ = self._s3._resolve_sse_write_headers(headers, bucket)
        return self._hashing(has_key(headers_kept or {}), self._put, bucket, key, body, headers)

    def upload_part(
        self, bucket: str, key: str, body: bytes, query_params: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Write one part of an object."""
        upload = self._s3._multipart_uploads.get(first(query_params.get("uploadId"))) or {}
        encrypted = has_key(upload.get("preserved_headers") or {})
        return self._hashing(encrypted, self._part, bucket, key, body, query_params, headers)

    def _hashing(self, encrypted: bool, write: Callable[..., Any], *arguments: Any) -> Any:
        token = self._hash.set(secrets.token_hex(16) if encrypted else "")
        try:
            return write(*arguments)
        finally:
            self._hash.reset(token)

    def copy_object(self, bucket: str, key: str, headers: dict[str, str]) -> Any:
        """Copy an object: the copy was written at once, whatever its source was."""
        answer, _ = self._renewing(Renewal(of_parts=False), self._copy, bucket, key, headers)
        return answer

    def complete_multipart_upload(
        self,
        bucket: str,
        key: str,
        body: bytes,
        query_params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Make an object of its parts."""
        answer, renewal = self._renewing(
            Renewal(of_parts=True), self._complete, bucket, key, body, query_params, headers
        )
        completed = self._s3._completed_multipart_uploads.get(first(query_params.get("uploadId")))
        if renewal.new and completed:
            completed["response"] = answer
        return answer

    def _renewing(self, renewal: Renewal, write: Callable[..., Any], *arguments: Any) -> tuple[Any, Renewal]:
        token = self._renewal.set(renewal)
        try:
            status, headers, body = write(*arguments)
        finally:
            self._renewal.reset(token)
        if renewal.new:
            body = body.replace(renewal.old.strip('"').encode(), renewal.new.strip('"').encode())
        return (status, headers, body), renewal

    def record_object_version(
        self, bucket: str, key: str, prior: dict[str, Any] | None, written: dict[str, Any], data: bytes
    ) -> Any:
        """Note a written object, with its own ETag, before it becomes a version."""
        renewal = self._renewal.get()
        if renewal:
            etag = renewed_etag(written, data, of_parts=renewal.of_parts)
            if etag != written["etag"]:
                renewal.old, renewal.new = written["etag"], etag
                written["etag"] = etag
        return self._record(bucket, key, prior, written, data)

    def fire_event(self, *arguments: Any, etag: str = "", **more: Any) -> None:
        """Tell of a written object by its own ETag."""
        renewal = self._renewal.get()
        self._fire(*arguments, etag=renewal.new if renewal and renewal.new else etag, **more)


def has_key(headers: dict[str, str]) -> bool:
    """Whether an object's stored headers say that it is encrypted by a KMS key or by its owner's."""
    return headers.get(ALGORITHM, "").startswith("aws:kms") or CUSTOMER_ALGORITHM in headers


def renewed_etag(written: dict[str, Any], data: bytes, *, of_parts: bool) -> str:
    """Return the ETag, in its quotes, of an object that was copied or made of parts."""
    encrypted = has_key(written.get("preserved_headers") or {})
    if of_parts:
        count = str(written["etag"]).strip('"').rpartition("-")[2]
        return f'"{secrets.token_hex(16)}-{count}"' if encrypted else str(written["etag"])
    if encrypted:
        return f'"{secrets.token_hex(16)}"'
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
