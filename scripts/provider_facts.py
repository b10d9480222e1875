"""Renews tests/fixtures/provider_6.json: what the newest AWS provider knows of all that the Terraform files use.

    python -m scripts.provider_facts

Two packages of PyPI are generated from the provider's schema, and are read without being installed or run:
cdktn-provider-aws has every argument and block by its name and whether it is required, pulumi-aws what is deprecated.
They are large (84 MB), so the facts are kept, and `make test` compares with those:
tests/unit/terraform/test_provider_6.py.
"""

from __future__ import annotations

import ast
import datetime
import functools
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from scripts.provider_usage import provider_usage

ROOT = Path(__file__).resolve().parents[1]
FACTS = ROOT / "tests" / "fixtures" / "provider_6.json"
SCHEMA, DEPRECATIONS = "cdktn-provider-aws", "pulumi-aws"
PROVIDER_VERSION = re.compile(r"hashicorp/aws provider version (6\.[\d.]+\d)")
# Each argument's text links to its place in the provider's pages, under its name there.
ARGUMENT = re.compile(r":param (\w+):(?:(?!:param ).)*?#(\w+) \w+#", re.DOTALL)
SAID_DEPRECATED = re.compile(r"`(\w+)` argument is deprecated")
# Where Pulumi has each of them: the names are its own.
PULUMI = {
    "aws_athena_workgroup": "athena/workgroup",
    "aws_cloudwatch_dashboard": "cloudwatch/dashboard",
    "aws_cloudwatch_event_rule": "cloudwatch/event_rule",
    "aws_cloudwatch_event_target": "cloudwatch/event_target",
    "aws_cloudwatch_log_group": "cloudwatch/log_group",
    "aws_cloudwatch_metric_alarm": "cloudwatch/metric_alarm",
    "aws_glue_catalog_database": "glue/catalog_database",
    "aws_glue_classifier": "glue/classifier",
    "aws_glue_crawler": "glue/crawler",
    "aws_glue_job": "glue/job",
    "aws_glue_security_configuration": "glue/security_configuration",
    "aws_iam_policy": "iam/policy",
    "aws_iam_role": "iam/role",
    "aws_iam_role_policy": "iam/role_policy",
    "aws_kms_key": "kms/key",
    "aws_s3_bucket": "s3/bucket",
    "aws_s3_bucket_lifecycle_configuration": "s3/bucket_lifecycle_configuration",
    "aws_s3_bucket_logging": "s3/bucket_logging",
    "aws_s3_bucket_notification": "s3/bucket_notification",
    "aws_s3_bucket_ownership_controls": "s3/bucket_ownership_controls",
    "aws_s3_bucket_policy": "s3/bucket_policy",
    "aws_s3_bucket_public_access_block": "s3/bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration": "s3/bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning": "s3/bucket_versioning",
    # Of its two the one whose arguments are those of aws_s3_object.
    "aws_s3_object": "s3/bucket_objectv2",
    "aws_scheduler_schedule": "scheduler/schedule",
    "aws_sfn_state_machine": "sfn/state_machine",
    "aws_sns_topic": "sns/topic",
    "aws_sns_topic_policy": "sns/topic_policy",
    "aws_sns_topic_subscription": "sns/topic_subscription",
    "aws_sqs_queue": "sqs/queue",
    "aws_sqs_queue_policy": "sqs/queue_policy",
    "data.aws_caller_identity": "get_caller_identity",
    "data.aws_iam_policy_document": "iam/get_policy_document",
    "data.aws_partition": "get_partition",
    "data.aws_service_principal": "get_service_principal",
}
Classes = dict[str, ast.ClassDef]


class FactsError(Exception):
    """The packages are not what they were; the message says where."""


def main() -> None:
    """Download the packages, read them, and write the facts.

    Raises:
        FactsError: when a package does not name its provider, or lacks a resource.
    """
    with tempfile.TemporaryDirectory() as folder:
        schema, deprecations = download(SCHEMA, Path(folder)), download(DEPRECATIONS, Path(folder))
        version = PROVIDER_VERSION.search(metadata(schema))
        if version is None:
            raise FactsError(f"{SCHEMA} does not say of which version of the provider it is")
        known = {}
        for name, used in sorted(provider_usage(ROOT).items()):
            paths, required = read_schema(schema, name)
            deprecated = read_deprecations(deprecations, name)
            known[name] = {
                "known": sorted(used & paths),
                "required": sorted(path for path in required if path.rpartition(".")[0] in {"", *used}),
                "deprecated": sorted(path for path in used if singular(path) in deprecated),
            }
        facts = {
            "provider": version[1],
            "read": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "schema": f"{SCHEMA} {release(schema)}",
            "deprecations": f"{DEPRECATIONS} {release(deprecations)}",
            "types": known,
        }
    FACTS.write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{FACTS.relative_to(ROOT)}: {sum(len(entry['known']) for entry in known.values())} of provider {version[1]}")


def download(package: str, folder: Path) -> zipfile.ZipFile:
    """Return the newest wheel of a package, opened."""
    into = folder / package
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"]
    subprocess.run([*command, str(into), package], check=True)
    (wheel,) = into.glob("*.whl")
    return zipfile.ZipFile(wheel)


def metadata(wheel: zipfile.ZipFile) -> str:
    """Return what a wheel says about itself."""
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return wheel.read(name).decode()


def release(wheel: zipfile.ZipFile) -> str:
    """Return the version of a wheel."""
    return metadata(wheel).split("\nVersion: ")[1].splitlines()[0]


# ------------------------------------------------------------------------------------- arguments, blocks and attributes
def read_schema(wheel: zipfile.ZipFile, name: str) -> tuple[set[str], set[str]]:
    """Return the paths that the provider knows of a type, those that are only read included, and the required ones."""
    folder = re.sub(r"^(data\.)?aws_", lambda match: "data_aws_" if match[1] else "", name)
    classes = read_classes(wheel, f"cdktn_provider_aws/{folder}/__init__.py")
    for config, definition in classes.items():
        if any("TerraformMetaArguments" in ast.unparse(base) for base in definition.bases):
            main_class = classes[config.removesuffix("Config")]
            paths = dict(arguments(classes, config))
            attributes = {node.name for node in main_class.body if isinstance(node, ast.FunctionDef)}
            return set(paths) | attributes, {path for path, needed in paths.items() if needed}
    raise FactsError(f"{SCHEMA} has no {name}")


def arguments(classes: Classes, name: str, outer: str = "", seen: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Yield the path of each argument and block of a class and of those it holds, and whether it is required."""
    constructor = constructor_of(classes[name])
    real_names = dict(ARGUMENT.findall(ast.get_docstring(constructor) or ""))
    for argument, default in zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True):
        if argument.arg not in real_names:
            continue  # what Terraform itself knows of every resource
        path = f"{outer}{real_names[argument.arg]}"
        yield path, default is None
        for inner in held(classes, argument):
            if inner not in seen:
                yield from arguments(classes, inner, f"{path}.", (*seen, inner))


# --------------------------------------------------------------------------------------------------- what is deprecated
def read_deprecations(wheel: zipfile.ZipFile, name: str) -> set[str]:
    """Return the paths of a type that are deprecated, each part in the singular: Pulumi has lists in the plural."""
    if name not in PULUMI:
        raise FactsError(f"PULUMI in scripts/provider_facts.py does not say where {DEPRECATIONS} has {name}")
    module = f"pulumi_aws/{PULUMI[name]}.py"
    own = read_classes(wheel, module)
    inner = read_classes(wheel, f"{module.rpartition('/')[0]}/_inputs.py")
    # The schema says it of most; of a few only the provider's page does, which is there as text.
    said = set(SAID_DEPRECATED.findall(wheel.read(module).decode()))
    return {singular(path) for start in own for path in deprecated_paths({**inner, **own}, start)} | set(
        map(singular, said)
    )


def deprecated_paths(classes: Classes, name: str, outer: str = "", seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of the deprecated properties of a class and of those it holds."""
    for node in classes[name].body:
        if isinstance(node, ast.FunctionDef) and any(
            "deprecated(" in ast.unparse(part) for part in node.decorator_list
        ):
            yield f"{outer}{node.name}"
    constructor = constructor_of(classes[name])
    for argument in constructor.args.kwonlyargs:
        for inner in held(classes, argument):
            if inner not in seen:
                yield from deprecated_paths(classes, inner, f"{outer}{argument.arg}.", (*seen, inner))


def singular(path: str) -> str:
    """Return a path without the plurals of its parts."""
    return ".".join(re.sub(r"ies$", "y", part).removesuffix("s") for part in path.split("."))


# --------------------------------------------------------------------------------------------------------------- Python
def read_classes(wheel: zipfile.ZipFile, name: str) -> Classes:
    """Return the classes of a module of a wheel; parsing takes its time, so it is done once."""
    if name not in wheel.namelist():
        raise FactsError(f"{wheel.filename} has no {name}")
    return _classes(wheel.read(name))


@functools.cache
def _classes(source: bytes) -> Classes:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def constructor_of(definition: ast.ClassDef) -> ast.FunctionDef:
    """Return the constructor of a class; the empty one where it has none."""
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    return ast.parse("def __init__(self): ...").body[0]  # type: ignore[return-value]


def held(classes: Classes, argument: ast.arg) -> list[str]:
    """Return the classes of the module that an argument's type names."""
    if argument.annotation is None:
        return []
    names = (node.value for node in ast.walk(argument.annotation) if isinstance(node, ast.Constant))
    return [name for name in names if isinstance(name, str) and name in classes]


if __name__ == "__main__":
    main()
