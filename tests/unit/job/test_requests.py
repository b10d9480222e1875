"""What the job's requests say on the wire: checksums of multipart uploads, and the region they are meant for."""

from __future__ import annotations

import base64
import os
import pickle
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.utils import parse_timestamp

import catalog_glue
import storage
from contract import parse_contract
from conversion_plan import Settings
from conversion_task import PlaceLines, TaskContext
from storage import PART_BYTES, S3Storage, StorageError
from tests.unit.wire import answering, clients_of

GLUE_SCRIPTS = Path(storage.__file__).parent
ALGORITHM, CHECKSUM = "x-amz-checksum-algorithm", "x-amz-checksum-crc32"


class StrictS3:
    """Takes multipart uploads whose create, parts and completion agree about the checksum, and refuses all others.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """

    def __init__(self) -> None:
        self.algorithm: str | None = None
        self.parts: dict[str, tuple[bytes, str | None]] = {}
        self.regions: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.last_modified = ""

    def upload_part(self, number: str, body: bytes, checksum: str | None) -> str:
        if self.algorithm is None and checksum:
            return "InvalidRequest: Checksum Type mismatch occurred, expected checksum Type: null"
        if self.algorithm and checksum != crc32(body):
            return "BadDigest: the CRC32 of the part is missing or is not that of its bytes"
        self.parts[number] = (body, checksum)
        return ""

    def complete(self, key: str, text: str) -> str:
        said = re.findall(r"<Part>.*?</Part>", text, re.DOTALL)
        for part in said:
            number = re.findall(r"<PartNumber>(.*?)</PartNumber>", part)[0]
            if re.findall(r"<ChecksumCRC32>(.*?)</ChecksumCRC32>", part) != [self.parts[number][1]]:
                return "InvalidPart: The complete request must include the checksum for each part"
        self.objects[key] = b"".join(self.parts[number][0] for number in sorted(self.parts, key=int))
        return ""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str]:
        url = urlsplit(request.path)
        query = parse_qs(url.query, keep_blank_values=True)
        self.regions.append(re.findall(r"Credential=[^/]+/\d+/([^/]+)/", request.headers["Authorization"])[0])
        problem, text = "", ""
        if "list-type" in query:
            text = (
                "<ListBucketResult><Contents><Key>k</Key><Size>1</Size><ETag>e</ETag>"
                f"<LastModified>{self.last_modified}</LastModified></Contents></ListBucketResult>"
            )
        elif "uploads" in query:
            self.algorithm = request.headers.get(ALGORITHM)
            text = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
        elif "partNumber" in query:
            problem = self.upload_part(query["partNumber"][0], body, request.headers.get(CHECKSUM))
        elif "uploadId" in query and request.command == "POST":
            problem = self.complete(url.path, body.decode())
            text = '<CompleteMultipartUploadResult><ETag>"e-3"</ETag></CompleteMultipartUploadResult>'
        if problem:
            code, _, message = problem.partition(": ")
            return 400, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return 200, text


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StrictS3]:
    """Yield a server that the job's own clients talk to, where nothing but the environment can name a region."""
    server = StrictS3()
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    known = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_DEFAULT_REGION": "eu-central-1"}
    with answering(server.answer) as endpoint, clients_of(endpoint, monkeypatch, **known):
        yield server


def it_names_the_checksum_at_the_beginning_on_each_part_and_at_the_end(strict: StrictS3) -> None:
    data = os.urandom(PART_BYTES) + b"the rest" * (PART_BYTES // 4)
    with S3Storage().open_write("s3://bucket/big.parquet") as stream:
        stream.write(data)
    assert strict.algorithm == "CRC32"
    assert len(strict.parts) == 3
    assert strict.objects == {"/bucket/big.parquet": data}


def it_is_told_when_the_bytes_did_not_arrive_as_they_were(strict: StrictS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "crc32_text", lambda data: crc32(b"other bytes"))

    def upload() -> None:
        with S3Storage().open_write("s3://bucket/big.parquet") as stream:
            stream.write(b"x" * 3 * PART_BYTES)

    with pytest.raises(StorageError, match=r"S3 UploadPart s3://bucket/big\.parquet: BadDigest"):
        upload()


@pytest.mark.parametrize(
    "text",
    [
        "2009-10-12T17:50:30.000Z",
        "2009-10-12T17:50:30.999Z",
        "2024-02-29T23:59:59Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.001Z",
        # Not S3's way: botocore's own parser is asked.
        "2009-10-12T17:50:30.000+02:00",
        "Mon, 12 Oct 2009 17:50:30 GMT",
        "1255369830",
        "2009-10-12",
    ],
)
def it_reads_when_an_object_was_modified_as_botocore_does(strict: StrictS3, text: str) -> None:
    strict.last_modified = text
    (item,) = S3Storage().list("s3://bucket/")
    assert item.modified == parse_timestamp(text)
    assert item.modified.utcoffset() == parse_timestamp(text).utcoffset()
    # dateutil, which takes its time, has a class of its own for UTC.
    assert (item.modified.tzinfo is timezone.utc) == bool(re.fullmatch(r"[-0-9]+T[:.0-9]+Z", text))


def it_reads_no_time_that_does_not_exist(strict: StrictS3) -> None:
    strict.last_modified = "2009-02-30T17:50:30.000Z"
    with pytest.raises(ValueError, match="day is out of range"):
        list(S3Storage().list("s3://bucket/"))


def it_acts_in_the_region_that_aws_names_in_either_variable(strict: StrictS3, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.aws_region() == "eu-central-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert storage.aws_region() is None
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    S3Storage().write_bytes("s3://bucket/key", b"data")
    assert strict.regions == ["eu-west-3"]
    assert catalog_glue.glue_client().meta.region_name == "eu-west-3"


def it_gives_a_worker_that_knows_no_region_the_drivers(strict: StrictS3, tmp_path: Path) -> None:
    document = {"dataset": "d", "source_uri": "s3://raw/", "lake_uri": "s3://lake/", "columns": [{"name": "a"}]}
    work = (TaskContext(parse_contract(document), Settings(), "run"), PlaceLines(0, 0, "s3://lake/unplaced.parquet", 0))
    (tmp_path / "work").write_bytes(pickle.dumps(work))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("AWS_REGION", "AWS_DEFAULT_REGION")
    }
    program = "import pickle, sys, conversion_task; conversion_task.run_task(*pickle.load(open(sys.argv[1], 'rb')))"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "work")],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(GLUE_SCRIPTS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert set(strict.regions) == {"eu-central-1"}
