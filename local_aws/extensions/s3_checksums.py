"""Checksums of S3: one for every object, of the whole or of its parts, and the strict rules of multipart uploads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import contextvars
import re
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.iam import first

# "If the object was uploaded without a checksum", S3 adds this one:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_Checksum.html
DEFAULT = "CRC64NVME"
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
# What a multipart upload may ask for, its default first:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
MULTIPART_TYPES = {
    "CRC32": (COMPOSITE, FULL),
    "CRC32C": (COMPOSITE, FULL),
    "CRC64NVME": (FULL,),
    "SHA1": (COMPOSITE,),
    "SHA256": (COMPOSITE,),
}
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
COMPOSITE_VALUE = re.compile(r"-\d+$")
MIN_PART_BYTES = 5 * 1024 * 1024

ET.register_namespace("", NAMESPACE)


class Checksums:
    """Gives objects the checksums that S3 gives them, and refuses uploads whose checksums are not named all along."""

    def __init__(self, emulator: Emulator) -> None:
        self._s3 = emulator.module(
            "services.s3",
            "_buckets",
            "_object_versions",
            "_compute_s3_checksum",
            "_read_body",
            "_error",
            "_multipart_uploads",
            "_completed_multipart_uploads",
            "_create_multipart_upload",
            "_upload_part",
            "_complete_multipart_upload",
            "_copy_object",
            "_record_object_version",
            "_object_response_headers",
            "_get_object_attributes",
            "_list_objects_v1",
            "_list_objects_v2",
        )
        # The algorithm to compute over an object that is being written: None for what ministack has found, empty to
        # turn a checksum of parts into one of the whole.
        self._algorithm: contextvars.ContextVar[str | None] = contextvars.ContextVar("algorithm", default=None)

    def install(self) -> None:
        """Put the replacements in place."""
        s3 = self._s3
        self._create = s3.replace("_create_multipart_upload", self.create_multipart_upload)
        self._part = s3.replace("_upload_part", self.upload_part)
        self._complete = s3.replace("_complete_multipart_upload", self.complete_multipart_upload)
        self._copy = s3.replace("_copy_object", self.copy_object)
        self._record = s3.replace("_record_object_version", self.record_object_version)
        self._headers = s3.replace("_object_response_headers", self.object_response_headers)
        self._attributes = s3.replace("_get_object_attributes", self.get_object_attributes)
        self._list_v1 = s3.replace("_list_objects_v1", self.list_objects_v1)
        self._list_v2 = s3.replace("_list_objects_v2", self.list_objects_v2)

    # Multipart uploads

    def create_multipart_upload(self, bucket: str, key: str, headers: dict[str, str]) -> Any:
        """Start an upload; note whether its checksum will be one of the parts or of the whole."""
        algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
        asked = headers.get("x-amz-checksum-type", "")
        types = MULTIPART_TYPES.get(algorithm, ())
        if asked and asked not in types:
            name = algorithm.lower() or "null"
            message = f"The {asked} checksum type cannot be used with the {name} checksum algorithm."
            return self._s3._error("InvalidRequest", message, 400)
        status, answered, body = self._create(bucket, key, headers)
        if status == 200 and types:
            upload_id = re.search(rb"<UploadId>([^<]+)", body)
            kind = asked or types[0]
            self._s3._multipart_uploads[upload_id[1].decode() if upload_id else ""]["checksum_type"] = kind
            answered["x-amz-checksum-type"] = kind
        return status, answered, body

    def upload_part(
        self, bucket: str, key: str, body: bytes, query_params: dict[str, Any], headers: dict[str, str]
    ) -> Any:
        """Take a part, unless its checksum is of another kind than the upload was created with.

        The words are S3's: https://github.com/apache/opendal/pull/4533
        """
        upload = self._s3._multipart_uploads.get(first(query_params.get("uploadId"))) or {}
        wanted = upload.get("checksum_algorithm")
        given = [name for name in ALGORITHMS if f"x-amz-checksum-{name.lower()}" in headers]
        if wanted and given and given != [wanted]:
            message = (
                f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower()}, actual checksum Type: "
                f"{given[0].lower()}"
            )
            return self._s3._error("InvalidRequest", message, 400)
        return self._part(bucket, key, body, query_params, headers)

    def complete_multipart_upload(
        self,
        bucket: str,
        key: str,
        body: bytes,
        query_params: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Make an object of its parts, unless one is too small or a checksum is left out or wrong."""
        upload_id = first(query_params.get("uploadId"))
        upload = self._s3._multipart_uploads.get(upload_id)
        parts = named_parts(body)
        if upload is None or parts is None:
            return self._complete(bucket, key, body, query_params, headers)
        refusal = self._part_refusal(upload, parts) or self._whole_refusal(upload, parts, headers or {})
        if refusal:
            return refusal
        if upload.get("checksum_type") != FULL:
            return self._complete(bucket, key, body, query_params, headers)
        algorithm = upload.pop("checksum_algorithm")
        answer = self._writing(algorithm, self._complete, bucket, key, body, query_params, headers)
        if answer[0] != 200:
            upload["checksum_algorithm"] = algorithm
            return answer
        answer = self._with_checksum(answer, bucket, key)
        self._s3._completed_multipart_uploads[upload_id]["response"] = answer
        return answer

    def _part_refusal(self, upload: dict[str, Any], parts: list[tuple[int, dict[str, str]]]) -> Any:
        """Refuse parts without their checksum as S3 does, and small ones.

        A part that was sent with a checksum nobody had announced is not found again without it:
        https://github.com/aws/aws-sdk-go-v2/issues/3005, https://github.com/aws/aws-sdk-java-v2/issues/6518. An
        announced one has to be repeated: https://github.com/apache/opendal/pull/4580. All parts but the last have at
        least 5 MiB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
        """
        algorithm = upload.get("checksum_algorithm")
        for position, (number, checksums) in enumerate(parts):
            stored = upload["parts"].get(number)
            if stored is None:
                continue
            if not algorithm and stored.get("checksums") and not checksums:
                message = (
                    "One or more of the specified parts could not be found.  The part may not have been uploaded, or "
                    "the specified entity tag may not match the part's entity tag."
                )
                return self._s3._error("InvalidPart", message, 400)
            if algorithm and upload["checksum_type"] == COMPOSITE and algorithm not in checksums:
                message = (
                    f"The upload was created using a {algorithm.lower()} checksum. The complete request must include "
                    f"the checksum for each part. It was missing for part {number} in the request."
                )
                return self._s3._error("InvalidRequest", message, 400)
            if stored["size"] < MIN_PART_BYTES and position + 1 < len(parts):
                message = "Your proposed upload is smaller than the minimum allowed size"
                return self._s3._error("EntityTooSmall", message, 400)
        return None

    def _whole_refusal(
        self, upload: dict[str, Any], parts: list[tuple[int, dict[str, str]]], headers: dict[str, str]
    ) -> Any:
        """Refuse a checksum of the whole object that is not its own."""
        algorithm = upload.get("checksum_algorithm") or ""
        given = headers.get(f"x-amz-checksum-{algorithm.lower()}")
        if not given or upload.get("checksum_type") != FULL:
            return None
        whole = b"".join(upload["parts"][number]["body"] for number, _ in parts if number in upload["parts"])
        if self._s3._compute_s3_checksum(algorithm, whole) == given:
            return None
        message = f"The {algorithm.lower()} you specified did not match the calculated checksum."
        return self._s3._error("BadDigest", message, 400)

    # Written objects

    def copy_object(self, bucket: str, key: str, headers: dict[str, str]) -> Any:
        """Copy an object: the copy's checksum is that of the whole, by the algorithm asked for or that of the source.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
        """
        algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
        answer = self._writing(algorithm, self._copy, bucket, key, headers)
        return self._with_checksum(answer, bucket, key) if answer[0] == 200 else answer

    def _writing(self, algorithm: str, write: Callable[..., Any], *arguments: Any) -> Any:
        token = self._algorithm.set(algorithm)
        try:
            return write(*arguments)
        finally:
            self._algorithm.reset(token)

    def record_object_version(
        self, bucket: str, key: str, prior: dict[str, Any] | None, written: dict[str, Any], data: bytes
    ) -> Any:
        """Note a written object, with its own checksum, before it becomes a version."""
        algorithm = self._algorithm.get()
        if algorithm is not None:
            stored = written.get("checksums") or {}
            names = [algorithm] if algorithm else [name for name in stored if COMPOSITE_VALUE.search(stored[name])]
            if names:
                written["checksums"] = {name: self._s3._compute_s3_checksum(name, data) for name in names}
        return self._record(bucket, key, prior, written, data)

    def _with_checksum(self, answer: Any, bucket: str, key: str) -> Any:
        """Add a written object's checksum to the answer."""
        status, headers, body = answer
        stored = self._s3._buckets[bucket]["objects"][key].get("checksums") or {}
        root = ET.fromstring(body)  # noqa: S314 - written by ministack
        for name, value in stored.items():
            ET.SubElement(root, f"{{{NAMESPACE}}}Checksum{name}").text = value
            ET.SubElement(root, f"{{{NAMESPACE}}}ChecksumType").text = checksum_type(value)
        return status, headers, xml_text(root)

    # Reading

    def object_response_headers(
        self, obj: dict[str, Any], bucket: str = "", key: str = "", include_checksums: bool = False
    ) -> dict[str, str]:
        """Return an object's headers; when checksums are asked for there is always one."""
        if include_checksums:
            self._fill(obj, bucket, key)
        headers: dict[str, str] = self._headers(obj, bucket, key, include_checksums=include_checksums)
        if "x-amz-checksum-type" in headers:
            headers["x-amz-checksum-type"] = checksum_type(*obj["checksums"].values())
        return headers

    def get_object_attributes(
        self, bucket: str, key: str, headers: dict[str, str], query_params: dict[str, Any]
    ) -> Any:
        """Return an object's attributes with the checksum that it has and of what it is one."""
        version = first(query_params.get("versionId"))
        if version:
            found = [item for item in self._s3._object_versions.get((bucket, key), []) if item["version_id"] == version]
        else:
            found = [item for item in [(self._s3._buckets.get(bucket) or {}).get("objects", {}).get(key)] if item]
        asked = "Checksum" in headers.get("x-amz-object-attributes", "")
        if asked and found:
            self._fill(found[0], bucket, key)
        status, answered, body = self._attributes(bucket, key, headers, query_params)
        if status == 200 and asked:
            kind = checksum_type(*found[0]["checksums"].values())
            body = re.sub(rb"(?<=<ChecksumType>)\w+", kind.encode(), body)
        return status, answered, body

    def _fill(self, obj: dict[str, Any], bucket: str, key: str) -> None:
        """Compute the default checksum of an object that has none; only when somebody asks, as it takes a while."""
        if not obj.get("checksums"):
            data = obj.get("data") if "data" in obj else self._s3._read_body(bucket, key, obj)
            obj["checksums"] = {DEFAULT: self._s3._compute_s3_checksum(DEFAULT, data)}

    def list_objects_v1(self, bucket: str, query_params: dict[str, Any]) -> Any:
        """List objects, with the kinds of their checksums."""
        return self._with_kinds(self._list_v1(bucket, query_params), bucket, query_params)

    def list_objects_v2(self, bucket: str, query_params: dict[str, Any]) -> Any:
        """List objects, with the kinds of their checksums.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
        """
        return self._with_kinds(self._list_v2(bucket, query_params), bucket, query_params)

    def _with_kinds(self, answer: Any, bucket: str, query_params: dict[str, Any]) -> Any:
        status, headers, body = answer
        if status != 200:
            return answer
        encoded = first(query_params.get("encoding-type")) == "url"
        objects = self._s3._buckets[bucket]["objects"]
        root = ET.fromstring(body)  # noqa: S314 - written by ministack
        for entry in root.iter(f"{{{NAMESPACE}}}Contents"):
            key = entry.findtext(f"{{{NAMESPACE}}}Key") or ""
            stored = (objects.get(urllib.parse.unquote(key) if encoded else key) or {}).get("checksums") or {}
            for name in stored or (DEFAULT,):
                ET.SubElement(entry, f"{{{NAMESPACE}}}ChecksumAlgorithm").text = name
            ET.SubElement(entry, f"{{{NAMESPACE}}}ChecksumType").text = checksum_type(*stored.values())
        return status, headers, xml_text(root)


def checksum_type(*values: str) -> str:
    """Return whether checksums are of parts, which their number at the end tells, or of a whole."""
    return COMPOSITE if any(COMPOSITE_VALUE.search(value) for value in values) else FULL


def named_parts(body: bytes) -> list[tuple[int, dict[str, str]]] | None:
    """Return the parts that a completion names, in order, with their checksums; None when it is no XML."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - from a client of this machine
    except ET.ParseError:
        return None
    parts = []
    for element in root.iter():
        if local_name(element) == "Part":
            fields = {local_name(child): child.text or "" for child in element}
            checksums = {
                name.removeprefix("Checksum"): value for name, value in fields.items() if name.startswith("Checksum")
            }
            parts.append((int(fields.get("PartNumber", "0")), checksums))
    return sorted(parts, key=lambda part: part[0])


def local_name(element: ET.Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def xml_text(root: ET.Element) -> bytes:
    """Write an answer of S3."""
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
