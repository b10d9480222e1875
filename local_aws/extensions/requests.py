"""What a request in JSON says of itself: which operation of which service it is, by botocore's models."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.model import OperationModel

# botocore's names of the services whose requests name their operation in the header X-Amz-Target.
SERVICES = ("athena", "events", "glue", "logs", "stepfunctions")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/")


@dataclass(frozen=True)
class Call:
    """One request to a service that speaks JSON."""

    service: str
    operation: str
    arguments: Any

    @property
    def model(self) -> OperationModel:
        """The operation in botocore's model."""
        found: OperationModel = models()[self.service].operation_model(self.operation)
        return found


@functools.lru_cache(1)
def models() -> dict[str, Any]:
    """Return the models of the services, by name."""
    session = botocore.session.get_session()
    return {name: session.get_service_model(name) for name in SERVICES}


def json_call(headers: dict[str, str], body: bytes) -> Call | None:
    """Return the call that a request makes; None when it is not one of these services or not one of their calls."""
    prefix, _, operation = headers.get("x-amz-target", "").rpartition(".")
    for name, model in models().items():
        if model.metadata["targetPrefix"] == prefix and operation in model.operation_names:
            try:
                return Call(name, operation, json.loads(body or b"{}"))
            except ValueError:
                return None
    return None


def error_answer(code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    """Return the answer of a JSON service that refuses a call."""
    content = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, content
