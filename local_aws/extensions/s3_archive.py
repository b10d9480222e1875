"""S3's archives: what lies in GLACIER or DEEP_ARCHIVE is listed and cannot be read until it is restored.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html. ministack refuses to read such objects;
here copies of them are refused as well, and a copy is in STANDARD unless it asks for another class.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from local_aws.extensions.hooks import Emulator

STORAGE_CLASS = "x-amz-storage-class"


class Archive:
    """Guards the sources of copies."""

    def __init__(self, emulator: Emulator) -> None:
        self._s3 = emulator.module(
            "services.s3",
            "_ARCHIVE_STORAGE_CLASSES",
            "_buckets",
            "_copy_object",
            "_error",
            "_sync_restore",
            "_upload_part_copy",
        )

    def install(self) -> None:
        """Put the replacements in place."""
        self._copy = self._s3.replace("_copy_object", self.copy_object)
        self._copy_part = self._s3.replace("_upload_part_copy", self.upload_part_copy)

    def copy_object(self, bucket: str, key: str, headers: dict[str, str]) -> Any:
        """Copy an object that can be read.

        "If the x-amz-storage-class header is not used, the copied object will be stored in the STANDARD Storage Class":
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        refusal = self._refusal(headers)
        return refusal or self._copy(bucket, key, {STORAGE_CLASS: "STANDARD", **headers})

    def upload_part_copy(self, bucket: str, key: str, query_params: dict[str, Any], headers: dict[str, str]) -> Any:
        """Copy a part from an object that can be read."""
        return self._refusal(headers) or self._copy_part(bucket, key, query_params, headers)

    def _refusal(self, headers: dict[str, str]) -> Any:
        path = urllib.parse.unquote(headers.get("x-amz-copy-source", "").partition("?")[0]).lstrip("/")
        bucket, _, key = path.partition("/")
        source = (self._s3._buckets.get(bucket) or {}).get("objects", {}).get(key)
        if source is None or source.get("storage_class") not in self._s3._ARCHIVE_STORAGE_CLASSES:
            return None
        if self._s3._sync_restore(bucket, key, source) == "restored":
            return None
        # In S3's words: https://github.com/s3tools/s3cmd/pull/193
        message = "Operation is not valid for the source object's storage class"
        return self._s3._error("InvalidObjectState", message, 403)
