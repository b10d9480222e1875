"""Throttling and transient errors, as botocore meets them on the wire, and errors that stay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

import pytest

from catalog import CatalogError, Partition, Table, TableChangedError
from catalog_glue import CALL_ATTEMPTS, GlueCatalog
from storage import S3Storage, StorageError
from tests.unit.wire import answering, clients_of

# CLIENT_CONFIG: the first attempt and eight more.
ATTEMPTS = 9
# Backoff of botocore's standard mode: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html
LONGEST_WAIT = 20


class Server:
    """Answers requests with the status and body of a list, the last one for ever; None breaks the connection."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str] | None] = []
        self.requests = 0
        self.callers: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler, _: bytes) -> tuple[int, str] | None:
        self.requests += 1
        self.callers.append(request.headers["User-Agent"])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that botocore would have slept."""
    found: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=found.append))
    return found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Iterator[Server]:
    """Yield a server that the job's own clients talk to."""
    server = Server()
    with answering(server.answer) as endpoint, clients_of(endpoint, monkeypatch, AWS_DEFAULT_REGION="us-east-1"):
        yield server


def s3_error(status: int, code: str) -> tuple[int, str]:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>"


def glue_error(status: int, code: str) -> tuple[int, str]:
    return status, json.dumps({"__type": code, "message": "no"})


def read_object() -> Any:
    return S3Storage().read_bytes("s3://bucket/a/key.csv")


def write_object() -> Any:
    return S3Storage().write_bytes("s3://bucket/a/key.csv", b"data")


def find_table() -> Any:
    found = GlueCatalog("db").find_table("trips")
    return found.name if found else None


def write_table() -> Any:
    return GlueCatalog("db").update_table(Table("db", {"Name": "trips"}, "1"))


GOOD_TABLE = (200, json.dumps({"Table": {"Name": "trips"}}))
CALLS: dict[str, tuple[Callable[[], Any], tuple[int, str], tuple[int, str], Any]] = {
    "S3 GetObject s3://bucket/a/key.csv": (read_object, s3_error(503, "SlowDown"), (200, "rows"), b"rows"),
    "S3 PutObject s3://bucket/a/key.csv": (write_object, s3_error(500, "InternalError"), (200, ""), '"e"'),
    "Glue GetTable db.trips": (find_table, glue_error(400, "ThrottlingException"), GOOD_TABLE, "trips"),
    "Glue UpdateTable db.trips": (write_table, glue_error(500, "InternalServiceException"), (200, "{}"), None),
}


@pytest.mark.parametrize("call", CALLS)
def it_tries_again_with_jitter_until_it_succeeds(server: Server, waits: list[float], call: str) -> None:
    action, trouble, good, result = CALLS[call]
    server.answers = [trouble, trouble, None, trouble, good]
    assert action() == result
    assert server.requests == 5
    # Each wait is drawn from a range that doubles: many clients that were throttled at once do not come back at once.
    assert len(waits) == len(set(waits)) == 4
    assert all(0 < seconds < 2**number for number, seconds in enumerate(waits))


@pytest.mark.parametrize("call", CALLS)
def it_says_in_the_logs_of_aws_who_asks(server: Server, call: str) -> None:
    action, _, good, _ = CALLS[call]
    server.answers = [good]
    action()
    assert [caller.partition(" Boto3/")[0] for caller in server.callers] == ["csv-to-parquet"]


@pytest.mark.parametrize("call", CALLS)
def it_gives_up_in_the_end_and_names_the_call_and_the_object(server: Server, waits: list[float], call: str) -> None:
    action, trouble, _, _ = CALLS[call]
    code = (
        trouble[1].split("<Code>")[-1].split("<")[0] if trouble[1].startswith("<") else json.loads(trouble[1])["__type"]
    )
    server.answers = [trouble]
    with pytest.raises((StorageError, CatalogError), match=f"^{call}: {code}: no"):
        action()
    assert server.requests == ATTEMPTS
    assert max(waits) < LONGEST_WAIT


@pytest.mark.parametrize("call", CALLS)
def it_does_not_repeat_what_is_forbidden(server: Server, call: str) -> None:
    denied = s3_error(403, "AccessDenied") if call.startswith("S3") else glue_error(400, "AccessDeniedException")
    server.answers = [denied]
    with pytest.raises((StorageError, CatalogError), match=f"^{call}: AccessDenied(Exception)?: no"):
        CALLS[call][0]()
    assert server.requests == 1


@pytest.mark.parametrize("call", CALLS)
def it_names_call_and_object_when_nobody_answers(server: Server, call: str) -> None:
    server.answers = [None]
    with pytest.raises((StorageError, CatalogError), match=f"^{call}: ConnectionClosedError: "):
        CALLS[call][0]()
    assert server.requests == ATTEMPTS


# ---------------------------------------------------------------------------------------- what botocore does not repeat
TRIPS = Table("db", {"Name": "trips", "StorageDescriptor": {}}, "1")
ONE = [Partition(("1",), "s3://lake/1/", {})]
WHOLE_CALLS: dict[str, tuple[Callable[[GlueCatalog], Any], str]] = {
    "GetTable db.trips": (lambda catalog: catalog.find_table("trips"), '{"Table": {"Name": "trips"}}'),
    "UpdateTable db.trips": (lambda catalog: catalog.update_table(TRIPS), "{}"),
    "GetPartitions db.trips": (lambda catalog: catalog.list_partitions("trips"), '{"Partitions": []}'),
    "BatchGetPartition db.trips": (
        lambda catalog: catalog.get_partitions("trips", [("1",)]),
        '{"Partitions": [{"Values": ["1"]}]}',
    ),
    "BatchCreatePartition db.trips partition [1]": (lambda catalog: catalog.create_partitions(TRIPS, ONE), "{}"),
    "BatchUpdatePartition db.trips partition [1]": (lambda catalog: catalog.update_partitions(TRIPS, ONE), "{}"),
    "BatchDeletePartition db.trips partition [1]": (lambda catalog: catalog.delete_partitions("trips", [("1",)]), "{}"),
}


@pytest.mark.parametrize("code", ["OperationTimeoutException", "ResourceNotReadyException"])
@pytest.mark.parametrize("call", WHOLE_CALLS)
def it_makes_a_call_again_that_glue_answers_with_a_passing_error(server: Server, call: str, code: str) -> None:
    action, good = WHOLE_CALLS[call]
    server.answers = [glue_error(400, code), glue_error(400, code), (200, good)]
    action(GlueCatalog("db", pause=0))
    assert server.requests == 3


@pytest.mark.parametrize("call", WHOLE_CALLS)
def it_names_the_call_whose_error_does_not_pass(server: Server, call: str) -> None:
    server.answers = [glue_error(400, "OperationTimeoutException")]
    with pytest.raises(CatalogError, match="^" + re.escape(f"Glue {call}: OperationTimeoutException: no")):
        WHOLE_CALLS[call][0](GlueCatalog("db", pause=0))
    assert server.requests == CALL_ATTEMPTS


def it_lists_all_partitions_when_a_page_had_to_be_asked_for_again(server: Server) -> None:
    server.answers = [
        (200, '{"Partitions": [{"Values": ["1"]}], "NextToken": "more"}'),
        glue_error(400, "OperationTimeoutException"),
        (200, '{"Partitions": [{"Values": ["2"]}]}'),
    ]
    assert list(GlueCatalog("db", pause=0).list_partitions("trips")) == [("1",), ("2",)]


def it_leaves_a_table_to_whoever_changed_it_first(server: Server) -> None:
    server.answers = [glue_error(400, "ConcurrentModificationException")]
    with pytest.raises(TableChangedError):
        GlueCatalog("db", pause=0).update_table(TRIPS)
    assert server.requests == 1
