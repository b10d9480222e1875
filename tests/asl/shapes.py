"""Holds what the Tasks say and read against botocore's models of the services: every argument and every result."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from tests.asl.expressions import is_expression, watch

SERVICES = {"sfn": "stepfunctions"}
Sample = dict[str, Any]
# What a .sync task answers with is what says that it has ended, and of a Glue run that without its wrapping:
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
SYNC_RESULTS = {"glue:startJobRun": ("GetJobRun", "JobRun"), "athena:startQueryExecution": ("GetQueryExecution", None)}
# The spelling of S3's model and, beside it, the one that the documents of Step Functions show:
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
SPELLINGS = {"ETag": "Etag"}
# States that only a dataset without a crawler comes to, and one with a crawler.
UNREACHED = {
    True: frozenset({"Create raw table", "Update raw table"}),
    False: frozenset({"Start crawler", "Check crawler", "Read crawled table"}),
}
TIME = "2026-01-01T00:00:00.000Z"
# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
CONTEXT: Sample = {
    "members": {
        "Execution": {
            "members": {
                "Id": {"value": "arn:aws:states:eu-central-1:123456789012:execution:flights-dev:run-1"},
                "Input": {"value": {}},
                "Name": {"value": "run-1"},
                "RoleArn": {"value": "arn:aws:iam::123456789012:role/flights-dev"},
                "StartTime": {"value": TIME},
            }
        },
        "Map": {"members": {"Item": {"members": {"Index": {"value": 0}, "Value": {"value": "flights"}}}}},
        "State": {
            "members": {"EnteredTime": {"value": TIME}, "Name": {"value": "A state"}, "RetryCount": {"value": 0}}
        },
        "StateMachine": {
            "members": {
                "Id": {"value": "arn:aws:states:eu-central-1:123456789012:stateMachine:flights-dev"},
                "Name": {"value": "flights-dev"},
            }
        },
    }
}
ERROR_OUTPUT: Sample = {"members": {"Error": {"value": "Glue.GlueException"}, "Cause": {"value": "because"}}}


@dataclass
class Walk:
    """What was found on the way through the states of a machine, each visited once, in the order they are written.

    Args:
        given: what some Tasks answer with, where the kind of it decides how the expressions go on.
        unreached: states that this kind of dataset does not come to.
        variables: the variables so far.
        problems: what is wrong, by state.
        tasks: the Tasks that were held against their models.
    """

    given: Mapping[str, Mapping[str, Any]]
    unreached: frozenset[str]
    variables: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    tasks: set[str] = field(default_factory=set)

    def through(self, states: dict[str, Any], state_input: Any) -> None:
        """Hold all Tasks of a machine against the models; the other states only assign their variables."""
        handed_on: dict[str, Any] = {}
        for name, state in states.items():
            if name in self.unreached:
                continue
            given = handed_on.get(name, state_input)
            samples = {"context": CONTEXT}
            if state["Type"] == "Task":
                samples["result"] = result_of(state["Resource"], self.given.get(name, {}))
                self._call(name, state, given)
                handed_on[state.get("Next", "")] = self._evaluated(name, state["Output"], given, samples)
            if state["Type"] != "Map":
                self.variables.update(self._evaluated(name, state.get("Assign", {}), given, samples))

    def _call(self, name: str, task: dict[str, Any], given: Any) -> None:
        """Hold what a Task asks for and what it does with an error against the models."""
        self.tasks.add(name)
        arguments = self._evaluated(name, task["Arguments"], given, {"context": CONTEXT})
        self._note(name, argument_problems(arguments, operation_of(task["Resource"])))
        for catcher in task["Catch"]:
            for part in ("Assign", "Output"):
                caught = {"context": CONTEXT, "errorOutput": ERROR_OUTPUT}
                self._evaluated(name, catcher.get(part, {}), given, caught)

    def _evaluated(self, name: str, template: Any, state_input: Any, samples: dict[str, Sample]) -> Any:
        if isinstance(template, dict):
            return {key: self._evaluated(name, value, state_input, samples) for key, value in template.items()}
        if not is_expression(template):
            return template
        value, unknown = watch(template, {"input": state_input}, samples, **self.variables)
        self._note(name, [f"there is no {path}" for path in unknown])
        return value

    def _note(self, name: str, problems: list[str]) -> None:
        if problems:
            self.problems.setdefault(name, []).extend(problems)


@functools.cache
def operation_of(resource: str) -> OperationModel:
    """The operation that a Task calls."""
    service, action = _integration(resource).split(":")
    model = botocore.session.get_session().get_service_model(SERVICES.get(service, service))
    return model.operation_model(action[0].upper() + action[1:])


def _integration(resource: str) -> str:
    return resource.split(":::")[1].removeprefix("aws-sdk:").removesuffix(".sync")


# --- what is given to a service


def argument_problems(arguments: Any, operation: OperationModel) -> list[str]:
    """What the service has against arguments: names, types, required members and values of enumerations."""
    shape = operation.input_shape
    assert shape is not None
    renamed = to_model(arguments, shape)
    report = ParamValidator().validate(renamed, shape)
    return [*report.generate_report().splitlines(), *_unlisted(renamed, shape, operation.name)]


def to_model(value: Any, shape: Shape) -> Any:
    """Arguments as botocore names them: Step Functions spells all members in Pascal case, some services do not."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        own = {pascal(name): name for name in shape.members}
        return {
            own.get(name, name): to_model(entry, shape.members[own[name]]) if name in own else entry
            for name, entry in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_model(entry, shape.member) for entry in value]
    return value


def _unlisted(value: Any, shape: Shape, place: str) -> Iterator[str]:
    """Values that an enumeration of the model does not have; botocore leaves these to the service."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, entry in value.items():
            if name in shape.members:
                yield from _unlisted(entry, shape.members[name], f"{place}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for entry in value:
            yield from _unlisted(entry, shape.member, f"{place}[]")
    elif isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield f"{place} is {value!r}, not one of {', '.join(shape.enum)}"


def pascal(name: str) -> str:
    """A member's name as Step Functions spells it."""
    return name[0].upper() + name[1:]


# --- what a service answers


def result_of(resource: str, given: Mapping[str, Any]) -> Sample:
    """A sample of what a Task answers with: every member that the model has."""
    integration = _integration(resource)
    operation = operation_of(resource)
    shape = operation.output_shape
    if resource.endswith(".sync"):
        action, member = SYNC_RESULTS[integration]
        shape = operation.service_model.operation_model(action).output_shape
        assert shape is not None
        if member:
            return sample_of(shape.members[member], given)
    return sample_of(shape, given) if shape else {"value": {}}


def sample_of(shape: Shape, given: Any = None, above: tuple[str, ...] = ()) -> Sample:
    """A value of a shape; what is given replaces parts of it. A shape inside itself has no members."""
    if isinstance(shape, StructureShape):
        inside = {} if shape.name in above else shape.members
        parts = given or {}
        members = {
            pascal(name): sample_of(member, parts.get(pascal(name)), (*above, shape.name))
            for name, member in inside.items()
        }
        return {"members": {**members, **{SPELLINGS[name]: members[name] for name in members if name in SPELLINGS}}}
    if isinstance(shape, ListShape):
        return {"items": sample_of(shape.member, (given or [None])[0], above)}
    if given is not None:
        return {"value": given}
    if isinstance(shape, MapShape):
        return {"value": {"key": "text"}}
    if isinstance(shape, StringShape) and shape.enum:
        return {"value": shape.enum[0]}
    kinds = {"boolean": True, "integer": 1, "long": 1, "double": 1.5, "float": 1.5, "timestamp": TIME}
    return {"value": kinds.get(shape.type_name, "text".ljust(shape.metadata.get("min", 0), "-"))}


def check(definition: dict[str, Any], listing: dict[str, Any], contract: dict[str, Any]) -> Walk:
    """Go through both state machines with one dataset and one view.

    Args:
        definition: the pipeline's.
        listing: that of the listing.
        contract: a dataset's, as Terraform writes it.
    """
    report = {"dataset": "flights", "status": "loaded"}
    page = {"digest": "d", "objects": 1, "bytes": 1, "nextPage": "token", "pages": 0}
    walk = Walk(
        {
            "Read dataset contract": {"Body": json.dumps(contract)},
            "Read job report": {"Body": json.dumps(report)},
            "Check Parquet table": {"Table": {"Parameters": {"run_id": "r", "listing_digest": "d", "units": "1"}}},
            "Check S3 for new data": {"Status": "SUCCEEDED", "Output": json.dumps(page)},
            "Convert to Parquet with Snappy": {"JobRunState": "STOPPED"},
            "Look for removed datasets": {
                "Status": "SUCCEEDED",
                "Output": json.dumps({"ours": ["boats"], "others": []}),
            },
        },
        UNREACHED[contract["workflow"]["crawler_name"] is not None],
    )
    outer = definition["States"]
    wanted = {"flights": [{"month": "2013-02"}]}
    walk.through(outer, {"partitions": wanted, "force": True, "verify": True})
    chosen = {"dataset": "flights", "contract": {"bucket": "artifacts", "key": "contracts/flights.json"}}
    walk.through(outer["Process datasets"]["ItemProcessor"]["States"], chosen)
    view = outer["Create Athena views"]["Items"][0]
    walk.variables["tableDigests"] = dict.fromkeys(view["tables"], "d")
    walk.through(outer["Create Athena views"]["ItemProcessor"]["States"], view)
    wanted_of_both = {
        "bucket": "raw",
        "prefix": "flights/",
        "database": "flights_dev",
        "ours": [],
        "others": [],
        **page,
    }
    walk.through(listing["States"], wanted_of_both)
    return walk
