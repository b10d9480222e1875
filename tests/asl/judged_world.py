"""The AWS that both interpreters of the state machines talk to: what a scenario says, in memory.

Real boto3 clients carry the calls, so that each interpreter respells parameters, results and errors by itself and
botocore checks what it is given; only the way over the network is left out.
"""

from __future__ import annotations

import copy
import io
import json
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.response import StreamingBody

Json = Any

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/flights-dev-workflow"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:flights-dev:run-1"
STARTED = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
# The state that the current thread works for; the interpreters set it.
CURRENT_STATE: ContextVar[str] = ContextVar("CURRENT_STATE", default="")


class RefusedError(Exception):
    """A call that the service answers with an error."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class World:
    """What the calls of one scenario find, change and are refused.

    `raw` maps source prefixes to the keys below them, `faults` names of states to the error codes that their next calls
    get (None: no error), `undeletable` tables to the code of the error when they are to be deleted. Crawler and listed
    executions are answers in a row, the last one for ever.
    """

    def __init__(self, lake_bucket: str, objects: dict[str, str]) -> None:
        self.objects = dict(objects)
        self.tables: dict[str, dict[str, Json]] = {}
        self.raw: dict[str, list[str]] = {}
        self.page_size = 500
        self.crawler: list[dict[str, Json]] = [{}]
        self.crawled: dict[str, Json] | None = None
        self.executions: list[dict[str, Json]] = [{"executions": [listed(EXECUTION, STARTED)]}]
        self.job: dict[str, Json] = {"JobRunState": "SUCCEEDED"}
        self.query: dict[str, Json] = {"State": "SUCCEEDED"}
        self.report: dict[str, Json] = {}
        self.faults: dict[str, list[str | None]] = {}
        self.undeletable: dict[str, str] = {}
        self.calls: list[Json] = []
        self.run_listing: Callable[[Json], dict[str, Json]] = lambda given: {}
        self._lake_bucket = lake_bucket
        self._digests: dict[str, str] = {}
        self._lock = threading.RLock()

    def change(self, step: dict[str, Json]) -> None:
        """Let happen what comes before the next execution; what is not named stays as it was, but for the faults."""
        self.calls, self.faults = [], copy.deepcopy(step.get("faults", {}))
        for name in step.get("drop", []):
            self.tables.pop(name, None)
        for name, patch in step.get("patch", {}).items():
            merge(self.tables.setdefault(name, {"Name": name}), patch)
        for name in ("raw", "page_size", "crawler", "crawled", "job", "query", "report", "objects", "undeletable"):
            if name in step:
                setattr(self, name, copy.deepcopy(step[name]))
        if "executions" in step:
            self.executions = [answer_with_dates(answer) for answer in step["executions"]]

    def answer(self, operation: str, given: dict[str, Json]) -> dict[str, Json]:
        """Answer one call in botocore's spelling, or raise RefusedError."""
        state = CURRENT_STATE.get()
        with self._lock:
            self.calls.append([state, operation, copy.deepcopy(given)])
            waiting = self.faults.get(state) or [None]
            if fault := waiting.pop(0):
                raise RefusedError(fault, f"{operation} was refused")
        if operation == "StartSyncExecution":
            return self._start_sync_execution(given)
        with self._lock:
            answer: dict[str, Json] = getattr(self, OPERATIONS[operation])(given)
            return copy.deepcopy(answer) if operation != "GetObject" else answer

    # S3

    def _get_object(self, given: dict[str, Json]) -> dict[str, Json]:
        text = self.objects.get(f"{given['Bucket']}/{given['Key']}")
        if text is None:
            raise RefusedError("NoSuchKey", "The specified key does not exist.", 404)
        body = text.encode()
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": '"e"', "ContentLength": len(body)}

    def _list_objects(self, given: dict[str, Json]) -> dict[str, Json]:
        first = int(given.get("ContinuationToken", 0))
        keys = sorted(self.raw.get(given["Prefix"], []))
        page = keys[first : first + self.page_size]
        contents = [{"Key": key, "Size": len(key), "ETag": f'"{key}"', "LastModified": STARTED} for key in page]
        answer: dict[str, Json] = {"IsTruncated": first + self.page_size < len(keys), "KeyCount": len(page)}
        if contents:
            answer["Contents"] = contents
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = str(first + self.page_size)
        return answer

    # Glue

    def _get_table(self, given: dict[str, Json]) -> dict[str, Json]:
        if given["Name"] not in self.tables:
            raise RefusedError("EntityNotFoundException", f"Entity Not Found: {given['Name']}")
        return {"Table": self.tables[given["Name"]]}

    def _get_tables(self, given: dict[str, Json]) -> dict[str, Json]:
        first, names = int(given.get("NextToken", 0)), sorted(self.tables)
        after = first + given["MaxResults"]
        answer: dict[str, Json] = {"TableList": [self.tables[name] for name in names[first:after]]}
        return {**answer, **({"NextToken": str(after)} if after < len(names) else {})}

    def _delete_tables(self, given: dict[str, Json]) -> dict[str, Json]:
        errors = []
        for name in given["TablesToDelete"]:
            code = self.undeletable.get(name) or (None if name in self.tables else "EntityNotFoundException")
            if code:
                errors.append({"TableName": name, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": f"not {name}"}})
            else:
                del self.tables[name]
        return {"Errors": errors} if errors else {}

    def _create_table(self, given: dict[str, Json]) -> dict[str, Json]:
        name = given["TableInput"]["Name"]
        if name in self.tables:
            raise RefusedError("AlreadyExistsException", f"Table already exists: {name}")
        self._store(given)
        return {}

    def _store(self, given: dict[str, Json]) -> dict[str, Json]:
        definition = copy.deepcopy(given["TableInput"])
        version = int(self.tables.get(definition["Name"], {}).get("VersionId", -1)) + 1
        # An answer holds more than what was given: https://docs.aws.amazon.com/glue/latest/webapi/API_Table.html
        more = {"DatabaseName": given["DatabaseName"], "VersionId": str(version), "CreateTime": STARTED, "Retention": 0}
        self.tables[definition["Name"]] = {"Parameters": {}, "PartitionKeys": [], **definition, **more}
        return {}

    def _start_crawler(self, given: dict[str, Json]) -> dict[str, Json]:
        return {}

    def _get_crawler(self, given: dict[str, Json]) -> dict[str, Json]:
        answer = self.crawler.pop(0) if len(self.crawler) > 1 else self.crawler[0]
        if answer.get("State") == "READY" and self.crawled:
            self._store({"DatabaseName": self.crawled["DatabaseName"], "TableInput": self.crawled["TableInput"]})
        return {"Crawler": {"Name": given["Name"], **answer}}

    def _start_job_run(self, given: dict[str, Json]) -> dict[str, Json]:
        arguments = given["Arguments"]
        bucket, _, key = arguments["--dataset_config"].removeprefix("s3://").partition("/")
        contract = json.loads(self.objects[f"{bucket}/{key}"])
        dataset, run_id = contract["dataset"], arguments["--run_id"]
        planned = "plan" in arguments.values()
        if self.job["JobRunState"] == "SUCCEEDED":
            if not planned:
                digest = self._digests.get(contract["workflow"]["source_prefix"], "")
                parameters = {"run_id": run_id, "listing_digest": digest, "units": "3"}
                merge(self.tables[contract["parquet_table"]], {"Parameters": parameters})
            report = {"dataset": dataset, "run_id": run_id, "status": "planned" if planned else "loaded"}
            self.objects[f"{self._lake_bucket}/reports/{dataset}/{run_id}.json"] = json.dumps({**report, **self.report})
        return {"JobRunId": "jr_1"}

    def _get_job_run(self, given: dict[str, Json]) -> dict[str, Json]:
        return {"JobRun": {"Id": given["RunId"], "JobName": given["JobName"], **self.job}}

    # Athena

    def _start_query(self, given: dict[str, Json]) -> dict[str, Json]:
        name = given["QueryString"].split('"')[1]
        if self.query["State"] == "SUCCEEDED":
            view = {"Name": name, "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "/* Presto View */", "Owner": ""}
            storage = {"Columns": [{"Name": "carrier", "Type": "string"}], "Location": ""}
            table_input = {**view, "StorageDescriptor": storage, "Parameters": {"presto_view": "true"}}
            self._store({"DatabaseName": given["QueryExecutionContext"]["Database"], "TableInput": table_input})
        return {"QueryExecutionId": "q-1"}

    def _get_query(self, given: dict[str, Json]) -> dict[str, Json]:
        return {"QueryExecution": {"QueryExecutionId": given["QueryExecutionId"], "Status": self.query}}

    # Step Functions

    def _list_executions(self, given: dict[str, Json]) -> dict[str, Json]:
        return self.executions.pop(0) if len(self.executions) > 1 else self.executions[0]

    def _start_sync_execution(self, given: dict[str, Json]) -> dict[str, Json]:
        wanted = json.loads(given["input"])
        result = self.run_listing(wanted)
        answer = {"executionArn": f"{EXECUTION}-listing", "startDate": STARTED, "stopDate": STARTED, **result}
        if "output" in result:
            answer["output"] = json.dumps(result["output"], separators=(",", ":"))
            if "prefix" in wanted:
                self._digests[wanted["prefix"]] = result["output"].get("digest", "")
        return answer


OPERATIONS = {
    "GetObject": "_get_object",
    "ListObjectsV2": "_list_objects",
    "GetTable": "_get_table",
    "GetTables": "_get_tables",
    "BatchDeleteTable": "_delete_tables",
    "CreateTable": "_create_table",
    "UpdateTable": "_store",
    "StartCrawler": "_start_crawler",
    "GetCrawler": "_get_crawler",
    "StartJobRun": "_start_job_run",
    "GetJobRun": "_get_job_run",
    "StartQueryExecution": "_start_query",
    "GetQueryExecution": "_get_query",
    "ListExecutions": "_list_executions",
}


def merge(target: dict[str, Json], patch: dict[str, Json]) -> None:
    """Change a table in place: objects are merged, all other values replaced, None removes."""
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = copy.deepcopy(value)


def listed(arn: str, started: datetime) -> dict[str, Json]:
    """One execution as ListExecutions gives it."""
    machine = arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    name = arn.rpartition(":")[2]
    return {
        "executionArn": arn,
        "stateMachineArn": machine,
        "name": name,
        "status": "RUNNING",
        "startDate": started,
    }


def answer_with_dates(answer: dict[str, Json]) -> dict[str, Json]:
    """An answer of ListExecutions, from pairs of an execution's ARN and by how many seconds it is the older one."""
    found = [listed(arn, datetime.fromtimestamp(STARTED.timestamp() - age, timezone.utc)) for arn, age in answer["is"]]
    return {"executions": found, **({"nextToken": answer["next"]} if "next" in answer else {})}


class Clients:
    """One boto3 client per service, which the world of the current scenario answers."""

    def __init__(self) -> None:
        self.world: World | None = None
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> BaseClient:
        """Return the client of a service, by botocore's name."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._open(service)
            return self._clients[service]

    def _open(self, service: str) -> BaseClient:
        made: BaseClient = boto3.client(  # type: ignore[call-overload]
            service,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html; botocore takes what a handler of
        # before-call returns for the service's answer.
        made.meta.events.register_first("before-parameter-build", self._remember)
        answer: Any = self._answer
        made.meta.events.register_first("before-call", answer)
        return made

    @staticmethod
    def _remember(params: dict[str, Json], context: dict[str, Json], **other: Json) -> None:
        context["judged"] = copy.deepcopy(params)

    def _answer(self, model: Json, context: dict[str, Json], **other: Json) -> tuple[Json, dict[str, Json]]:
        assert self.world is not None
        metadata = {"RequestId": "request", "HTTPStatusCode": 200}
        try:
            answer = self.world.answer(model.name, context["judged"])
        except RefusedError as error:
            metadata["HTTPStatusCode"] = error.status
            answer = {"Error": {"Code": error.code, "Message": error.message}}
        return HttpStatus(metadata["HTTPStatusCode"]), {**answer, "ResponseMetadata": metadata}


class HttpStatus:
    """All that botocore asks of a response that is parsed already."""

    def __init__(self, status_code: Json) -> None:
        self.status_code = status_code
