"""AWS calls as Step Functions' SDK integrations make them: names, values and errors in Step Functions' spelling.

Step Functions spells parameters and results like the AWS SDK for Java v2, in Pascal case:
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html. botocore's service models say what
is a structure member, to be respelled, and what is a key of a map, to be left alone (as the Parameters of a table are).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any

import botocore.exceptions
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

# botocore's name of a service where the resource ARN spells it otherwise.
BOTOCORE_SERVICES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
# https://docs.aws.amazon.com/general/latest/gr/api-retries.html
THROTTLING = ("ThrottlingException", "TooManyRequestsException", "Throttling", "RequestLimitExceeded")
# How error names start, where it is not the service's name in Pascal case.
ERROR_PREFIXES = {"cloudwatchlogs": "CloudWatchLogs", "eventbridge": "EventBridge", "dynamodb": "DynamoDb"}


@dataclass(frozen=True)
class Spelling:
    """How results and errors are spelled where the documents leave a choice.

    Args:
        etag: the member ETag of S3.
        numeric_times: times of SDK integrations as epoch milliseconds instead of ISO 8601 text.
        general_errors: names of an optimized integration's errors that are none of the called operation's own, such as
            throttling, by prefix.
    """

    etag: str = "ETag"
    numeric_times: bool = False
    general_errors: Mapping[str, str] = field(default_factory=dict)


DOCUMENTED = Spelling()
# As the AWS SDK for Java calls its general exceptions, by its first version, and as names in camel case would come out.
OTHER = Spelling("Etag", True, {"Glue": "AWSGlueException", "Athena": "AmazonAthenaException"})


class SdkCallError(Exception):
    """A call failed; `error` and `cause` are what a Catch sees."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def call(
    client: Any,
    service: str,
    action: str,
    arguments: dict[str, Any],
    *,
    optimized: bool = False,
    spelling: Spelling = DOCUMENTED,
) -> Any:
    """Make one call for a state and return its result as the state sees it.

    Args:
        client: a boto3 client of the service.
        service: the service as the resource ARN spells it, e.g. `s3`.
        action: the action as the resource ARN spells it, e.g. `listObjectsV2`.
        arguments: parameters in Step Functions' spelling.
        optimized: whether it is an optimized integration, which gives times as epoch milliseconds instead of as
            ISO 8601 text.
        spelling: how results and errors are spelled.

    Raises:
        SdkCallError: with the error name that AWS gives.
    """
    methods = {name.lower(): method for method, name in client.meta.method_to_api_mapping.items()}
    method = methods.get(action.lower())
    if method is None:
        raise SdkCallError("States.Runtime", f"{service} has no action {action}")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    prefix = ERROR_PREFIXES.get(service, service[:1].upper() + service[1:])
    try:
        response = getattr(client, method)(**to_request(arguments, model))
    except botocore.exceptions.ParamValidationError as error:
        # Judged by the service on AWS, so a Catch sees it like any other of its refusals.
        raise SdkCallError(
            f"{prefix}.{prefix}Exception", f"{action} was called with wrong parameters: {error}"
        ) from error
    except botocore.exceptions.ClientError as error:
        general = spelling.general_errors.get(prefix) if optimized else None
        raise SdkCallError(*named_error(error, prefix, model, general)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise SdkCallError(f"{prefix}.SdkClientException", str(error)) from error
    response.pop("ResponseMetadata", None)
    time_text = epoch_milliseconds if optimized or spelling.numeric_times else iso_time
    return to_result(response, model.output_shape, time_text, spelling.etag)


def named_error(
    error: botocore.exceptions.ClientError, prefix: str, model: OperationModel, general: str | None = None
) -> tuple[str, str]:
    """Return error name and cause of a failed call.

    An error of the service's model keeps its name, always ending in `Exception`; any other one becomes the service's
    general exception: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    For S3 only the errors of the operation itself count, so that a denied read is S3.S3Exception. With a name given for
    general errors, throttling is one of them too.
    """
    details = error.response["Error"]
    code = details["Code"].rpartition("#")[2]
    service = model.service_model
    shapes = model.error_shapes if service.metadata["protocol"] == "rest-xml" else service.error_shapes
    modelled = {
        name for shape in shapes if isinstance(shape, StructureShape) for name in (shape.name, shape.error_code)
    }
    known = code in modelled and not (general and code in THROTTLING)
    name = code.removesuffix("Exception") + "Exception" if known else general or prefix + "Exception"
    metadata = error.response["ResponseMetadata"]
    cause = (
        f"{details.get('Message', '')} (Service: {prefix}, Status Code: {metadata['HTTPStatusCode']}, "
        f"Request ID: {metadata.get('RequestId')})"
    )
    return f"{prefix}.{name}", cause


def to_request(arguments: dict[str, Any], model: OperationModel) -> dict[str, Any]:
    """Respell a state's arguments as botocore's parameters."""
    shape = model.input_shape
    if shape is None:
        return arguments
    respelled = _respell_request(arguments, shape)
    if not isinstance(respelled, dict):
        raise SdkCallError("States.Runtime", f"The arguments of {model.name} have to be an object")
    return respelled


def _respell_request(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names = {pascal_case(member): member for member in shape.members}
        unknown = sorted(set(value) - set(names))
        if unknown:
            raise SdkCallError(
                "States.Runtime", f"The field {unknown[0]!r} is not known; {shape.name} has {', '.join(sorted(names))}"
            )
        return {names[key]: _respell_request(item, shape.members[names[key]]) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_respell_request(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _respell_request(item, shape.value) for key, item in value.items()}
    return value


def to_result(value: Any, shape: Shape | None, time_text: Callable[[datetime], Any], etag: str = "ETag") -> Any:
    """Respell a botocore response as the result of a state."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            etag if key == "ETag" else pascal_case(key): to_result(item, shape.members.get(key), time_text, etag)
            for key, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_result(item, shape.member, time_text, etag) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: to_result(item, shape.value, time_text, etag) for key, item in value.items()}
    if isinstance(value, datetime):
        return time_text(value)
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def pascal_case(name: str) -> str:
    """Spell an API member as Step Functions does: `DBClusterArn` becomes `DbClusterArn`, `ETag` stays.

    A run of capitals keeps its first letter and the one that starts the next word.
    """
    first = name[:1].upper() + name[1:]
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+|[^A-Z]+", first)
    spelled = "".join(part.capitalize() if part.isupper() and len(part) > 1 else part for part in parts)
    return spelled[:1].upper() + spelled[1:]


def iso_time(value: datetime) -> str:
    """Write a time as SDK integrations do: UTC, milliseconds only when there are any."""
    moment = value.astimezone(timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}Z" if moment.microsecond >= 1000 else f"{text}Z"


def epoch_milliseconds(value: datetime | date) -> int:
    """Write a time as the optimized integrations do."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return int(moment.timestamp() * 1000)
