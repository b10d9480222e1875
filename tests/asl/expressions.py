"""Evaluates the definition's JSONata with two engines: jsonata-python and the JavaScript reference implementation."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonata
from jsonata.functions import Functions

from local_aws.extensions.step_functions import plain_time

EVALUATOR = Path(__file__).with_name("evaluate.mjs")
# A node installed from its wheel lies beside the interpreter of the virtual environment.
NODE = shutil.which("node") or str(Path(sys.executable).with_name("node"))
ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
HASH_LIMIT = 10_000


def evaluate(template: Any, states: dict[str, Any] | None = None, **variables: Any) -> Any:
    """Evaluate a field as Step Functions does: every `{% … %}` string in it, objects and lists included.

    Both engines have to agree. An expression without a value is an error, as it is on AWS.
    """
    if isinstance(template, dict):
        return {name: evaluate(value, states, **variables) for name, value in template.items()}
    if isinstance(template, list):
        return [evaluate(value, states, **variables) for value in template]
    if not is_expression(template):
        return template
    expression = template.removeprefix("{%").removesuffix("%}")
    # Through JSON, so that both engines are given the same and nothing is shared between evaluations.
    bindings = json.loads(json.dumps({**variables, "states": states or {}}))
    reference = _reference(expression, bindings)
    assert "error" not in reference, f"{reference['error']} in {expression}"
    assert "value" in reference, f"no value: {expression}"
    value = json.loads(json.dumps(_python(expression, bindings)))
    assert value == reference["value"], f"jsonata-python says {value}, the reference {reference['value']}: {expression}"
    return value


def is_expression(value: Any) -> bool:
    """Whether a value of a definition is to be evaluated."""
    return isinstance(value, str) and value.startswith("{%")


def watch(template: str, states: dict[str, Any], samples: dict[str, Any], **variables: Any) -> tuple[Any, list[str]]:
    """Evaluate an expression over samples of what services answer; also tell which members it asks for in vain.

    What a sample is, evaluate.mjs says.
    """
    expression = template.removeprefix("{%").removesuffix("%}")
    answer = _ask({"expression": expression, "bindings": {**variables, "states": states}, "samples": samples})
    assert "error" not in answer, f"{answer['error']} in {expression}"
    return answer.get("value"), answer["unknown"]


def _python(expression: str, bindings: dict[str, Any]) -> Any:
    compiled = jsonata.Jsonata(expression)
    compiled.register_lambda("hash", _hash)
    compiled.register_lambda("parse", json.loads)
    compiled.register_lambda("toMillis", lambda time: Functions.datetime_to_millis(plain_time(time), None))
    return compiled.evaluate(None, bindings)


def _hash(data: str, name: str) -> str:
    # The limit of States.Hash, which $hash replaces; whether it has the same, no document says:
    # https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
    assert len(data) <= HASH_LIMIT, f"$hash of {len(data)} characters"
    return hashlib.new(ALGORITHMS[name], data.encode()).hexdigest()


def parse(expression: str) -> str | None:
    """What either engine has against the syntax of an expression; None when nothing."""
    try:
        jsonata.Jsonata(expression)
    except jsonata.JException as error:
        return f"jsonata-python: {error}"
    return _ask({"expression": expression}).get("error")


def _reference(expression: str, bindings: dict[str, Any]) -> dict[str, Any]:
    return _ask({"expression": expression, "bindings": bindings})


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    process = _evaluator()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


@functools.cache
def _evaluator() -> subprocess.Popen[str]:
    """The one Node.js process of a test session; it ends when its input is closed, with this process at the latest."""
    return subprocess.Popen([NODE, str(EVALUATOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
