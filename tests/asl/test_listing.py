"""The digest of a listing: what the two state machines fold and the job stores are the same."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pytest

import sources
from contract import parse_contract
from storage import StoredObject
from tests.asl.expressions import evaluate
from tests.asl.test_expressions import CONTRACT, decision, read_contract, sha256


def listing(objects: int, seed: int = 1) -> list[dict[str, Any]]:
    """Objects as ListObjectsV2 answers them: keys that need escaping, folders, other files."""
    chosen = random.Random(seed)  # noqa: S311 (nothing secret)
    letters = "ab /=+&%\"'\\\u00e9\u4e2d\U0001f600<>$`{}#?~|^,;:@!()[]*\t"
    endings = [".csv", ".csv.gz", ".txt", "", "/", "/_SUCCESS"]
    keys = {
        f"flights/{number:06}" + "".join(chosen.choices(letters, k=chosen.randrange(30))) + chosen.choice(endings)
        for number in range(objects)
    }
    return [
        {
            "Key": key,
            "ETag": f'"{sha256(key)[:32]}"' if chosen.random() < 0.8 else f'"{sha256(key)[:32]}-7"',
            "Size": 0 if key.endswith("/") else chosen.randrange(2**36),
            "LastModified": "2026-01-01T00:00:00Z",
            "StorageClass": "STANDARD",
        }
        for key in sorted(keys, key=lambda key: key.encode())
    ]


class StoredListing:
    """A storage that lists given objects, for the job."""

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        self.objects = objects

    def list(self, prefix_uri: str) -> Iterator[StoredObject]:
        moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
        for entry in self.objects:
            yield StoredObject(f"s3://raw/{entry['Key']}", entry["Key"], entry["Size"], entry["ETag"], moment)


def digest_of_the_job(objects: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the job stores for a listing."""
    monkeypatch.setattr(sources, "open_storage", lambda uri: StoredListing(objects))
    contract = parse_contract(
        {
            "dataset": "flights",
            "fingerprint": "f1",
            "source_uri": "s3://raw/flights/",
            "lake_uri": "s3://lake/",
            "columns": [{"name": "carrier"}],
        }
    )
    return sources.list_units(contract).digest


@dataclass
class Folded:
    """What the two state machines made of a listing."""

    variables: dict[str, Any]
    transitions: int = 0
    requests: int = 0


def fold_by_state_machine(
    inner: dict[str, Any], listing_states: dict[str, Any], objects: list[dict[str, Any]], page: int
) -> Folded:
    """Go through the states as Step Functions would, from the first call of the listing to the decision."""
    folded = Folded({**read_contract(inner, CONTRACT), "digest": "f1", "rawElsewhere": False, "causeLimit": 2000})
    state = inner["Check S3 for new data"]
    while True:
        arguments = evaluate(state["Arguments"], **folded.variables)
        assert arguments["StateMachineArn"].endswith(":stateMachine:flights-dev-listing")
        output, requests = one_execution(listing_states, json.loads(arguments["Input"]), objects, page)
        folded.requests += requests
        result = {"Status": "SUCCEEDED", "Output": json.dumps(output)}
        folded.variables.update(evaluate(state["Assign"], {"result": result}, **folded.variables))
        handed_on = evaluate(state["Output"], {"result": result}, **folded.variables)
        assert handed_on == {}
        folded.transitions += 2
        decision = inner["New data?"]["Choices"]
        assert not any(evaluate(rule["Condition"], {"input": handed_on}, **folded.variables) for rule in decision[:2])
        if not evaluate(decision[2]["Condition"], {"input": handed_on}, **folded.variables):
            return folded
        assert decision[2]["Next"] == "Check S3 for new data"


def one_execution(
    states: dict[str, Any], value: dict[str, Any], objects: list[dict[str, Any]], page: int
) -> tuple[dict[str, Any], int]:
    """One execution of the state machine that lists, and how many pages it asked for."""
    requests = 0
    while True:
        arguments = evaluate(states["List a page"]["Arguments"], {"input": value})
        assert (arguments["Bucket"], arguments["Prefix"], arguments["MaxKeys"]) == ("raw", "flights/", 100)
        first = int(arguments.get("ContinuationToken", "0"))
        answer: dict[str, Any] = {"KeyCount": len(objects[first : first + page])}
        if objects:
            answer["Contents"] = objects[first : first + page]
        answer["IsTruncated"] = first + page < len(objects)
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = str(first + page)
        requests += 1
        value = evaluate(states["List a page"]["Output"], {"input": value, "result": answer})
        # What StartSyncExecution takes and returns is bounded like everything else that passes between states.
        assert len(json.dumps(value)) < 2000
        if not evaluate(states["Another page?"]["Choices"][0]["Condition"], {"input": value}):
            output: dict[str, Any] = evaluate(states["Pages listed"]["Output"], {"input": value})
            return output, requests


@pytest.mark.parametrize(
    ("count", "page"), [(0, 100), (1, 100), (2, 1), (99, 100), (100, 100), (101, 100), (5_000, 100)]
)
def it_folds_a_listing_as_the_job_does(
    inner: dict[str, Any],
    listing_states: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    page: int,
) -> None:
    objects = listing(count)
    assert len(objects) == count
    expected = "f1"
    for entry in objects:
        expected = sha256(expected + entry["Key"] + entry["ETag"])
    folded = fold_by_state_machine(inner, listing_states, objects, page)
    assert folded.variables["digest"] == expected == digest_of_the_job(objects, monkeypatch)
    assert folded.variables["objects"] == count
    assert folded.variables["bytes"] == sum(entry["Size"] for entry in objects)
    assert folded.requests == max(1, math.ceil(count / page))
    # Beside these two: the contract, three tables, and the end.
    assert folded.transitions + 5 <= 6 + folded.requests


@pytest.mark.parametrize("seed", range(20))
def it_folds_any_listing_as_the_job_does(
    inner: dict[str, Any], listing_states: dict[str, Any], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chosen = random.Random(seed)  # noqa: S311 (nothing secret)
    objects = listing(chosen.randrange(60), seed)
    folded = fold_by_state_machine(inner, listing_states, objects, chosen.randint(1, 20))
    assert folded.variables["digest"] == digest_of_the_job(objects, monkeypatch)


def it_does_not_depend_on_where_pages_end(inner: dict[str, Any], listing_states: dict[str, Any]) -> None:
    objects = listing(40, seed=7)
    digests = {fold_by_state_machine(inner, listing_states, objects, page).variables["digest"] for page in (3, 7, 40)}
    assert len(digests) == 1


def it_asks_again_for_what_does_not_fit_into_one_call(inner: dict[str, Any], listing_states: dict[str, Any]) -> None:
    objects = listing(510, seed=3)
    folded = fold_by_state_machine(inner, listing_states, objects, page=1)
    # 250 pages a call.
    assert (folded.requests, folded.transitions) == (510, 2 * 3)
    whole = fold_by_state_machine(inner, listing_states, objects, page=100)
    assert folded.variables["digest"] == whole.variables["digest"]


@pytest.mark.parametrize("spelling", ["ETag", "Etag"])
@pytest.mark.parametrize("quote", ['"', ""])
def it_folds_a_listing_however_its_tags_are_spelt(
    inner: dict[str, Any],
    listing_states: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    spelling: str,
    quote: str,
) -> None:
    objects = listing(30, seed=11)
    spelt = [
        {
            **{name: value for name, value in entry.items() if name != "ETag"},
            spelling: entry["ETag"].replace('"', quote),
        }
        for entry in objects
    ]
    folded = fold_by_state_machine(inner, listing_states, spelt, page=7)
    assert folded.variables["digest"] == digest_of_the_job(objects, monkeypatch)


@pytest.mark.parametrize("character", ["k", '"', "\u00e9", "\u4e2d", "\U0001f600", "\t"])
def it_asks_for_no_more_than_a_state_may_receive(listing_states: dict[str, Any], character: str) -> None:
    # A key has at most 1,024 bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    key = character * (1024 // len(character.encode()))
    longest = {
        "Key": key,
        "LastModified": "2026-01-01T00:00:00.000Z",
        "ETag": f'"{"f" * 32}-10000"',
        "ChecksumAlgorithm": ["CRC64NVME"],
        "ChecksumType": "FULL_OBJECT",
        "Size": 5 * 2**40,
        "StorageClass": "INTELLIGENT_TIERING",
    }
    value = {
        "bucket": "raw",
        "prefix": key,
        "nextPage": "t" * 1500,
        "digest": "d",
        "objects": 0,
        "bytes": 0,
        "pages": 0,
    }
    arguments = evaluate(listing_states["List a page"]["Arguments"], {"input": value})
    answer = {
        "Name": "b" * 63,
        "Prefix": key,
        "MaxKeys": arguments["MaxKeys"],
        "KeyCount": arguments["MaxKeys"],
        "IsTruncated": True,
        "ContinuationToken": value["nextPage"],
        "NextContinuationToken": value["nextPage"],
        "Contents": [longest] * arguments["MaxKeys"],
    }
    # As UTF-8: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert len(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()) <= 256 * 1024


SOURCE = {"workflow": {"source_bucket": "raw", "source_prefix": "flights/"}}


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (
            {"Status": "FAILED", "Error": "ListingFailed", "Cause": "S3.S3Exception: Access Denied"},
            "Listing s3://raw/flights/ failed: S3.S3Exception: Access Denied",
        ),
        (
            {
                "Status": "FAILED",
                "Error": "ListingFailed",
                "Cause": "S3.S3Exception: The bucket you are attempting to access must be addressed using the "
                "specified endpoint. Please send all future requests to this endpoint. (Service: S3, Status Code: 301)",
            },
            "Listing s3://raw/flights/ failed: the bucket is in another region than this state machine. Bring a bucket "
            "of this region, or apply the module in the bucket's region.",
        ),
        (
            {"Status": "TIMED_OUT", "Error": "States.Timeout"},
            "Listing s3://raw/flights/ ended as TIMED_OUT. Start the execution again.",
        ),
        (
            {"Status": "FAILED", "Error": "States.DataLimitExceeded", "Cause": "The state/task returned a result"},
            "Listing s3://raw/flights/ failed: 100 keys below it take more than the 256 KiB that a state may receive. "
            "Rename the objects whose keys are full of control characters.",
        ),
    ],
)
def it_fails_the_dataset_when_its_listing_failed(inner: dict[str, Any], result: dict[str, str], cause: str) -> None:
    state = inner["Check S3 for new data"]
    before = {"digest": "f1", "objects": 500, "bytes": 9, "nextPage": "token", "causeLimit": 13}
    assigned = evaluate(state["Assign"], {"result": result}, **before)
    assert assigned == {"digest": "f1", "objects": 500, "bytes": 9, "nextPage": ""}
    handed_on = evaluate(state["Output"], {"result": result}, causeLimit=2000, contract=SOURCE)
    assert handed_on == {"error": "ListingFailed", "cause": cause}
    assert decision(inner, {"input": handed_on}, digest="e") == "Dataset failed"
    assert len(evaluate(state["Output"], {"result": result}, causeLimit=5, contract=SOURCE)["cause"]) == 5


@pytest.mark.parametrize("error", ["S3.S3Exception", "States.Timeout"])
def it_tells_why_a_page_could_not_be_listed(listing_states: dict[str, Any], error: str) -> None:
    denied = {"Error": error, "Cause": "Access Denied"}
    caught = evaluate(listing_states["List a page"]["Catch"][0]["Output"], {"errorOutput": denied})
    failed = listing_states["Listing failed"]
    assert failed["Error"] == "ListingFailed"
    assert evaluate(failed["Cause"], {"input": caught}) == f"{error}: Access Denied"
