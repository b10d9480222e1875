"""S3's rules for buckets: names that it keeps for itself, and logs that go to a bucket that exists."""

from __future__ import annotations

import html
import re
from typing import Any

from local_aws.extensions.hooks import Emulator

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; lengths, characters, dots and addresses
# ministack checks by itself.
KEPT = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)")

TARGET = re.compile(rb"<TargetBucket>([^<]*)</TargetBucket>")


class Buckets:
    """Refuses what S3 would refuse of a bucket."""

    def __init__(self, emulator: Emulator) -> None:
        self._s3 = emulator.module("services.s3", "_buckets", "_error", "_put_bucket_logging", "_validate_bucket_name")

    def install(self) -> None:
        """Put the checks in front."""
        self._validate = self._s3.replace("_validate_bucket_name", self.validate_name)
        self._put_logging = self._s3.replace("_put_bucket_logging", self.put_logging)

    def validate_name(self, name: str) -> bool:
        """Say whether a bucket may have this name."""
        return bool(self._validate(name)) and not KEPT.fullmatch(name)

    def put_logging(self, name: str, body: bytes) -> Any:
        """Turn access logs on, to a bucket that exists.

        https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
        """
        target = TARGET.search(body)
        if target and html.unescape(target[1].decode()) not in self._s3._buckets:
            message = "The target bucket for logging does not exist"
            return self._s3._error("InvalidTargetBucketForLogging", message, 400, f"/{name}")
        return self._put_logging(name, body)
