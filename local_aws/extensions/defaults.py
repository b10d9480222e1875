"""What AWS fills in and ministack leaves out or forgets, so that `terraform plan` after `apply` is empty."""

from __future__ import annotations

import json
from typing import Any

from local_aws.extensions.hooks import Emulator

CRAWLER_DEFAULTS: dict[str, dict[str, str]] = {
    "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
    "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
}


class Defaults:
    """Completes what ministack stores or describes."""

    def __init__(self, emulator: Emulator) -> None:
        self._glue = emulator.module(
            "services.glue",
            "_crawlers",
            "_jobs",
            "_create_crawler",
            "_update_crawler",
            "_create_job",
            "_update_job",
            "_tags",
            "_arn",
        )
        self._sfn = emulator.module(
            "services.stepfunctions",
            "_state_machines",
            "_create_state_machine",
            "_update_state_machine",
            "_describe_state_machine",
            "_delete_state_machine",
        )
        self._responses = emulator.module("core.responses", "get_region", "get_account_id", "json_response")

    def install(self) -> None:
        """Put the completions in place."""
        self._create_crawler = self._glue.replace("_create_crawler", self.create_crawler)
        self._update_crawler = self._glue.replace("_update_crawler", self.update_crawler)
        self._create_job = self._glue.replace("_create_job", self.create_job)
        self._update_job = self._glue.replace("_update_job", self.update_job)
        self._create_machine = self._sfn.replace("_create_state_machine", self.create_state_machine)
        self._update_machine = self._sfn.replace("_update_state_machine", self.update_state_machine)
        self._describe_machine = self._sfn.replace("_describe_state_machine", self.describe_state_machine)
        self._delete_machine = self._sfn.replace("_delete_state_machine", self.delete_state_machine)

    def create_crawler(self, data: dict[str, Any]) -> Any:
        """Create a crawler with AWS's default policies."""
        answer = self._create_crawler(data)
        self._complete_crawler(data.get("Name", ""))
        self._tag("crawler", data, answer)
        return answer

    def update_crawler(self, data: dict[str, Any]) -> Any:
        """Update a crawler and keep AWS's default policies."""
        answer = self._update_crawler(data)
        self._complete_crawler(data.get("Name", ""))
        return answer

    def _complete_crawler(self, name: str) -> None:
        crawler = self._glue._crawlers.get(name) or {}
        if crawler:
            for field, default in CRAWLER_DEFAULTS.items():
                crawler[field] = {**default, **(crawler.get(field) or {})}

    def create_job(self, data: dict[str, Any]) -> Any:
        """Create a job and keep every field it was created with."""
        answer = self._create_job(data)
        if answer[0] == 200:
            job = self._glue._jobs[data["Name"]]
            job.update({field: value for field, value in data.items() if field != "Tags"})
            job.setdefault("ExecutionProperty", {"MaxConcurrentRuns": 1})
        self._tag("job", data, answer)
        return answer

    def _tag(self, kind: str, data: dict[str, Any], answer: Any) -> None:
        """Keep the tags a resource was created with where GetTags looks for them."""
        if answer[0] == 200:
            self._glue._tags[self._glue._arn(kind, data["Name"])] = dict(data.get("Tags") or {})

    def update_job(self, data: dict[str, Any]) -> Any:
        """Update a job: as on AWS, the update replaces the definition."""
        answer = self._update_job(data)
        job = self._glue._jobs.get(data.get("JobName"))
        if answer[0] == 200 and job is not None:
            update = data.get("JobUpdate") or {}
            for field in ("Description", "DefaultArguments", "NonOverridableArguments", "Connections"):
                job[field] = update.get(field) or type(job.get(field) or {})()
            job.update(update)
            job["ExecutionProperty"] = update.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
        return answer

    def create_state_machine(self, data: dict[str, Any]) -> Any:
        """Create a state machine and remember its tracing setting."""
        answer = self._create_machine(data)
        if answer[0] == 200:
            arn = json.loads(answer[2])["stateMachineArn"]
            self._sfn._state_machines[arn]["tracingConfiguration"] = data.get("tracingConfiguration") or {
                "enabled": False
            }
        return answer

    def update_state_machine(self, data: dict[str, Any]) -> Any:
        """Update a state machine and its tracing setting."""
        answer = self._update_machine(data)
        if answer[0] == 200 and "tracingConfiguration" in data:
            machine = self._sfn._state_machines[data["stateMachineArn"]]
            machine["tracingConfiguration"] = data["tracingConfiguration"]
        return answer

    def describe_state_machine(self, data: dict[str, Any]) -> Any:
        """Describe a state machine; versions and aliases get the tracing setting too."""
        status, headers, body = self._describe_machine(data)
        if status == 200:
            described = json.loads(body)
            described.setdefault("tracingConfiguration", {"enabled": False})
            body = json.dumps(described).encode()
        return status, headers, body

    def delete_state_machine(self, data: dict[str, Any]) -> Any:
        """Delete a state machine; one that is gone is no error, so a call that a client repeats succeeds.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html
        """
        if data.get("stateMachineArn") not in self._sfn._state_machines:
            return self._responses.json_response({})
        return self._delete_machine(data)
