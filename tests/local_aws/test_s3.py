"""S3: ETags, checksums and archives as S3 has them. Expected values come from hashlib, zlib and the documents."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import uuid
import zlib
from collections.abc import Callable
from typing import Any

import boto3
import botocore.exceptions
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from local_aws import LocalAws
from local_aws.extensions.hooks import Emulator
from local_aws.extensions.s3_limits import S3Limits
from local_aws.settings import ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from tests.waiting import wait_for

PART = 5 * 1024 * 1024
# "123456789" by CRC-64/NVME: https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-nvme
CHECK, CHECK_CRC64 = b"123456789", base64.b64encode(0xAE8B14860A799888.to_bytes(8, "big")).decode()


def md5(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def composite(*parts: bytes) -> str:
    return f"{crc32(b''.join(zlib.crc32(part).to_bytes(4, 'big') for part in parts))}-{len(parts)}"


def plain_client(aws: LocalAws) -> Any:
    """A client that sends and asks no checksum by itself, as SDKs did before 2025."""
    # The stubs overload this for each service by its literal name, which is not known here.
    create: Callable[..., Any] = boto3.client
    return create(
        "s3",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ROOT_ACCESS_KEY,
        aws_secret_access_key=ROOT_SECRET_KEY,
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@pytest.fixture
def key(aws: LocalAws) -> str:
    return str(aws.client("kms").create_key()["KeyMetadata"]["Arn"])


def encrypt(aws: LocalAws, bucket: str, key: str, algorithm: str = "aws:kms") -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, "KMSMasterKeyID": key}}
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def listed(aws: LocalAws, bucket: str) -> dict[str, dict[str, Any]]:
    return {entry["Key"]: entry for entry in aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def upload_parts(client: Any, bucket: str, name: str, *parts: bytes, checksum: bool = True, **create: Any) -> Any:
    """Upload parts with what each answer holds named again at the end, or with their ETags only."""
    place = {"Bucket": bucket, "Key": name}
    upload = {**place, "UploadId": client.create_multipart_upload(**place, **create)["UploadId"]}
    done = []
    for number, part in enumerate(parts, 1):
        more = {"ChecksumAlgorithm": create["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in create else {}
        answer = client.upload_part(**upload, PartNumber=number, Body=part, **more)
        kept = [field for field in answer if field == "ETag" or (checksum and field.startswith("Checksum"))]
        done.append({"PartNumber": number, **{field: answer[field] for field in kept}})
    return client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})


# ETags


@pytest.mark.parametrize("how", ["default", "dsse", "request"])
def it_gives_objects_under_a_key_an_etag_that_no_copy_shares(aws: LocalAws, bucket: str, key: str, how: str) -> None:
    s3, body = aws.client("s3"), b"a,b\n1,2\n"
    if how != "request":
        encrypt(aws, bucket, key, "aws:kms:dsse" if how == "dsse" else "aws:kms")
    more = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if how == "request" else {}
    written = [s3.put_object(Bucket=bucket, Key=name, Body=body, **more)["ETag"] for name in ("a", "b", "a")]
    source = {"Bucket": bucket, "Key": "a"}
    written.append(s3.copy_object(Bucket=bucket, Key="c", CopySource=source, **more)["CopyObjectResult"]["ETag"])
    written.append(s3.copy_object(Bucket=bucket, Key="d", CopySource=source, **more)["CopyObjectResult"]["ETag"])
    assert len({*written, md5(body)}) == 6
    assert {name: entry["ETag"] for name, entry in listed(aws, bucket).items()} == {
        "a": written[2],
        "b": written[1],
        "c": written[3],
        "d": written[4],
    }
    assert s3.head_object(Bucket=bucket, Key="c")["ETag"] == written[3]
    assert s3.get_object(Bucket=bucket, Key="c", IfMatch=written[3])["Body"].read() == body
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        s3.get_object(Bucket=bucket, Key="c", IfMatch=written[2])


def it_gives_parts_under_a_key_etags_of_their_own(aws: LocalAws, bucket: str, key: str) -> None:
    encrypt(aws, bucket, key)
    s3, parts = aws.client("s3"), (b"x" * PART, b"y")
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    of_plain_parts = md5(digests).strip('"')
    etags = [
        upload_parts(s3, bucket, name, *parts, ChecksumAlgorithm="CRC32")["ETag"].strip('"') for name in ("a", "b")
    ]
    assert len({*etags, f"{of_plain_parts}-2"}) == 3
    assert [etag.rpartition("-")[2] for etag in etags] == ["2", "2"]
    assert listed(aws, bucket)["a"]["ETag"].strip('"') == etags[0]
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a"})
    assert "-" not in copied["CopyObjectResult"]["ETag"]


def it_keeps_the_etag_of_each_version_under_a_key(aws: LocalAws, bucket: str, key: str) -> None:
    s3 = aws.client("s3")
    encrypt(aws, bucket, key)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    written = [s3.put_object(Bucket=bucket, Key="a", Body=b"1") for _ in range(2)]
    written.append(s3.copy_object(Bucket=bucket, Key="a", CopySource={"Bucket": bucket, "Key": "a"}))
    etags = {item["VersionId"]: item.get("ETag") or item["CopyObjectResult"]["ETag"] for item in written}
    assert len(set(etags.values())) == 3
    found = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert {version["VersionId"]: version["ETag"] for version in found} == etags


def it_hashes_the_data_of_plain_objects_and_of_copies_made_at_once(aws: LocalAws, bucket: str, key: str) -> None:
    s3, parts = aws.client("s3"), (b"x" * PART, b"y")
    assert s3.put_object(Bucket=bucket, Key="a", Body=CHECK)["ETag"] == md5(CHECK)
    whole = upload_parts(s3, bucket, "parts", *parts, ChecksumAlgorithm="CRC32")["ETag"]
    assert whole.endswith('-2"')
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "parts"})
    assert copied["CopyObjectResult"]["ETag"] == md5(b"".join(parts)) == listed(aws, bucket)["c"]["ETag"]
    s3.put_object(Bucket=bucket, Key="k", Body=CHECK, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    freed = s3.copy_object(Bucket=bucket, Key="f", CopySource={"Bucket": bucket, "Key": "k"})
    assert freed["CopyObjectResult"]["ETag"] == md5(CHECK)


def it_tells_of_a_copy_under_a_key_by_its_own_etag(aws: LocalAws, bucket: str, key: str) -> None:
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    queue = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    encrypt(aws, bucket, key)
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}, SkipDestinationValidation=True
    )
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a"})
    seen: list[str] = []

    def arrived() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            seen.extend(record["s3"]["object"]["eTag"] for record in json.loads(message["Body"]).get("Records", []))
        return bool(seen)

    wait_for(arrived)
    assert seen == [copied["CopyObjectResult"]["ETag"].strip('"')]


# Checksums


def it_adds_a_checksum_to_objects_that_come_without(aws: LocalAws, bucket: str) -> None:
    plain_client(aws).put_object(Bucket=bucket, Key="a", Body=CHECK)
    s3 = aws.client("s3")
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (CHECK_CRC64, "FULL_OBJECT")
    assert "ChecksumCRC64NVME" not in s3.head_object(Bucket=bucket, Key="a")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["Checksum", "ETag"])
    assert attributes["Checksum"] == {"ChecksumCRC64NVME": CHECK_CRC64, "ChecksumType": "FULL_OBJECT"}
    entry = listed(aws, bucket)["a"]
    assert (entry["ChecksumAlgorithm"], entry["ChecksumType"]) == (["CRC64NVME"], "FULL_OBJECT")
    assert plain_client(aws).get_object(Bucket=bucket, Key="a")["Body"].read() == CHECK


def it_keeps_the_checksum_that_an_object_comes_with(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="a b\nc", Body=CHECK)
    s3.put_object(Bucket=bucket, Key="s", Body=CHECK, ChecksumAlgorithm="SHA256")
    assert s3.head_object(Bucket=bucket, Key="a b\nc", ChecksumMode="ENABLED")["ChecksumCRC32"] == crc32(CHECK)
    entries = {name: entry["ChecksumAlgorithm"] for name, entry in listed(aws, bucket).items()}
    assert entries == {"a b\nc": ["CRC32"], "s": ["SHA256"]}
    with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
        s3.put_object(Bucket=bucket, Key="a", Body=CHECK, ChecksumCRC32=crc32(b"other"))


def it_computes_the_checksum_of_a_copy_over_the_whole(aws: LocalAws, bucket: str) -> None:
    s3, parts = aws.client("s3"), (b"x" * PART, b"y")
    upload_parts(s3, bucket, "parts", *parts, ChecksumAlgorithm="CRC32")
    source = {"Bucket": bucket, "Key": "parts"}
    same = s3.copy_object(Bucket=bucket, Key="same", CopySource=source)["CopyObjectResult"]
    assert (same["ChecksumCRC32"], same["ChecksumType"]) == (crc32(b"".join(parts)), "FULL_OBJECT")
    other = s3.copy_object(Bucket=bucket, Key="other", CopySource=source, ChecksumAlgorithm="SHA256")
    sha256 = base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode()
    assert other["CopyObjectResult"]["ChecksumSHA256"] == sha256
    head = s3.head_object(Bucket=bucket, Key="other", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head.get("ChecksumCRC32")) == (sha256, None)


def it_takes_multipart_uploads_that_name_their_checksums_all_along(aws: LocalAws, bucket: str) -> None:
    s3, parts = aws.client("s3"), (b"x" * PART, b"y")
    done = upload_parts(s3, bucket, "a", *parts, ChecksumAlgorithm="CRC32")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (composite(*parts), "COMPOSITE")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["Checksum"])["Checksum"]
    assert attributes == {"ChecksumCRC32": composite(*parts), "ChecksumType": "COMPOSITE"}
    assert listed(aws, bucket)["a"]["ChecksumType"] == "COMPOSITE"
    done = upload_parts(s3, bucket, "b", *parts, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (crc32(b"".join(parts)), "FULL_OBJECT")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c", ChecksumAlgorithm="CRC64NVME")
    assert upload["ChecksumType"] == "FULL_OBJECT"
    place = {"Bucket": bucket, "Key": "c", "UploadId": upload["UploadId"]}
    part = plain_client(aws).upload_part(**place, PartNumber=1, Body=CHECK)
    assert part["ChecksumCRC64NVME"] == CHECK_CRC64
    named = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**place, MultipartUpload=named)
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (CHECK_CRC64, "FULL_OBJECT")
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_fileobj(io.BytesIO(b"".join(parts)), bucket, "transfer", Config=config)
    head = s3.head_object(Bucket=bucket, Key="transfer", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == composite(*parts)


def it_takes_multipart_uploads_that_name_no_checksum(aws: LocalAws, bucket: str) -> None:
    upload_parts(plain_client(aws), bucket, "a", CHECK)
    head = aws.client("s3").head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (CHECK_CRC64, "FULL_OBJECT")


def it_does_not_find_parts_whose_checksum_was_never_announced(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidPart.*could not be found\.  The part may not"):
        upload_parts(s3, bucket, "a", CHECK, checksum=False)
    assert upload_parts(s3, bucket, "a", CHECK)["ETag"].endswith('-1"')


def it_needs_an_announced_checksum_of_each_part(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    missing = r"InvalidRequest.*using a crc32 checksum.*missing for part 1 in the request"
    with pytest.raises(botocore.exceptions.ClientError, match=missing):
        upload_parts(s3, bucket, "a", CHECK, checksum=False, ChecksumAlgorithm="CRC32")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="SHA256")
    place = {"Bucket": bucket, "Key": "a", "UploadId": upload["UploadId"]}
    mismatch = "InvalidRequest.*expected checksum Type: sha256, actual checksum Type: crc32"
    with pytest.raises(botocore.exceptions.ClientError, match=mismatch):
        s3.upload_part(**place, PartNumber=1, Body=CHECK, ChecksumAlgorithm="CRC32")


def it_refuses_checksums_of_a_kind_that_there_is_not(aws: LocalAws, bucket: str) -> None:
    s3, whole = aws.client("s3"), {"ChecksumType": "FULL_OBJECT"}
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        with pytest.raises(botocore.exceptions.ClientError, match=f"InvalidRequest.*The {kind} checksum type cannot"):
            s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="CRC32", **whole)
    place = {"Bucket": bucket, "Key": "a", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(**place, PartNumber=1, Body=CHECK, ChecksumAlgorithm="CRC32")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    with pytest.raises(botocore.exceptions.ClientError, match="BadDigest"):
        s3.complete_multipart_upload(**place, MultipartUpload=parts, ChecksumCRC32=crc32(b"other"))
    s3.complete_multipart_upload(**place, MultipartUpload=parts, ChecksumCRC32=crc32(CHECK))


def it_refuses_small_parts_but_the_last(aws: LocalAws, bucket: str) -> None:
    with pytest.raises(botocore.exceptions.ClientError, match="EntityTooSmall"):
        upload_parts(aws.client("s3"), bucket, "a", b"x" * (PART - 1), b"y")


def it_numbers_parts_from_1_to_10_000(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="source", Body=b"1")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")
    place = {"Bucket": bucket, "Key": "a", "UploadId": upload["UploadId"]}
    for number in (0, 10_001):
        with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidArgument.*between 1 and 10000"):
            s3.upload_part(**place, PartNumber=number, Body=b"1")
        with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidArgument.*between 1 and 10000"):
            s3.upload_part_copy(**place, PartNumber=number, CopySource={"Bucket": bucket, "Key": "source"})
    for number in (1, 10_000):
        s3.upload_part_copy(**place, PartNumber=number, CopySource={"Bucket": bucket, "Key": "source"})


# Limits


def it_lists_and_deletes_at_most_1000_objects_at_once(aws: LocalAws, bucket: str) -> None:
    s3, keys = aws.client("s3"), [f"k{number:04}" for number in range(1001)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for call in ("list_objects_v2", "list_objects", "list_object_versions"):
        page = getattr(s3, call)(Bucket=bucket, MaxKeys=5000)
        assert (page["MaxKeys"], page["IsTruncated"]) == (1000, True)
        assert len(page.get("Contents") or page.get("Versions")) == 1000
        none = getattr(s3, call)(Bucket=bucket, MaxKeys=0)
        assert (none["MaxKeys"], none["IsTruncated"], none.get("Contents", [])) == (0, False, [])
        with pytest.raises(
            botocore.exceptions.ClientError, match="maxKeys must be an integer between 0 and 2147483647"
        ):
            getattr(s3, call)(Bucket=bucket, MaxKeys=-1)
    objects = [{"Key": key} for key in keys]
    with pytest.raises(botocore.exceptions.ClientError, match="MalformedXML"):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": objects[1:]})["Deleted"]) == 1000
    assert list(listed(aws, bucket)) == ["k0000"]


def it_lists_at_most_1000_parts_and_uploads_at_once(aws: LocalAws, bucket: str) -> None:
    s3 = aws.client("s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")
    assert s3.list_parts(Bucket=bucket, Key="a", UploadId=upload["UploadId"], MaxParts=5000)["MaxParts"] == 1000
    assert s3.list_multipart_uploads(Bucket=bucket, MaxUploads=5000)["MaxUploads"] == 1000


def it_takes_keys_of_1024_bytes_of_utf_8(aws: LocalAws, bucket: str) -> None:
    s3, longest = aws.client("s3"), "ä" * 512
    s3.put_object(Bucket=bucket, Key=longest, Body=b"1")
    assert list(listed(aws, bucket)) == [longest]
    source = {"Bucket": bucket, "Key": longest}
    calls: tuple[Callable[[str], Any], ...] = (
        lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"1"),
        lambda key: s3.create_multipart_upload(Bucket=bucket, Key=key),
        lambda key: s3.copy_object(Bucket=bucket, Key=key, CopySource=source),
    )
    for call in calls:
        with pytest.raises(botocore.exceptions.ClientError, match="KeyTooLongError"):
            call(longest + "x")


def it_copies_no_object_onto_itself_without_a_change(aws: LocalAws, bucket: str) -> None:
    s3, place = aws.client("s3"), {"Bucket": bucket, "Key": "a b"}
    s3.put_object(**place, Body=b"1")
    with pytest.raises(botocore.exceptions.ClientError, match=r"InvalidRequest.*without changing"):
        s3.copy_object(**place, CopySource=place)
    changes: list[dict[str, Any]] = [
        {"MetadataDirective": "REPLACE", "Metadata": {"x": "y"}},
        {"StorageClass": "STANDARD"},
        {"ServerSideEncryption": "AES256"},
    ]
    for change in changes:
        s3.copy_object(**place, CopySource=place, **change)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(**place, Body=b"2")["VersionId"]
    s3.copy_object(**place, CopySource={**place, "VersionId": version})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.copy_object(**place, CopySource=place)


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 400)])
def it_copies_no_more_than_5_gib_at_once(monkeypatch: pytest.MonkeyPatch, more: int, status: int) -> None:
    stored = {"b": {"objects": {"a": {"size": 5 * 1024**3 + more}}}}
    monkeypatch.setattr("ministack.services.s3._buckets", stored)
    copied = S3Limits(Emulator()).copy_object(
        lambda *arguments: (200, {}, b""), "b", "copy", {"x-amz-copy-source": "/b/a"}
    )
    assert copied[0] == status
    assert more == 0 or b"<Code>InvalidRequest</Code>" in copied[2]


# Archives


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def it_lists_archived_objects_and_does_not_read_them(aws: LocalAws, bucket: str, storage_class: str) -> None:
    s3, source = aws.client("s3"), {"Bucket": bucket, "Key": "a"}
    s3.put_object(**source, Body=b"1", StorageClass=storage_class)
    assert listed(aws, bucket)["a"]["StorageClass"] == storage_class
    assert s3.head_object(**source)["StorageClass"] == storage_class
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1}
    for read, arguments in (
        (s3.get_object, source),
        (s3.get_object, {**source, "Range": "bytes=0-0"}),
        (s3.copy_object, {"Bucket": bucket, "Key": "b", "CopySource": source}),
        (s3.upload_part_copy, {**part, "CopySource": source}),
    ):
        with pytest.raises(botocore.exceptions.ClientError, match="InvalidObjectState") as refused:
            read(**arguments)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    s3.restore_object(**source, RestoreRequest={"Days": 1})
    wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**source).get("Restore", ""))
    assert s3.get_object(**source)["Body"].read() == b"1"
    s3.copy_object(Bucket=bucket, Key="b", CopySource=source)
    assert {name: entry["StorageClass"] for name, entry in listed(aws, bucket).items()} == {
        "a": storage_class,
        "b": "STANDARD",
    }


def it_archives_by_a_copy(aws: LocalAws, bucket: str) -> None:
    s3, source = aws.client("s3"), {"Bucket": bucket, "Key": "a"}
    s3.put_object(**source, Body=b"1")
    s3.copy_object(**source, CopySource=source, StorageClass="GLACIER")
    assert listed(aws, bucket)["a"]["StorageClass"] == "GLACIER"
    with pytest.raises(s3.exceptions.InvalidObjectState):
        s3.get_object(**source)
