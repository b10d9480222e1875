"""What the expressions of the definition compute, each against an answer worked out by other code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.asl.expressions import evaluate
from tests.asl.rendering import Rendered

KNOWN = ["airlines", "flights", "weather"]
CONTRACT = {
    "dataset": "flights",
    "fingerprint": "f1",
    "database": "flights_dev",
    "raw_table": "raw_flights",
    "parquet_table": "flights",
    "quarantine_table": "flights_quarantine",
    "columns": [{"name": "carrier", "type": "string"}],
    "workflow": {
        "source_bucket": "raw",
        "source_prefix": "flights/",
        "crawler_name": None,
        "raw_table_input": {"Name": "raw_flights"},
        "parquet_table_input": {
            "Name": "flights",
            "StorageDescriptor": {"Location": "s3://lake/tables/flights/", "Columns": []},
            "PartitionKeys": [{"Name": "month", "Type": "string"}],
        },
        "quarantine_table_input": {"Name": "flights_quarantine"},
    },
}


def started(state: dict[str, Any], execution_input: Any, name: str = "run-1") -> dict[str, Any]:
    """The variables after "Check input"."""
    context = {"Execution": {"Name": name}}
    assigned: dict[str, Any] = evaluate(state["Assign"], {"input": execution_input, "context": context})
    return assigned


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- the execution input


@pytest.mark.parametrize(
    "execution_input",
    [
        {},
        {"datasets": ["flights"]},
        {"datasets": ["flights", "airlines"], "force": True, "dry_run": False},
        {"partitions": {"flights": [{"month": "2013-02"}]}},
        {"datasets": ["flights"], "partitions": {"flights": [{"month": "2013-02"}, {"month": "2013-03"}]}},
        {"verify": True},
        {"wait_until": "2026-01-31T12:00:00Z"},
        {"wait_until": "2026-01-31T12:00:00.123Z"},
        {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn"},
    ],
)
def it_accepts_a_right_input(outer: dict[str, Any], execution_input: Any) -> None:
    variables = started(outer["Check input"], execution_input)
    assert variables["problems"] == []
    assert not evaluate(outer["Input accepted?"]["Choices"][0]["Condition"], problems=variables["problems"])


@pytest.mark.parametrize(
    ("execution_input", "sentence"),
    [
        (
            {"dataset": ["flights"]},
            "Unknown key: dataset. Known keys: datasets, dry_run, force, partitions, verify, wait_until.",
        ),
        ({"a": 1, "b": 2}, "Unknown key: a, b. Known keys: datasets, dry_run, force, partitions, verify, wait_until."),
        ({"datasets": ["flihgts"]}, "Unknown dataset: flihgts. Known datasets: airlines, flights, weather."),
        ({"datasets": ["x", "flights", "y"]}, "Unknown dataset: x, y. Known datasets: airlines, flights, weather."),
        ({"datasets": []}, "datasets must be a list of at least one dataset name."),
        ({"datasets": "flights"}, "datasets must be a list of at least one dataset name."),
        ({"datasets": None}, "datasets must be a list of at least one dataset name."),
        ({"datasets": [1]}, "datasets must be a list of at least one dataset name."),
        ({"force": "yes"}, "force must be true or false."),
        ({"force": 1}, "force must be true or false."),
        ({"wait_until": "tomorrow"}, "wait_until must be a time in UTC, for example 2026-01-31T12:00:00Z."),
        ({"wait_until": 1}, "wait_until must be a time in UTC, for example 2026-01-31T12:00:00Z."),
        ({"dry_run": "false"}, "dry_run must be true or false."),
        ({"verify": "true"}, "verify must be true or false."),
        ({"partitions": [{"month": "2013-02"}]}, "partitions must be an object from dataset name to a list"),
        (
            {"datasets": ["airlines"], "partitions": {"flights": [{"month": "2013-02"}]}},
            "partitions names a dataset that is not processed: flights. Processed datasets: airlines.",
        ),
        ({"partitions": {"flights": []}}, "a list of at least one object of partition values for: flights."),
        (
            {"partitions": {"flights": {"month": "1"}}},
            "a list of at least one object of partition values for: flights.",
        ),
        ({"partitions": {"flights": ["2013-02"]}}, "a list of at least one object of partition values for: flights."),
        ([], "The input must be a JSON object."),
        (["flights"], "The input must be a JSON object."),
        ("flights", "The input must be a JSON object."),
    ],
)
def it_refuses_a_wrong_input(outer: dict[str, Any], execution_input: Any, sentence: str) -> None:
    problems = started(outer["Check input"], execution_input)["problems"]
    assert len(problems) == 1
    assert evaluate(outer["Input accepted?"]["Choices"][0]["Condition"], problems=problems)
    assert sentence in evaluate(outer["Reject input"]["Cause"], problems=problems)


def it_names_every_problem_at_once(outer: dict[str, Any]) -> None:
    problems = started(outer["Check input"], {"forse": True, "datasets": ["nope"], "dry_run": 1})["problems"]
    cause = evaluate(outer["Reject input"]["Cause"], problems=problems)
    assert "Unknown key: forse." in cause
    assert "Unknown dataset: nope." in cause
    assert "dry_run must be true or false." in cause


def it_processes_all_datasets_unless_some_are_named(outer: dict[str, Any]) -> None:
    assert started(outer["Check input"], {})["selected"] == KNOWN
    assert started(outer["Check input"], {"datasets": ["weather"]})["selected"] == ["weather"]
    assert started(outer["Check input"], {"datasets": ["weather", "flights", "weather"]})["selected"] == [
        "weather",
        "flights",
    ]


def it_reads_the_switches(outer: dict[str, Any]) -> None:
    nothing = started(outer["Check input"], {})
    assert (nothing["force"], nothing["dryRun"], nothing["verify"], nothing["partitions"]) == (False, False, False, {})
    wanted = {"flights": [{"month": "2013-02"}]}
    given = {"force": True, "dry_run": True, "verify": True, "partitions": wanted}
    everything = started(outer["Check input"], given)
    assert (everything["force"], everything["dryRun"], everything["verify"]) == (True, True, True)
    assert everything["partitions"] == wanted


@pytest.mark.parametrize(
    ("name", "run_id"),
    [("a1-B.c_2", "a1-B.c_2"), ("2013 \u00e9/x:y", "2013---x-y"), ("arn=1+2", "arn-1-2")],
)
def it_makes_a_run_id_fit_for_keys_of_the_execution_name(outer: dict[str, Any], name: str, run_id: str) -> None:
    assert started(outer["Check input"], {}, name)["runId"] == run_id


def it_hands_each_iteration_its_dataset(outer: dict[str, Any]) -> None:
    contracts = outer["Check input"]["Assign"]["contracts"]
    item = evaluate(
        outer["Process datasets"]["ItemSelector"],
        {"context": {"Map": {"Item": {"Index": 0, "Value": "airlines"}}}},
        contracts=contracts,
    )
    assert item == {
        "dataset": "airlines",
        "contract": {"bucket": "other-artifacts", "key": "contracts/airlines.json"},
    }


# --- the contract and the tables


def read_contract(inner: dict[str, Any], contract: dict[str, Any]) -> dict[str, Any]:
    """The variables after "Read dataset contract"."""
    states = {
        "input": {"dataset": "flights", "contract": {"bucket": "artifacts", "key": "contracts/flights.json"}},
        "result": {"Body": json.dumps(contract), "ETag": '"x"'},
    }
    variables: dict[str, Any] = evaluate(inner["Read dataset contract"]["Assign"], states)
    return variables


def it_keeps_of_the_contract_only_what_the_state_machine_uses(inner: dict[str, Any]) -> None:
    variables = read_contract(inner, CONTRACT)
    assert set(variables["contract"]) == {
        "fingerprint",
        "database",
        "raw_table",
        "parquet_table",
        "quarantine_table",
        "workflow",
    }
    assert variables["contractUri"] == "s3://artifacts/contracts/flights.json"
    assert variables["sourceUri"] == "s3://raw/flights/"
    assert variables["crawled"] is False


def it_knows_a_crawled_dataset_by_its_crawler(inner: dict[str, Any]) -> None:
    crawled = {**CONTRACT, "workflow": {**CONTRACT["workflow"], "crawler_name": "weather"}}  # type: ignore[dict-item]
    assert read_contract(inner, crawled)["crawled"] is True


@pytest.mark.parametrize("prefix", ["", "flights", "flights/", "a/b/"])
def it_reads_any_source_prefix(inner: dict[str, Any], prefix: str) -> None:
    contract = {**CONTRACT, "workflow": {**CONTRACT["workflow"], "source_prefix": prefix}}  # type: ignore[dict-item]
    assert read_contract(inner, contract)["sourceUri"] == f"s3://raw/{prefix}".rstrip("/") + "/"


@pytest.mark.parametrize(
    ("location", "elsewhere"),
    [
        ("s3://raw/flights/", False),
        ("s3://raw/flights", False),
        ("s3://raw/flights/month=1/", True),
        ("s3://other/flights/", True),
        (None, True),
    ],
)
def it_compares_the_location_of_the_raw_table(inner: dict[str, Any], location: str | None, elsewhere: bool) -> None:
    storage = {"Columns": [], **({"Location": location} if location else {})}
    variables = read_contract(inner, CONTRACT)
    found = evaluate(
        inner["Check raw table"]["Assign"], {"result": {"Table": {"StorageDescriptor": storage}}}, **variables
    )
    assert found["rawElsewhere"] is elsewhere
    report = evaluate(inner["Raw table is elsewhere"]["Output"], **{**variables, **found})["report"]
    assert report["status"] == "failed"
    if elsewhere:
        assert "flights_dev.raw_flights" in report["cause"]
        assert (location or "no location") in report["cause"]
        assert "s3://raw/flights/" in report["cause"]


@pytest.mark.parametrize("names", [["a"], ["a", "b"], [f"column_{number}" for number in range(300)]])
def it_starts_the_digest_of_a_crawled_dataset_with_its_columns(inner: dict[str, Any], names: list[str]) -> None:
    columns = [{"Name": name, "Type": "bigint", "Comment": "ignored"} for name in names]
    crawled = {**CONTRACT, "workflow": {**CONTRACT["workflow"], "crawler_name": "weather"}}  # type: ignore[dict-item]
    variables = read_contract(inner, crawled)
    table = {"StorageDescriptor": {"Columns": columns, "Location": "s3://raw/flights/"}}
    expected = "f1"
    for name in names:
        expected = sha256(f"{expected}{name}:bigint")
    for state in ("Check raw table", "Read crawled table"):
        found = evaluate(inner[state]["Assign"], {"result": {"Table": table}}, **variables)
        assert found["digest"] == expected
        assert found["rawColumns"] == [{"Name": name, "Type": "bigint"} for name in names]
        created = evaluate(inner["Create Parquet table"]["Arguments"], **{**variables, **found})["TableInput"]
        assert created["StorageDescriptor"] == {
            "Location": "s3://lake/tables/flights/",
            "Columns": [{"Name": name, "Type": "bigint"} for name in names],
        }
        assert created["PartitionKeys"] == [{"Name": "month", "Type": "string"}]


def it_creates_declared_tables_as_the_contract_says(inner: dict[str, Any]) -> None:
    variables = read_contract(inner, CONTRACT)
    workflow: dict[str, Any] = CONTRACT["workflow"]  # type: ignore[assignment]
    for state, table in (("raw", "raw"), ("Parquet", "parquet"), ("quarantine", "quarantine")):
        arguments = evaluate(inner[f"Create {state} table"]["Arguments"], **variables)
        assert arguments == {"DatabaseName": "flights_dev", "TableInput": workflow[f"{table}_table_input"]}


@pytest.mark.parametrize(
    ("parameters", "before", "digest"),
    [
        ({}, False, ""),
        ({"classification": "parquet", "publishing_run": "r"}, False, ""),
        ({"run_id": "r", "listing_digest": "d"}, True, "d"),
        ({"run_id": "r", "publishing_run": "s"}, True, ""),
    ],
)
def it_reads_what_was_loaded_before(
    inner: dict[str, Any], parameters: dict[str, str], before: bool, digest: str
) -> None:
    found = evaluate(inner["Check Parquet table"]["Assign"], {"result": {"Table": {"Parameters": parameters}}})
    assert (found["loadedBefore"], found["loadedDigest"]) == (before, digest)


@pytest.mark.parametrize(
    ("parameters", "units"),
    [({"units": "12"}, 12), ({"units": "0"}, 0), ({}, -1), ({"units": "many"}, -1)],
)
def it_reads_how_many_units_are_published(inner: dict[str, Any], parameters: dict[str, str], units: int) -> None:
    found = evaluate(inner["Check Parquet table"]["Assign"], {"result": {"Table": {"Parameters": parameters}}})
    assert found["loadedUnits"] == units


# --- what to do


def decision(inner: dict[str, Any], states: dict[str, Any] | None = None, **changed: Any) -> str:
    """Where "New data?" leads."""
    variables = {
        "rawElsewhere": False,
        "nextPage": "",
        "loadedBefore": True,
        "loadedDigest": "d",
        "digest": "d",
        "created": [],
        "rawRepair": {},
        "quarantineRepair": {},
        "parquetRepair": {},
        "force": False,
        "verify": False,
        "dryRun": False,
        "partitions": {},
        "dataset": "flights",
        **changed,
    }
    state = inner["New data?"]
    for rule in state["Choices"]:
        if evaluate(rule["Condition"], states or {"input": {}}, **variables):
            return str(rule["Next"])
    return str(state["Default"])


@pytest.mark.parametrize(
    ("changed", "leads_to"),
    [
        ({}, "Nothing new"),
        ({"digest": "e"}, "Insert only new data"),
        ({"digest": "e", "parquetRepair": {"Name": "flights"}}, "Insert only new data"),
        ({"parquetRepair": {"Name": "flights"}}, "Update Parquet table"),
        ({"rawRepair": {"Name": "raw_flights"}, "loadedBefore": False}, "Update raw table"),
        ({"quarantineRepair": {"Name": "flights_quarantine"}, "digest": "e"}, "Update quarantine table"),
        ({"quarantineRepair": {"Name": "x"}, "rawRepair": {"Name": "x"}, "dryRun": True}, "Insert only new data"),
        ({"loadedDigest": ""}, "Insert only new data"),
        ({"created": ["raw_flights"]}, "Insert only new data"),
        ({"force": True}, "Insert only new data"),
        ({"verify": True}, "Insert only new data"),
        ({"verify": True, "loadedBefore": False}, "Convert to Parquet with Snappy"),
        ({"dryRun": True}, "Insert only new data"),
        ({"partitions": {"flights": [{"month": "2013-02"}]}}, "Insert only new data"),
        ({"partitions": {"weather": [{"month": "2013-02"}]}}, "Nothing new"),
        ({"loadedBefore": False, "loadedDigest": ""}, "Convert to Parquet with Snappy"),
        ({"nextPage": "token", "digest": "e", "loadedBefore": False}, "Check S3 for new data"),
        ({"rawElsewhere": True, "nextPage": "token", "loadedBefore": False}, "Raw table is elsewhere"),
    ],
)
def it_decides_what_has_to_be_done(inner: dict[str, Any], changed: dict[str, Any], leads_to: str) -> None:
    assert decision(inner, **changed) == leads_to


def it_crosses_seven_states_for_an_idle_dataset_of_one_page(inner: dict[str, Any]) -> None:
    visited = ["Read dataset contract"]
    while not inner[visited[-1]].get("End"):
        state = inner[visited[-1]]
        visited.append(decision(inner) if state["Type"] == "Choice" else state["Next"])
    assert len(visited) == 7, visited
    assert visited[-1] == "Nothing new"


def it_starts_the_job_with_its_arguments(inner: dict[str, Any]) -> None:
    variables: dict[str, Any] = {
        "dataset": "flights",
        "contractUri": "s3://artifacts/contracts/flights.json",
        "runId": "run-1",
        "dryRun": False,
        "force": False,
        "verify": False,
        "partitions": {},
        "contract": {"workflow": {"crawler_name": None}},
    }
    own = {"WorkerType": "G.2X", "NumberOfWorkers": 10, "Timeout": 60}
    for state in ("Convert to Parquet with Snappy", "Insert only new data"):
        plain = evaluate(inner[state]["Arguments"], **variables)
        assert plain == {
            "JobName": "flights-dev-csv-to-parquet",
            "Arguments": {
                "--dataset_config": "s3://artifacts/contracts/flights.json",
                "--run_id": "run-1",
                "--run_mode": "apply",
            },
        }
        job_run = {"parameters": own, "arguments": {"--task_slots": "72"}}
        sized = evaluate(inner[state]["Arguments"], **{**variables, "contract": {"workflow": {"job_run": job_run}}})
        assert sized == {**plain, **own, "Arguments": {**plain["Arguments"], "--task_slots": "72"}}
        wanted = [{"month": "2013-02"}]
        changed: dict[str, Any] = {"dryRun": True, "force": True, "verify": True, "partitions": {"flights": wanted}}
        full = evaluate(inner[state]["Arguments"], **{**variables, **changed})["Arguments"]
        assert (full["--run_mode"], full["--force"]) == ("plan", "true")
        assert json.loads(full["--partitions"]) == wanted


def it_gives_the_job_no_argument_that_glue_keeps_for_itself(inner: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
    reserved = {"--conf", "--debug", "--endpoint", "--JOB_NAME", "--mode"}
    given: dict[str, Any] = {
        "dataset": "flights",
        "contractUri": "s3://a/b",
        "runId": "r",
        "dryRun": True,
        "force": True,
        "verify": True,
    }
    for state in ("Convert to Parquet with Snappy", "Insert only new data"):
        arguments = evaluate(inner[state]["Arguments"], **given, partitions={"flights": [{"month": "1"}]})["Arguments"]
        assert len(arguments) == 5
        assert not reserved & set(arguments)


# --- reports and failures


def it_hands_a_report_on_whole_while_it_fits(inner: dict[str, Any]) -> None:
    report = {"dataset": "flights", "status": "loaded", "units": [{"values": {"month": "2013-01"}}], "seconds": 1.5}
    states = {"result": {"Body": json.dumps(report)}}
    assert evaluate(inner["Read job report"]["Assign"], states, reportLimit=1000) == {"report": report}
    assert evaluate(inner["Dataset planned"]["Output"], report=report) == {"report": report}


def it_shortens_a_long_report_to_its_figures(inner: dict[str, Any]) -> None:
    report = {
        "dataset": "flights",
        "status": "loaded",
        "rows_written": 7,
        "units_truncated": True,
        "long": "x" * 500,
        "units": [{"values": {"month": str(number)}} for number in range(100)],
    }
    states = {"result": {"Body": json.dumps(report)}}
    assert evaluate(inner["Read job report"]["Assign"], states, reportLimit=300)["report"] == {
        "dataset": "flights",
        "status": "loaded",
        "rows_written": 7,
        "units_truncated": True,
        "shortened": True,
    }


def it_reads_the_report_of_this_run(inner: dict[str, Any]) -> None:
    arguments = evaluate(inner["Read job report"]["Arguments"], dataset="flights", runId="run-1")
    assert arguments == {"Bucket": "lake", "Key": "reports/flights/run-1.json"}


@pytest.mark.parametrize(("noted", "units"), [(12, 12), (0, 0), (-1, None)])
def it_reports_an_unchanged_dataset_in_the_same_shape(inner: dict[str, Any], noted: int, units: int | None) -> None:
    output = evaluate(
        inner["Nothing new"]["Output"],
        dataset="flights",
        runId="run-1",
        objects=3,
        bytes=9,
        loadedUnits=noted,
        columnsDigest="c",
    )
    assert output["columns"] == "c"
    report = output["report"]
    assert report["status"] == "unchanged"
    assert (report["source_files"], report["source_bytes"], report["units_kept"]) == (3, 9, units)
    assert report["units_inserted"] == report["units_replaced"] == report["rows_written"] == 0
    # That nothing is new says nothing of what is published.
    assert report["verified"] is False
    assert '{"verify": true}' in report["note"]


@pytest.mark.parametrize("failed", [1, 2])
def it_collects_the_reports_by_dataset(outer: dict[str, Any], failed: int) -> None:
    reports = [
        {"dataset": "flights", "status": "failed", "error": "E1", "cause": "because"},
        {"dataset": "airlines", "status": "failed" if failed == 2 else "loaded", "error": "E2", "cause": "so"},
    ]
    views = [{"name": "delays", "status": "created"}]
    variables: dict[str, Any] = {"reports": reports, "viewReports": views, "removed": {"status": "none"}}
    output = evaluate(outer["Collect report"]["Output"], **variables)
    datasets = {"flights": reports[0], "airlines": reports[1]}
    assert output == {"datasets": datasets, "views": views, "removed": {"status": "none"}}
    assert evaluate(outer["Any failure?"]["Choices"][0]["Condition"], **variables)
    cause = evaluate(outer["Pipeline failed"]["Cause"], **variables)
    lines = [f"{failed} of 3 failed:", "Dataset flights: E1: because", "Dataset airlines: E2: so"]
    assert cause.splitlines() == lines[: failed + 1]


@pytest.mark.parametrize("count", [0, 1, 3])
def it_succeeds_when_nothing_failed(outer: dict[str, Any], count: int) -> None:
    reports = [{"dataset": f"d{number}", "status": "loaded"} for number in range(count)]
    variables: dict[str, Any] = {"reports": reports, "viewReports": [], "removed": {"status": "unknown"}}
    output = evaluate(outer["Collect report"]["Output"], **variables)
    assert output == {
        "datasets": {report["dataset"]: report for report in reports},
        "views": [],
        "removed": {"status": "unknown"},
    }
    assert not evaluate(outer["Any failure?"]["Choices"][0]["Condition"], **variables)


def it_drops_the_tables_of_removed_datasets_a_hundred_at_a_time(outer: dict[str, Any]) -> None:
    names = [f"t{number:03}" for number in range(230)]
    kept = [*names, "not_marked"]
    variables: dict[str, Any] = {
        "doomed": names,
        "causeLimit": 2000,
        "removed": {"status": "kept", "kept": kept, "dropped": []},
    }
    asked = []
    while evaluate(outer["Tables to drop?"]["Choices"][0]["Condition"], **variables):
        drop = outer["Drop tables of removed datasets"]
        asked.append(evaluate(drop["Arguments"], **variables)["TablesToDelete"])
        gone = {"TableName": "t007", "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "gone"}}
        result = {"Errors": [gone]} if len(asked) == 1 else {}
        variables |= evaluate(drop["Assign"], {"result": result}, **variables)
    # https://docs.aws.amazon.com/glue/latest/webapi/API_BatchDeleteTable.html (TablesToDelete: up to 100)
    assert asked == [names[:100], names[100:200], names[200:]]
    assert variables["removed"] == {"status": "dropped", "kept": ["not_marked"], "dropped": names}


@pytest.mark.parametrize(
    ("listing", "cause"),
    [
        (
            {"Status": "FAILED", "Error": "ListingFailed", "Cause": "Glue.GlueException: no right"},
            "could not be listed: Glue.GlueException: no right",
        ),
        (
            {"Status": "FAILED", "Error": "States.DataLimitExceeded", "Cause": "too big"},
            "could not be listed: 3 of them take more than the 256 KiB that a state may receive.",
        ),
        ({"Status": "TIMED_OUT"}, "could not be listed: the listing ended as TIMED_OUT."),
    ],
)
def it_says_why_it_does_not_know_what_there_is_of_removed_datasets(
    all_rendered: dict[str, Rendered], listing: dict[str, Any], cause: str
) -> None:
    for name, status in (("minimal", "unknown"), ("complete", "failed")):
        look = all_rendered[name].definition["States"]["Look for removed datasets"]
        assigned = evaluate(look["Assign"], {"result": listing}, dryRun=False, causeLimit=2000)
        removed = assigned["removed"]
        assert (removed["status"], removed["error"]) == (status, "TablesNotListed")
        assert removed["cause"] == f"The tables of the database {cause}"
        assert assigned["doomed"] == []


def it_keeps_everything_within_the_limits_when_200_datasets_fail(all_rendered: dict[str, Rendered]) -> None:
    outer = all_rendered["two_hundred"].definition["States"]
    variables = started(outer["Check input"], {})
    limit = variables["causeLimit"]
    names = variables["selected"]
    assert len(names) == 200
    reports = [{"dataset": name, "status": "failed", "error": "E", "cause": "x" * limit} for name in names]
    # 256 KiB between states: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert len(json.dumps(reports)) < 256 * 1024
    cause = evaluate(outer["Pipeline failed"]["Cause"], reports=reports, viewReports=[])
    assert len(cause) <= 32_768
    assert all(f"Dataset {name}: E: x" in cause for name in names)
    whole = [{"dataset": name, "status": "loaded", "x": "y" * (variables["reportLimit"] - 100)} for name in names]
    assert len(json.dumps(whole)) < 256 * 1024


# --- drifted tables

WANTED: dict[str, Any] = {
    "Name": "flights",
    "TableType": "EXTERNAL_TABLE",
    "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
    "PartitionKeys": [{"Name": "month", "Type": "string"}],
    "StorageDescriptor": {
        "Columns": [{"Name": "carrier", "Type": "string"}, {"Name": "delay", "Type": "int", "Comment": ""}],
        "Location": "s3://lake/tables/flights/run=none/",
        "SerdeInfo": {"SerializationLibrary": "parquet", "Parameters": {"serialization.format": "1"}},
        "Compressed": False,
    },
}
FOUND: dict[str, Any] = {
    **WANTED,
    "DatabaseName": "flights_dev",
    "VersionId": "7",
    "CreateTime": "2026-01-01T00:00:00Z",
    "Retention": 0,
    "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE", "listing_digest": "d", "run_id": "r"},
    "StorageDescriptor": {
        **WANTED["StorageDescriptor"],
        "Columns": [{"Name": "carrier", "Type": "string"}, {"Name": "delay", "Type": "int"}],
        "Location": "s3://lake/tables/flights/run=r-1/",
    },
}


def repair(inner: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What the state machine would update the Parquet table to; empty when it leaves it alone."""
    variables = {"contract": {"workflow": {"parquet_table_input": WANTED}}, "crawled": False}
    assigned = evaluate(inner["Check Parquet table"]["Assign"], {"result": {"Table": found}}, **variables)
    repaired: dict[str, Any] = assigned["parquetRepair"]
    return repaired


def it_leaves_a_table_alone_that_is_as_wanted(inner: dict[str, Any]) -> None:
    assert repair(inner, FOUND) == {}


@pytest.mark.parametrize(
    "columns",
    [
        [{"Name": "carrier", "Type": "string"}],
        [{"Name": "carrier", "Type": "string"}, {"Name": "delay", "Type": "bigint"}],
        [{"Name": "delay", "Type": "int"}, {"Name": "carrier", "Type": "string"}],
        [{"Name": "carrier", "Type": "string"}, {"Name": "delay", "Type": "int"}, {"Name": "more", "Type": "int"}],
        [],
    ],
)
def it_repairs_changed_columns_and_keeps_what_is_the_jobs(inner: dict[str, Any], columns: list[dict[str, str]]) -> None:
    drifted = {**FOUND, "StorageDescriptor": {**FOUND["StorageDescriptor"], "Columns": columns}}
    repaired = repair(inner, drifted)
    assert repaired["StorageDescriptor"]["Columns"] == WANTED["StorageDescriptor"]["Columns"]
    assert repaired["StorageDescriptor"]["Location"] == "s3://lake/tables/flights/run=r-1/"
    assert repaired["Parameters"] == FOUND["Parameters"]
    assert not {"DatabaseName", "VersionId", "CreateTime"} & set(repaired)


@pytest.mark.parametrize(
    ("frozen", "found", "wanted"),
    [
        (None, "double", "double"),
        (None, "string", "double"),
        ("decimal(9,1)", "decimal(9,1)", "decimal(9,1)"),
        ("decimal(9,1)", "double", "decimal(9,1)"),
    ],
)
def it_repairs_undeclared_columns_to_what_the_job_has_inferred_or_else_the_crawler(
    inner: dict[str, Any], frozen: str | None, found: str, wanted: str
) -> None:
    inferred = {"contract": "c", "raw": "r", "rows": 1, "columns": [{"name": "temp", "type": frozen}]}
    there = {
        **FOUND,
        "Parameters": {**FOUND["Parameters"], **({"inferred_columns": json.dumps(inferred)} if frozen else {})},
        "StorageDescriptor": {**FOUND["StorageDescriptor"], "Columns": [{"Name": "temp", "Type": found}]},
    }
    variables = {
        "contract": {"workflow": {"parquet_table_input": WANTED}},
        "crawled": True,
        "rawColumns": [{"Name": "temp", "Type": "double"}],
    }
    assigned = evaluate(inner["Check Parquet table"]["Assign"], {"result": {"Table": there}}, **variables)
    repaired = assigned["parquetRepair"]
    assert (
        repaired == {}
        if found == wanted
        else repaired["StorageDescriptor"]["Columns"] == [{"Name": "temp", "Type": wanted}]
    )
    made = evaluate(inner["Create Parquet table"]["Arguments"]["TableInput"], {}, **variables)
    assert made["StorageDescriptor"]["Columns"] == [{"Name": "temp", "Type": "double"}]


def it_repairs_a_changed_serde_or_parameter(inner: dict[str, Any]) -> None:
    serde = {"SerializationLibrary": "text", "Parameters": {"serialization.format": "1"}}
    drifted = {**FOUND, "StorageDescriptor": {**FOUND["StorageDescriptor"], "SerdeInfo": serde}}
    assert repair(inner, drifted)["StorageDescriptor"]["SerdeInfo"] == WANTED["StorageDescriptor"]["SerdeInfo"]
    drifted = {**FOUND, "Parameters": {"classification": "csv", "run_id": "r"}}
    assert repair(inner, drifted)["Parameters"] == {"classification": "parquet", "EXTERNAL": "TRUE", "run_id": "r"}


def it_counts_the_columns_of_the_repaired_table_for_the_views(inner: dict[str, Any]) -> None:
    assigned = evaluate(inner["Update Parquet table"]["Assign"], parquetRepair=WANTED)
    expected = "columns"
    for name in ("carrier:string", "delay:int", "month:string"):
        expected = sha256(expected + name)
    assert assigned == {"parquetRepair": {}, "columnsDigest": expected}
    read = evaluate(inner["Read loaded table"]["Output"], {"result": {"Table": FOUND}}, report={"status": "loaded"})
    assert read == {"report": {"status": "loaded"}, "columns": expected}


@pytest.mark.parametrize("found", [[], [{"Name": "carrier", "Type": "string"}], [{"Name": "x", "Type": "int"}]])
def it_leaves_the_columns_of_a_raw_table_to_the_job(inner: dict[str, Any], found: list[dict[str, str]]) -> None:
    wanted = {
        "Name": "raw_flights",
        "Parameters": {"skip.header.line.count": "1"},
        "StorageDescriptor": {
            "Columns": WANTED["StorageDescriptor"]["Columns"],
            "SerdeInfo": {"Parameters": {"a": "1"}},
        },
    }
    contract = {"fingerprint": "f", "workflow": {"raw_table_input": wanted}}
    storage = {**wanted["StorageDescriptor"], "Columns": found, "Location": "s3://raw/flights/"}  # type: ignore[dict-item]
    table: dict[str, Any] = {**wanted, "StorageDescriptor": storage}
    variables = {"contract": contract, "crawled": False, "sourceUri": "s3://raw/flights/"}

    def repaired(table: dict[str, Any]) -> dict[str, Any]:
        assigned = evaluate(inner["Check raw table"]["Assign"], {"result": {"Table": table}}, **variables)
        return dict(assigned["rawRepair"])

    assert repaired(table) == {}
    drifted = {**table, "StorageDescriptor": {**storage, "SerdeInfo": {"Parameters": {"a": "2"}}}}
    assert repaired(drifted)["StorageDescriptor"] == storage
    assert repaired({**table, "Parameters": {}})["Parameters"] == wanted["Parameters"]


# --- views


@pytest.mark.parametrize(
    ("digests", "leads_to"),
    [
        ({"flights": "f", "airlines": "a"}, "Check view"),
        ({"flights": "f"}, "View skipped"),
        ({}, "View skipped"),
    ],
)
def it_leaves_a_view_alone_whose_tables_were_not_processed(
    views: dict[str, Any], digests: dict[str, str], leads_to: str
) -> None:
    view = {"name": "delays", "sql": "SELECT", "digest": "s", "tables": ["airlines", "flights"]}
    state = views["Tables loaded?"]
    skipped = evaluate(state["Choices"][0]["Condition"], {"input": view}, tableDigests=digests)
    assert (state["Choices"][0]["Next"] if skipped else state["Default"]) == leads_to
    if skipped:
        report = evaluate(views["View skipped"]["Output"], {"input": view}, tableDigests=digests)
        assert report["status"] == "skipped"
        assert "airlines" in report["reason"]


def it_creates_a_view_again_only_when_its_sql_or_its_columns_changed(views: dict[str, Any]) -> None:
    view = {"name": "delays", "sql": "SELECT", "digest": "s", "tables": ["airlines", "flights"]}
    digests = {"weather": "w", "flights": "f", "airlines": "a"}

    def digest(changed_view: dict[str, Any], changed_digests: dict[str, str]) -> str:
        assigned = evaluate(views["Tables loaded?"]["Assign"], {"input": changed_view}, tableDigests=changed_digests)
        return str(assigned["viewDigest"])

    first = digest(view, digests)
    assert first == sha256(sha256("sairlines=a") + "flights=f")
    assert digest(view, {**digests, "weather": "x"}) == first
    assert digest(view, {**digests, "flights": "x"}) != first
    assert digest({**view, "digest": "t"}, digests) != first
    assert digest({**view, "tables": []}, digests) == "s"

    condition = views["View up to date?"]["Choices"][0]["Condition"]
    for parameters, unchanged in (({"view_digest": first}, True), ({"presto_view": "true"}, False)):
        found = evaluate(views["Check view"]["Output"], {"result": {"Table": {"Parameters": parameters}}})
        assert evaluate(condition, {"input": found}, viewDigest=first) is unchanged


def it_creates_a_view_over_200_tables(all_rendered: dict[str, Rendered]) -> None:
    outer = all_rendered["two_hundred"].definition["States"]
    names = started(outer["Check input"], {})["selected"]
    digests = {name: sha256(name) for name in names}
    view = {"name": "all", "sql": "SELECT", "digest": sha256("SELECT"), "tables": names}
    state = outer["Create Athena views"]["ItemProcessor"]["States"]["Tables loaded?"]
    expected = view["digest"]
    for name in names:
        expected = sha256(f"{expected}{name}={digests[name]}")
    assert len(names) == 200
    assert evaluate(state["Assign"], {"input": view}, tableDigests=digests)["viewDigest"] == expected
    changed = evaluate(state["Assign"], {"input": view}, tableDigests={**digests, names[-1]: "x"})
    assert changed["viewDigest"] != expected


def it_remembers_the_digest_in_the_view_itself(views: dict[str, Any]) -> None:
    table: dict[str, Any] = {
        "Name": "delays",
        "DatabaseName": "flights_dev",
        "CreateTime": "2026-01-01T00:00:00Z",
        "TableType": "VIRTUAL_VIEW",
        "ViewOriginalText": "/* Presto View: abc */",
        "ViewExpandedText": "/* Presto View */",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": ""},
    }
    marked = evaluate(views["Read created view"]["Output"], {"result": {"Table": table}}, viewDigest="d")
    assert marked == {
        **{name: value for name, value in table.items() if name not in ("DatabaseName", "CreateTime")},
        "Parameters": {
            "presto_view": "true",
            "comment": "Presto View",
            "view_digest": "d",
            "managed_by": "flights-dev",
        },
    }


def it_knows_which_tables_a_view_reads(outer: dict[str, Any]) -> None:
    items = {item["name"]: item for item in outer["Create Athena views"]["Items"]}
    assert items["v_airlines"]["tables"] == ["airlines"]
    assert items["v_airlines"]["sql"] == 'SELECT * FROM "flights_dev"."airlines"'
    assert items["delays"]["tables"] == ["flights"]
    # It reads a view, so it counts as reading whatever the views before it read.
    assert items["worst"]["tables"] == ["airlines", "flights", "weather"]
    assert len({item["digest"] for item in items.values()}) == len(items)


def it_collects_the_columns_of_processed_tables(outer: dict[str, Any]) -> None:
    results: list[dict[str, Any]] = [
        {"report": {"dataset": "flights", "status": "loaded"}, "columns": "f"},
        {"report": {"dataset": "weather", "status": "failed"}},
        {"report": {"dataset": "airlines", "status": "unchanged"}, "columns": "a"},
    ]
    for count in (1, 2, 3):
        assigned = evaluate(outer["Process datasets"]["Assign"], {"result": results[:count]})
        assert assigned["reports"] == [result["report"] for result in results[:count]]
        expected = {"flights": "f", "airlines": "a"} if count == 3 else {"flights": "f"}
        assert assigned["tableDigests"] == expected
    failed = evaluate(outer["Process datasets"]["Assign"], {"result": results[1:2]})
    assert failed == {"reports": [results[1]["report"]], "tableDigests": {}}


# --- two executions at a time


def running(*names_and_starts: tuple[str, str]) -> list[dict[str, str]]:
    """Executions as ListExecutions answers them."""
    return [
        {"ExecutionArn": f"arn:{name}", "StartDate": start, "Status": "RUNNING"} for name, start in names_and_starts
    ]


OLDEST, NEWEST = "2026-01-01T00:00:05.490Z", "2026-01-01T00:00:05.520Z"


@pytest.mark.parametrize("own", [NEWEST, 1767225605.52, 1767225605520])
@pytest.mark.parametrize("start", [OLDEST, 1767225605.49, 1767225605490])
def it_knows_an_older_execution_however_its_start_is_written(
    outer: dict[str, Any], start: str | float, own: str | float
) -> None:
    # The API answers seconds, the SDK that Step Functions calls with a time, which becomes a text or a number:
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionListItem.html
    context = {"Execution": {"Id": "arn:me", "StartTime": NEWEST}, "StateMachine": {"Id": "arn:machine"}}
    executions = [
        {"ExecutionArn": "arn:me", "StartDate": own, "Status": "RUNNING"},
        {"ExecutionArn": "arn:z", "StartDate": start, "Status": "RUNNING"},
    ]
    state = outer["Look for other executions"]
    for listed in (executions, executions[1:]):
        found = evaluate(state["Assign"], {"context": context, "result": {"Executions": listed}}, older=0)
        assert found["older"] == 1
    same = [{**executions[1], "StartDate": own}, executions[0]]
    assert evaluate(state["Assign"], {"context": context, "result": {"Executions": same}}, older=0)["older"] == 0


@pytest.mark.parametrize(
    ("executions", "older"),
    [
        ([], 0),
        (running(("me", "2026-01-01T00:00:05.5Z")), 0),
        (running(("me", "2026-01-01T00:00:05.5Z"), ("b", "2026-01-01T00:00:05.52Z")), 0),
        (running(("me", "2026-01-01T00:00:05.5Z"), ("b", "2026-01-01T00:00:05.49Z")), 1),
        (running(("me", "2026-01-01T00:00:05.5Z"), ("b", "2026-01-01T00:00:05.5Z")), 1),
        (running(("me", "2026-01-01T00:00:05.5Z"), ("z", "2026-01-01T00:00:05.500Z")), 0),
        (running(("z", "2026-01-01T00:00:05Z"), ("b", "2025-12-31T23:59:59Z")), 1),
    ],
)
def it_counts_older_executions(outer: dict[str, Any], executions: list[dict[str, str]], older: int) -> None:
    context = {
        "Execution": {"Id": "arn:me", "StartTime": "2026-01-01T00:00:05.000Z"},
        "StateMachine": {"Id": "arn:machine"},
    }
    state = outer["Look for other executions"]
    arguments = evaluate(state["Arguments"], {"context": context}, nextExecutions="")
    assert arguments == {"StateMachineArn": "arn:machine", "StatusFilter": "RUNNING", "MaxResults": 200}
    states = {"context": context, "result": {"Executions": executions, "NextToken": "more"}}
    found = evaluate(state["Assign"], states, older=3)
    assert found == {"older": 3 + older, "nextExecutions": "more"}
    assert evaluate(state["Arguments"], {"context": context}, **found)["NextToken"] == "more"


@pytest.mark.parametrize(
    ("variable_set", "variables", "execution_input", "leads_to"),
    [
        ("minimal", {"older": 0, "nextExecutions": ""}, {}, "Process datasets"),
        ("minimal", {"older": 1, "nextExecutions": ""}, {}, "Wait for the other"),
        ("minimal", {"older": 0, "nextExecutions": "more"}, {}, "Look for other executions"),
        ("complete", {"older": 0, "nextExecutions": ""}, {}, "Process datasets"),
        ("complete", {"older": 1, "nextExecutions": ""}, {}, "Leave it to the other"),
        # Started by an upload, it must not leave: the older one may have listed S3 before that upload.
        ("complete", {"older": 1, "nextExecutions": ""}, {"wait_until": "2026-01-01T00:00:00Z"}, "Wait for the other"),
    ],
)
def it_waits_for_an_older_execution_or_leaves(
    all_rendered: dict[str, Rendered],
    variable_set: str,
    variables: dict[str, Any],
    execution_input: dict[str, Any],
    leads_to: str,
) -> None:
    state = all_rendered[variable_set].definition["States"]["Another one running?"]
    reached = next(
        (
            rule["Next"]
            for rule in state["Choices"]
            if evaluate(rule["Condition"], {"input": execution_input}, **variables)
        ),
        state["Default"],
    )
    assert reached == leads_to
