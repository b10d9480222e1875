"""Instances of the module in one account, and what the real provider plans for them without AWS."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.offline_plan import ACCOUNT, REGION, ROOT, plan

OTHER_REGION = "eu-west-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
CATALOG_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/ca7a1090-2222-3333-4444-555555555555"
MACHINE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/57a7e000-2222-3333-4444-555555555555"
OTHER_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/07e40000-2222-3333-4444-555555555555"
FURTHER = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": OTHER_KEY}]}
)
EVERYTHING: dict[str, Any] = {
    "name": "sales",
    "datasets": {"orders": {"columns": [{"name": "order_id", "type": "bigint"}]}, "customers": {}},
    "kms_key_arn": KEY,
    "kms_keys": {"catalog": CATALOG_KEY, "read": [OTHER_KEY], "state_machines": MACHINE_KEY},
    "glue": {"connections": ["warehouse"], "create_security_configuration": True},
    "workflow": {"tracing": True},
    "schedule": {"expression": "rate(1 day)"},
    "trigger_on_upload": {},
    "dead_letters": True,
    "notifications": {"enabled": True},
}
INSTANCES: dict[str, dict[str, Any]] = {
    "everything": EVERYTHING,
    "twin": {**EVERYTHING, "global_suffix": f"-{OTHER_REGION}", "providers": {"aws": "aws.other"}},
    "neighbour": {
        "name": "returns",
        "datasets": EVERYTHING["datasets"],
        "tags": {"team": "data", "tier": "2"},
        "tags_by_kind": {"bucket": {"tier": "1"}, "workflow": {"on-call": "yes"}},
        "iam": {role: {"policies": [FURTHER]} for role in ("job", "crawler", "workflow")},
    },
}
# What starts the pipeline, planned by itself too: in an instance it waits for the state machine's ARN.
TRIGGERS: dict[str, Any] = {
    "name": "sales",
    "state_machine_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:sales",
    "schedule": EVERYTHING["schedule"],
    "on_upload": {},
    "state_machine_key_arn": MACHINE_KEY,
    "dead_letters": True,
    "sources": {"orders": {"bucket": "raw", "prefix": "orders/"}},
    "source_buckets": {"raw": "raw"},
}


def plan_instances(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Plan all instances, and the triggers, as one configuration and return the resources of each."""
    source = os.path.relpath(ROOT, folder.resolve())
    calls = {name: {"source": source, **values} for name, values in INSTANCES.items()}
    calls["triggers"] = {"source": f"{source}/modules/triggers", **TRIGGERS}
    (folder / "main.tf.json").write_text(json.dumps({"module": calls}))
    root = plan(folder, {"other": OTHER_REGION})["root_module"]
    return {module["address"].removeprefix("module."): list(resources(module)) for module in root["child_modules"]}


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The planned resources of a module and of those it calls."""
    yield from (entry for entry in module.get("resources", []) if entry["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from resources(child)
