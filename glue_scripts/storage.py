"""Bytes by URI: `s3://bucket/key` through boto3, anything else as a path of the local file system.

A storage holds no connection, so it can be pickled into Spark tasks; every process opens its own client once.
Reads take the ETag that the listing saw: a file that is overwritten while the job runs is then an error and not a
mixture of two versions.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import os
import re
import secrets
import shutil
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, Protocol, TypeVar, cast
from urllib.parse import unquote, urlsplit

import boto3
import botocore
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.utils import parse_timestamp

from errors import TerminalError, TransientError
from storage_listing import Folders, Page, pages_in_order

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Throttling and transient errors are retried with exponential backoff and jitter by botocore itself:
# https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html
# A service that is silent for a minute is asked again as well:
# https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
# How requests are called in CloudTrail and S3's access logs. botocore puts a name of its own together for each request
# anew, which takes an eighth of the CPU of reading a small object (docs/benchmarks.md).
CLIENT_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 8},
    max_pool_connections=32,
    connect_timeout=10,
    read_timeout=60,
    user_agent=f"csv-to-parquet Boto3/{boto3.__version__} Botocore/{botocore.__version__} Python/{python_version()}",
)

# A part of a multipart upload may be 5 MiB to 5 GiB and there may be 10,000 of them:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024 * 1024
# Parts of one upload that are on their way at the same time; each is held in memory.
PARTS_AT_ONCE = 5
# Up to this size an object goes in one request: in parts it would be there no sooner, because two more are needed.
ONE_REQUEST_BYTES = 16 * 1024 * 1024
# Requests of one process at the same time; botocore holds a connection for each.
REQUESTS_AT_ONCE = 16
# Copies on their way at the same time; the parts of a big one go side by side as well, and all have their connections.
COPIES_AT_ONCE = 8
COPYING = TransferConfig(max_concurrency=4)
# DeleteObjects takes up to 1,000 keys: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETE_KEYS = 1000
# As much of a body is read in one go; joining smaller pieces of it took three times the CPU.
BODY_BYTES = 8 * 1024 * 1024
# botocore retries requests, not a response body that breaks off while it is being read.
BODY_ATTEMPTS = 5
_BODY_ERRORS = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)

# Codes of errors that pass by themselves and come with a status below 500; botocore has retried them in vain:
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_TRANSIENT_CODES = frozenset(
    (
        "ConcurrentModificationException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ResourceNotReadyException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    )
)

_Result = TypeVar("_Result")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")
# Inside the classes below the name `list` is their method.
_Strings = list[str]


class StorageError(Exception):
    """An object could not be read, written, listed or deleted; the message names the call and the object."""


class StorageRefusedError(StorageError, TerminalError):
    """The request itself is refused, as without a right: it would be refused again."""


class StorageUnavailableError(StorageError, TransientError):
    """The storage did not answer, or not rightly, however often it was asked."""


class ObjectMissingError(StorageError, TerminalError):
    """The object or folder does not exist."""


class ObjectChangedError(StorageError, TransientError):
    """The object is not the version that was asked for: it was overwritten after it had been listed."""


@dataclass(frozen=True)
class StoredObject:
    """One listed object: `key` is the whole S3 key, or the path below the listed folder; `size` is in bytes.

    An archived object that has been restored counts as one of class STANDARD.
    """

    uri: str
    key: str
    size: int
    etag: str
    modified: datetime
    storage_class: str = "STANDARD"


class ObjectWriter(Protocol):
    """An object while it is being written; `etag` is known once the `with` block has ended."""

    etag: str

    def write(self, data: Any, /) -> int:
        """Add bytes and return how many."""

    def tell(self) -> int:
        """Return how many bytes were written."""


class Storage(Protocol):
    """What the job needs of a place that holds objects."""

    def read_bytes(self, uri: str, etag: str | None = None) -> bytes:
        """Return the whole object."""

    def read_range(self, uri: str, start: int, end: int, etag: str | None = None) -> bytes:
        """Return the bytes from `start` up to, not including, `end`; shorter where the object ends before."""

    def open_read(self, uri: str, etag: str | None = None) -> BinaryIO:
        """Open the object for streaming from its first byte."""

    def write_bytes(self, uri: str, data: bytes) -> str:
        """Write the object and return its ETag; readers see nothing or all of it."""

    def open_write(self, uri: str) -> AbstractContextManager[ObjectWriter]:
        """Open an object for writing that comes into being only when the `with` block ends without an exception."""

    def list(self, prefix_uri: str) -> Iterator[StoredObject]:
        """Yield all objects below the prefix in the order of S3, that is by the bytes of the key."""

    def copy(self, source_uri: str, target_uri: str) -> str:
        """Copy an object within the same kind of storage, not through this process; return the copy's ETag."""

    def delete(self, uris: Iterable[str]) -> None:
        """Delete the objects; what is already gone is no error."""


def open_storage(uri: str) -> Storage:
    """Return the storage that a URI lives in: s3:// (also s3a:// and s3n://), file:// or a local path."""
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme in ("s3", "s3a", "s3n"):
        return S3Storage()
    if scheme in ("", "file"):
        return LocalStorage()
    raise StorageRefusedError(
        f"cannot open {uri}: the scheme {scheme}:// is unknown, allowed are s3://, file:// and local paths"
    )


def is_local(uri: str) -> bool:
    """Say whether a URI names a place in the local file system."""
    return isinstance(open_storage(uri), LocalStorage)


def folder_uri(uri: str) -> str:
    """Return the canonical URI of a folder: absolute, ending in a slash, local paths without `file://`."""
    canonical = str(local_path(uri)) if is_local(uri) else uri
    return canonical.rstrip("/") + "/"


def local_path(uri: str) -> Path:
    """Return the absolute path that a file:// URI or a local path names."""
    plain = unquote(urlsplit(uri).path) if uri.startswith("file://") else uri
    return Path(os.path.abspath(Path(plain).expanduser()))  # noqa: PTH100 - resolve() would follow symbolic links


# ------------------------------------------------------------------------------------------------------------------ S3
class Once(Generic[_Result]):
    """What a process has one of: made at the first call, in whichever thread; calls meanwhile wait for it.

    functools.cache would make one in every thread that asks before the first is there:
    https://docs.python.org/3/library/functools.html#functools.cache
    """

    def __init__(self, make: Callable[[], _Result]) -> None:
        """Make nothing yet."""
        functools.update_wrapper(self, make)
        self._make, self._lock = make, threading.Lock()
        self._made: list[_Result] = []

    def __call__(self) -> _Result:
        """Return it."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]

    def forget(self) -> None:
        """Let the next call make another."""
        with self._lock:
            self._made.clear()


def aws_region() -> str | None:
    """Return the region that this process acts in, None where nothing tells.

    boto3 knows AWS_DEFAULT_REGION and the configuration file; runtimes of AWS set AWS_REGION, which it does not read:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/configuration.html
    """
    return _session().region_name or os.environ.get("AWS_REGION")


@Once
def _session() -> boto3.Session:
    """Return this process's session: making one takes longer than converting a small file.

    It looks for the region in the environment whenever it is asked.
    """
    return boto3.Session()


def act_in_region(region: str | None) -> None:
    """Let all clients that this process opens from now on act in a region; None changes nothing.

    For the workers of a cluster: without a region boto3 asks S3 in us-east-1, and other services not at all.
    """
    if region:
        os.environ["AWS_DEFAULT_REGION"] = region


@Once
def s3_client() -> S3Client:
    """Return this process's S3 client; boto3 clients are safe to share among threads, making them is not.

    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html
    """
    core = botocore.session.get_session()
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_timestamp)
    session = boto3.Session(botocore_session=core)
    return session.client("s3", region_name=aws_region(), config=CLIENT_CONFIG)


def read_timestamp(value: Any) -> datetime:
    """Return a time that AWS names; those of listed objects take botocore by itself longer than all the rest of them.

    S3 spells them 2009-10-12T17:50:30.000Z: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    if isinstance(value, str) and _TIMESTAMP.fullmatch(value):
        try:
            return datetime.fromisoformat(f"{value[:-1]}+00:00")
        except ValueError:
            pass  # no such day or hour: let botocore say so
    return parse_timestamp(value)


@Once
def request_threads() -> ThreadPoolExecutor:
    """Return the threads in which this process waits for S3."""
    return ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="storage")


def in_background(uri: str, action: Callable[[], _Result]) -> Future[_Result]:
    """Begin to act on a storage: on S3 in a thread of its own, on a local disk, which needs no waiting for, at once."""
    if not is_local(uri):
        return request_threads().submit(action)
    done: Future[_Result] = Future()
    done.set_result(action())
    return done


def copy_all(copies: Iterable[tuple[str, str]]) -> list[str]:
    """Copy objects, on S3 several at a time; return the ETags of the copies.

    The first that fails is raised; none is begun behind it, and none is on its way any more by then.
    """
    etags: list[str] = []
    running: deque[Future[str]] = deque()
    try:
        for source, target in copies:
            if len(running) == COPIES_AT_ONCE:
                etags.append(running.popleft().result())
            running.append(in_background(target, functools.partial(open_storage(target).copy, source, target)))
        while running:
            etags.append(running.popleft().result())
    finally:
        wait([copy for copy in running if not copy.cancel()])
    return etags


_waits = threading.local()


@contextmanager
def waiting() -> Iterator[None]:
    """Note what happens meanwhile as waiting for a storage, in this thread."""
    begin = time.perf_counter()
    try:
        yield
    finally:
        _waits.seconds = waited_seconds() + time.perf_counter() - begin


def waited_seconds() -> float:
    """Return how long this thread has waited for storages."""
    return float(getattr(_waits, "seconds", 0.0))


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Say whether an AWS request that failed for good, retries included, may succeed another time."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return status >= 500 or error.response.get("Error", {}).get("Code") in _TRANSIENT_CODES
    return isinstance(error, (HTTPClientError, BotocoreConnectionError))


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an s3:// URI, taken literally (keys may hold `?`, `#` and `%`)."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket:
        raise StorageRefusedError(f"{uri} names no bucket; expected s3://bucket/key")
    return bucket, key


def _s3_call(call: str, uri: str, action: Callable[[], _Result]) -> _Result:
    """Run one S3 request and name the call and the object when it fails for good."""
    try:
        with waiting():
            return action()
    except ClientError as error:
        detail = error.response.get("Error", {})
        code, text = detail.get("Code", "Unknown"), detail.get("Message", "")
        message = f"S3 {call} {uri}: {code}: {text}"
        if code in ("NoSuchKey", "404", "NotFound", "NoSuchBucket"):
            raise ObjectMissingError(message) from error
        if code in ("PreconditionFailed", "412"):
            raise ObjectChangedError(f"{message} (the object was overwritten while the job ran: run again)") from error
        raise _failure(error)(message) from error
    except BotoCoreError as error:
        raise _failure(error)(f"S3 {call} {uri}: {type(error).__name__}: {error}") from error


def _failure(error: ClientError | BotoCoreError) -> type[StorageError]:
    return StorageUnavailableError if is_transient(error) else StorageRefusedError


def crc32_text(data: bytes) -> str:
    """Return the CRC32 of bytes as S3 spells it: base64 of the big-endian number."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode("ascii")


class S3Storage:
    """Objects in S3."""

    def read_bytes(self, uri: str, etag: str | None = None) -> bytes:
        """Return the whole object."""
        with self.open_read(uri, etag) as stream:
            return stream.read()

    def read_range(self, uri: str, start: int, end: int, etag: str | None = None) -> bytes:
        """Return the bytes [start, end) of the object."""
        if end <= start:
            return b""
        with cast(BinaryIO, _S3Reader(uri, etag, start, end)) as stream:
            return stream.read()

    def open_read(self, uri: str, etag: str | None = None) -> BinaryIO:
        """Open the object for streaming; a connection that breaks is resumed where it broke, on the same version."""
        return cast(BinaryIO, io.BufferedReader(_S3Reader(uri, etag, 0, None), buffer_size=1024 * 1024))

    def write_bytes(self, uri: str, data: bytes) -> str:
        """Write the object in one request and return its ETag."""
        bucket, key = split_s3_uri(uri)
        return _s3_call("PutObject", uri, lambda: s3_client().put_object(Bucket=bucket, Key=key, Body=data))["ETag"]

    @contextmanager
    def open_write(self, uri: str) -> Iterator[ObjectWriter]:
        """Upload what is big in parts, as it is written; an exception aborts the upload and leaves no object."""
        writer = _S3Writer(uri)
        try:
            yield writer
        except BaseException:
            writer.abort()
            raise
        writer.finish()

    def list(self, prefix_uri: str) -> Generator[StoredObject, None, None]:
        """Yield the objects below the prefix, of a long listing with the next pages on their way."""
        _, prefix = split_s3_uri(prefix_uri)
        with closing(pages_in_order(_S3Pages(prefix_uri), prefix, request_threads())) as pages:
            while True:
                with waiting():
                    page = next(pages, None)
                if page is None:
                    return
                yield from page

    def copy(self, source_uri: str, target_uri: str) -> str:
        """Copy within S3; boto3 turns objects above 8 MiB into multipart copies by itself, and names no ETag."""
        source, target = split_s3_uri(source_uri), split_s3_uri(target_uri)
        origin: Any = {"Bucket": source[0], "Key": source[1]}
        _s3_call("CopyObject", source_uri, lambda: s3_client().copy(origin, *target, Config=COPYING))
        return _s3_call("HeadObject", target_uri, lambda: s3_client().head_object(Bucket=target[0], Key=target[1]))[
            "ETag"
        ]

    def delete(self, uris: Iterable[str]) -> None:
        """Delete up to 1,000 objects per request."""
        by_bucket: dict[str, _Strings] = {}
        for uri in uris:
            bucket, key = split_s3_uri(uri)
            by_bucket.setdefault(bucket, []).append(key)
        for bucket, keys in by_bucket.items():
            for first in range(0, len(keys), DELETE_KEYS):
                self._delete_batch(bucket, keys[first : first + DELETE_KEYS])

    @staticmethod
    def _delete_batch(bucket: str, keys: _Strings) -> None:
        request: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        place = f"s3://{bucket}/{keys[0]}"
        answer = _s3_call("DeleteObjects", place, lambda: s3_client().delete_objects(Bucket=bucket, Delete=request))
        if failed := answer.get("Errors", []):
            first = failed[0]
            passing = first.get("Code") in (*_TRANSIENT_CODES, "InternalError", "ServiceUnavailable")
            raise (StorageUnavailableError if passing else StorageRefusedError)(
                f"S3 DeleteObjects s3://{bucket}/{first.get('Key')}: {first.get('Code')}: {first.get('Message')} "
                f"({len(failed)} of {len(keys)} objects were not deleted)"
            )


class _S3Pages:
    """What S3 lists below a prefix, an answer at a time."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._bucket, _ = split_s3_uri(uri)

    def page(self, prefix: str, after: str, token: str | None) -> Page[StoredObject]:
        """Return objects."""
        answer = self._ask(prefix, after, token, OptionalObjectAttributes=["RestoreStatus"])
        return Page([self._stored(item) for item in answer.get("Contents", [])], answer.get("NextContinuationToken"))

    def folders(self, prefix: str, after: str, token: str | None) -> Folders:
        """Return folders; who may list the objects may be forbidden to ask for these (s3:delimiter).

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
        """
        try:
            answer = self._ask(prefix, after, token, Delimiter="/")
        except StorageRefusedError:
            return Folders((), 0, None)
        keys = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
        return Folders(keys, len(answer.get("Contents", [])), answer.get("NextContinuationToken"))

    def _ask(self, prefix: str, after: str, token: str | None, **more: Any) -> Mapping[str, Any]:
        request = {"Bucket": self._bucket, "Prefix": prefix, **more}
        if token is not None:
            request["ContinuationToken"] = token
        elif after:
            request["StartAfter"] = after
        return _s3_call("ListObjectsV2", self._uri, lambda: s3_client().list_objects_v2(**request))

    def _stored(self, item: Mapping[str, Any]) -> StoredObject:
        # A restored copy expires; until then the object is listed with a date and can be read.
        restored = "RestoreExpiryDate" in item.get("RestoreStatus", {})
        storage_class = "STANDARD" if restored else item.get("StorageClass", "STANDARD")
        uri = f"s3://{self._bucket}/{item['Key']}"
        return StoredObject(uri, item["Key"], item["Size"], item["ETag"], item["LastModified"], storage_class)


class _S3Reader(io.RawIOBase):
    """A range of one version of an object as a stream that survives broken connections."""

    def __init__(self, uri: str, etag: str | None, start: int, end: int | None) -> None:
        super().__init__()
        self._uri, self._etag, self._position, self._end = uri, etag, start, end
        self._body: Any = None
        self._open()

    def _open(self) -> None:
        bucket, key = split_s3_uri(self._uri)
        request: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if self._position or self._end is not None:
            request["Range"] = f"bytes={self._position}-{'' if self._end is None else self._end - 1}"
        if self._etag:
            request["IfMatch"] = self._etag
        try:
            answer = _s3_call("GetObject", self._uri, lambda: s3_client().get_object(**request))
        except StorageError as error:
            # A range that begins at or behind the end of the object is "not satisfiable"; for a reader it is the end.
            cause = error.__cause__
            if not (isinstance(cause, ClientError) and cause.response["Error"].get("Code") in ("InvalidRange", "416")):
                raise
            self._body = io.BytesIO()
            return
        self._etag = answer["ETag"]
        self._body = answer["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self._read(BODY_BYTES), b""))

    def _read(self, size: int) -> bytes:
        for attempt in range(1, BODY_ATTEMPTS + 1):
            try:
                data: bytes = self._body.read(size)
            except _BODY_ERRORS as error:
                if attempt == BODY_ATTEMPTS:
                    raise StorageUnavailableError(
                        f"S3 GetObject {self._uri}: the connection broke {BODY_ATTEMPTS} times at byte "
                        f"{self._position}: {error}"
                    ) from error
                self._body.close()
                self._open()
            else:
                self._position += len(data)
                return data
        raise AssertionError("unreachable: the last attempt returns or raises")

    def close(self) -> None:
        if self._body is not None and not self.closed:
            self._body.close()
        super().close()


class _S3Writer(io.RawIOBase):
    """Bytes on their way into one S3 object: one request when small, a multipart upload otherwise.

    Parts are uploaded while more is written. What fails is raised by a later call, at the latest by `finish`.

    Every part carries its CRC32, which is announced when the upload begins and repeated part by part when it is
    completed: S3 refuses an upload whose three steps differ. boto3 from 1.36 on adds one to the parts alone, older ones
    add none: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompletedPart.html,
    https://github.com/aws/aws-sdk-go-v2/issues/3005
    """

    def __init__(self, uri: str) -> None:
        super().__init__()
        self._uri = uri
        self._bucket, self._key = split_s3_uri(uri)
        self._buffer = bytearray()
        self._written = 0
        self._upload_id: str | None = None
        self._uploading: deque[Future[dict[str, Any]]] = deque()
        self._parts: list[dict[str, Any]] = []
        self.etag = ""

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        self._buffer += data
        size = len(memoryview(data).cast("B"))
        self._written += size
        # What is left goes last and alone, so it is kept small.
        while len(self._buffer) > (ONE_REQUEST_BYTES if self._upload_id is None else PART_BYTES):
            with memoryview(self._buffer) as written:
                part = bytes(written[:PART_BYTES])
            self._send_part(part)
            del self._buffer[:PART_BYTES]
        return size

    def _send_part(self, data: bytes) -> None:
        if self._upload_id is None:
            started = _s3_call(
                "CreateMultipartUpload",
                self._uri,
                lambda: s3_client().create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ChecksumAlgorithm="CRC32"
                ),
            )
            self._upload_id = started["UploadId"]
        number = len(self._parts) + len(self._uploading) + 1
        while len(self._uploading) >= PARTS_AT_ONCE:
            with waiting():
                self._parts.append(self._uploading.popleft().result())
        self._uploading.append(request_threads().submit(self._upload_part, self._upload_id, number, data))

    def _upload_part(self, upload_id: str, number: int, data: bytes) -> dict[str, Any]:
        checksum = crc32_text(data)
        answer = _s3_call(
            "UploadPart",
            self._uri,
            lambda: s3_client().upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=upload_id,
                PartNumber=number,
                Body=data,
                ChecksumCRC32=checksum,
            ),
        )
        return {"ETag": answer["ETag"], "PartNumber": number, "ChecksumCRC32": checksum}

    def finish(self) -> None:
        """Make the object visible."""
        if self._upload_id is None:
            self.etag = S3Storage().write_bytes(self._uri, bytes(self._buffer))
        else:
            try:
                upload_id, number = self._upload_id, len(self._parts) + len(self._uploading) + 1
                # Here and not in another thread: `finish` may be running in one of those that would be waited for.
                last = [self._upload_part(upload_id, number, bytes(self._buffer))] if self._buffer else []
                parts: Any = {"Parts": [*self._parts, *(part.result() for part in self._uploading), *last]}
                answer = _s3_call(
                    "CompleteMultipartUpload",
                    self._uri,
                    lambda: s3_client().complete_multipart_upload(
                        Bucket=self._bucket, Key=self._key, UploadId=upload_id, MultipartUpload=parts
                    ),
                )
                self.etag = answer["ETag"]
            except StorageError:
                self.abort()
                raise
        super().close()

    def abort(self) -> None:
        """Forget what was written; the bucket's lifecycle removes an upload whose abort itself fails."""
        if self._upload_id is not None:
            # A part that arrives behind the abort would stay:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
            wait([part for part in self._uploading if not part.cancel()])
            upload_id, self._upload_id = self._upload_id, None
            _s3_call(
                "AbortMultipartUpload",
                self._uri,
                lambda: s3_client().abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=upload_id),
            )
        super().close()


# --------------------------------------------------------------------------------------------------------------- local
def _local_etag(status: os.stat_result) -> str:
    """Return an ETag in S3's shape (with its quotes) that changes whenever a file is written."""
    seen = f"{status.st_size}:{status.st_mtime_ns}"
    return f'"{hashlib.md5(seen.encode(), usedforsecurity=False).hexdigest()}"'


def _local_call(call: str, uri: str, action: Callable[[], _Result]) -> _Result:
    try:
        return action()
    except FileNotFoundError as error:
        raise ObjectMissingError(f"{call} {uri}: the file does not exist") from error
    except PermissionError as error:
        raise StorageRefusedError(f"{call} {uri}: {error.strerror or error}") from error
    except OSError as error:
        raise StorageUnavailableError(f"{call} {uri}: {error.strerror or error}") from error


class _LocalWriter(io.BufferedWriter):
    """A file that is being written under a hidden name."""

    etag = ""


class LocalStorage:
    """Files below local folders, with the same promises: whole files or none, order by bytes, versions by ETag."""

    def read_bytes(self, uri: str, etag: str | None = None) -> bytes:
        """Return the whole file."""
        with self.open_read(uri, etag) as stream:
            return stream.read()

    def read_range(self, uri: str, start: int, end: int, etag: str | None = None) -> bytes:
        """Return the bytes [start, end) of the file."""
        if end <= start:
            return b""
        with self.open_read(uri, etag) as stream:
            stream.seek(start)
            return stream.read(end - start)

    def open_read(self, uri: str, etag: str | None = None) -> BinaryIO:
        """Open the file; the ETag is compared with the opened file, so a later replacement cannot mix in."""
        stream = _local_call("read", uri, lambda: local_path(uri).open("rb"))
        if etag is not None and _local_etag(os.fstat(stream.fileno())) != etag:
            stream.close()
            raise ObjectChangedError(f"read {uri}: the file was overwritten while the job ran: run again")
        return stream

    def write_bytes(self, uri: str, data: bytes) -> str:
        """Write the file under another name, rename it and return its ETag."""
        with self.open_write(uri) as stream:
            stream.write(data)
        return stream.etag

    @contextmanager
    def open_write(self, uri: str) -> Iterator[ObjectWriter]:
        """Write under a hidden name in the same folder and rename at the end."""
        target = local_path(uri)
        hidden = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")

        def create() -> _LocalWriter:
            target.parent.mkdir(parents=True, exist_ok=True)
            return _LocalWriter(io.FileIO(hidden, "wb"))

        stream = _local_call("write", uri, create)
        try:
            with stream:
                yield stream
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
        stream.etag = _local_etag(hidden.stat())
        _local_call("write", uri, lambda: hidden.replace(target))

    def list(self, prefix_uri: str) -> Iterator[StoredObject]:
        """Yield the files below a folder; a folder that does not exist holds none."""
        root = local_path(prefix_uri)
        found = []
        for folder, _, names in os.walk(root):
            relative = Path(folder).relative_to(root).as_posix()
            found += [name if relative == "." else f"{relative}/{name}" for name in names]
        for key in sorted(found, key=os.fsencode):
            path = root / key
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # deleted since the folder was read, as can happen between two pages of an S3 listing
            modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
            yield StoredObject(str(path), key, status.st_size, _local_etag(status), modified)

    def copy(self, source_uri: str, target_uri: str) -> str:
        """Copy a file and return the copy's ETag; readers of the target see nothing or all of it."""
        with self.open_read(source_uri) as source, self.open_write(target_uri) as target:
            shutil.copyfileobj(source, target)
        return target.etag

    def delete(self, uris: Iterable[str]) -> None:
        """Delete files, and the folders that become empty by it: S3 knows no empty folders either."""
        for uri in uris:
            path = local_path(uri)
            _local_call("delete", uri, functools.partial(path.unlink, missing_ok=True))
            for folder in path.parents:
                try:
                    folder.rmdir()
                except OSError:
                    break  # not empty, or already gone: nothing above it can be empty because of this file
