"""S3's limits: keys of 1,024 bytes, pages of 1,000 entries, part numbers, and copies that it does not make."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from functools import partial
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import first

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024
# "up to 1,000": https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html, .../API_DeleteObjects.html and
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_ENTRIES = 1000
MAX_INTEGER = 2**31 - 1
# What the lists call the size of their page: in the request, and in the messages of S3.
PAGE_SIZES = {
    "_list_objects_v1": ("max-keys", "maxKeys"),
    "_list_objects_v2": ("max-keys", "maxKeys"),
    "_list_object_versions": ("max-keys", "maxKeys"),
    "_list_multipart_uploads": ("max-uploads", "maxUploads"),
    "_list_parts": ("max-parts", "maxParts"),
}
WRITES = ("_put_object", "_create_multipart_upload", "_copy_object")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_NUMBERS = range(1, 10_001)
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
MAX_COPY_BYTES = 5 * 1024**3
# What makes an object's copy onto itself another one, as the message of the refusal says, and what might as well.
CHANGES = re.compile(
    "x-amz-(storage-class|website-redirect-location|server-side-encryption|checksum-algorithm|acl|grant|object-lock)"
)
OBJECT = re.compile(rb"<(?:\w+:)?Object[\s>]")


class S3Limits:
    """Refuses what S3 refuses for its size, and caps what S3 caps."""

    def __init__(self, emulator: Emulator) -> None:
        self._s3 = emulator.module(
            "services.s3",
            "_MALFORMED_XML",
            "_bucket_encryption",
            "_buckets",
            "_delete_objects",
            "_error",
            "_upload_part_copy",
            *PAGE_SIZES,
            *WRITES,
        )

    def install(self) -> None:
        """Put the checks in front."""
        for name in WRITES:
            self._replace(name, self.write)
        self._replace("_copy_object", self.copy_object)
        self._replace("_upload_part_copy", self.upload_part_copy)
        self._replace("_delete_objects", self.delete_objects)
        for name, (parameter, argument) in PAGE_SIZES.items():
            self._replace(name, partial(self.list_page, parameter, argument))

    def _replace(self, name: str, check: Callable[..., Any]) -> None:
        original = getattr(self._s3, name)
        self._s3.replace(name, partial(check, original))

    def write(self, write: Callable[..., Any], bucket: str, key: str, *arguments: Any) -> Any:
        """Write an object, or begin to, under a key that is not too long."""
        size = len(key.encode())
        if size <= MAX_KEY_BYTES:
            return write(bucket, key, *arguments)
        sizes = {"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
        return self._s3._error("KeyTooLongError", "Your key is too long", 400, extra=sizes)

    def list_page(self, parameter: str, argument: str, listing: Callable[..., Any], *arguments: Any) -> Any:
        """List a page of at most 1,000 entries, whatever was asked for; of none, nothing follows."""
        *place, query_params = arguments
        asked = first(query_params.get(parameter))
        if not asked:
            return listing(*arguments)
        if not re.fullmatch(r"\d+", asked) or int(asked) > MAX_INTEGER:
            message = f"Argument {argument} must be an integer between 0 and {MAX_INTEGER}"
            details = {"ArgumentName": argument, "ArgumentValue": asked}
            return self._s3._error("InvalidArgument", message, 400, extra=details)
        size = min(int(asked), MAX_ENTRIES)
        status, headers, body = listing(*place, {**query_params, parameter: [str(size)]})
        if size == 0:
            body = body.replace(b"<IsTruncated>true<", b"<IsTruncated>false<")
        return status, headers, body

    def delete_objects(self, delete: Callable[..., Any], bucket: str, body: bytes, *arguments: Any) -> Any:
        """Delete at most 1,000 objects; S3 calls a longer list malformed: https://github.com/aws/aws-sdk/issues/602."""
        if len(OBJECT.findall(body)) > MAX_ENTRIES:
            return self._s3._error("MalformedXML", self._s3._MALFORMED_XML, 400)
        return delete(bucket, body, *arguments)

    def copy_object(self, copy: Callable[..., Any], bucket: str, key: str, headers: dict[str, str]) -> Any:
        """Copy an object that is not too large to a place or a form that is not its own.

        A bucket's own encryption counts as a change of each copy: https://github.com/getmoto/moto/issues/6300. So does
        a version that is named: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RestoringPreviousVersions.html
        """
        path, _, version = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
        source_bucket, _, source_key = urllib.parse.unquote(path).partition("/")
        source = (self._s3._buckets.get(source_bucket) or {}).get("objects", {}).get(source_key)
        if source is None or version:
            return copy(bucket, key, headers)
        if source["size"] > MAX_COPY_BYTES:
            message = (
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{MAX_COPY_BYTES}"
            )
            return self._s3._error("InvalidRequest", message, 400)
        onto_itself = (source_bucket, source_key) == (bucket, key) and not self._s3._bucket_encryption.get(bucket)
        if onto_itself and not changes(headers) and (source.get("storage_class") or "STANDARD") == "STANDARD":
            message = (
                "This copy request is illegal because it is trying to copy an object to itself without changing the "
                "object's metadata, storage class, website redirect location or encryption attributes."
            )
            return self._s3._error("InvalidRequest", message, 400)
        return copy(bucket, key, headers)

    def upload_part_copy(
        self, copy: Callable[..., Any], bucket: str, key: str, query_params: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Copy a part of a number that there may be; ministack checks the numbers of parts that are uploaded."""
        number = first(query_params.get("partNumber"))
        if not number.isdecimal() or int(number) not in PART_NUMBERS:
            message = "Part number must be an integer between 1 and 10000, inclusive"
            return self._s3._error("InvalidArgument", message, 400)
        return copy(bucket, key, query_params, headers)


def changes(headers: dict[str, str]) -> bool:
    """Whether a copy is asked to be anything else than its source."""
    replaces = headers.get("x-amz-metadata-directive", "").upper() == "REPLACE"
    return replaces or any(CHANGES.match(name) for name in headers)
