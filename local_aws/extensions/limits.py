"""Limits of requests: what is longer, shorter, larger or smaller than the service's model allows is refused.

The models are AWS's own, as botocore carries them: lengths of texts, numbers of entries, ranges of numbers. Patterns
are left out: they are written for another dialect of regular expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_aws.extensions.hooks import Emulator
from local_aws.extensions.requests import error_answer, json_call

# What the services call it: https://docs.aws.amazon.com/glue/latest/webapi/CommonErrors.html
CODES = {"athena": "InvalidRequestException", "logs": "InvalidParameterException"}
# "Jobs must have timeout values less than 7 days or 10080 minutes. Otherwise, the jobs will throw an exception":
# https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
MAX_TIMEOUT_MINUTES = 10_080
# Texts whose length is that of their UTF-8: inputs and outputs, whose "length constraints apply to the payload size,
# and are expressed as bytes in UTF-8 encoding", and queries:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
# https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
COUNTED_IN_BYTES = ("SensitiveData", "QueryString")


class Limits:
    """Refuses requests that AWS would refuse for their size, before anything is done."""

    def __init__(self, emulator: Emulator) -> None:
        self._app = emulator.module("app", "_dispatch_service_request")

    def install(self) -> None:
        """Put the checks in front of the dispatch of all services."""
        self._dispatch = self._app.replace("_dispatch_service_request", self.dispatch)

    async def dispatch(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
    ) -> Any:
        """Answer a request, or refuse it."""
        call = json_call(headers, body)
        if call:
            problems = list(violations(call.arguments, call.model.input_shape, ""))
            if problems:
                many = "error" if len(problems) == 1 else "errors"
                message = f"{len(problems)} validation {many} detected: {'; '.join(problems)}"
                return error_answer(CODES.get(call.service, "ValidationException"), message)
        return await self._dispatch(method, path, headers, body, query_params, request_id)


def violations(value: Any, shape: Shape | None, place: str) -> Iterator[str]:
    """Yield in AWS's words what of a value its shape does not allow."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from violations(value[name], member, f"{place}.{name}" if place else name)
        return
    if isinstance(shape, (ListShape, MapShape)) and isinstance(value, (list, dict)):
        yield from outside(len(value), shape, place, "length")
        if isinstance(shape, ListShape) and isinstance(value, list):
            for index, item in enumerate(value, 1):
                yield from violations(item, shape.member, f"{place}.{index}.member")
        elif isinstance(shape, MapShape) and isinstance(value, dict):
            for key, item in value.items():
                yield from violations(key, shape.key, f"{place}.{key}.key")
                yield from violations(item, shape.value, f"{place}.{key}.member")
        return
    if shape is not None and isinstance(value, str):
        size = len(value.encode() if shape.name in COUNTED_IN_BYTES else value)
        yield from outside(size, shape, place, "length")
    elif shape is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from outside(value, shape, place, "value")
        if shape.name == "Timeout" and value > MAX_TIMEOUT_MINUTES:
            yield constraint(place, f"value less than or equal to {MAX_TIMEOUT_MINUTES}")


def outside(size: float, shape: Shape, place: str, what: str) -> Iterator[str]:
    """Yield what a length or a number violates."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield constraint(place, f"{what} greater than or equal to {least}")
    if most is not None and size > most:
        yield constraint(place, f"{what} less than or equal to {most}")


def constraint(place: str, what: str) -> str:
    """Return one violation as AWS words it."""
    names = ".".join(name[:1].lower() + name[1:] for name in place.split("."))
    return f"Value at '{names}' failed to satisfy constraint: Member must have {what}"
