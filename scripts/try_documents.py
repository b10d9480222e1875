"""What `make try` writes for somebody to take along: the `datasets` block, the stack that applies it, the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# What Terraform reads in a quoted text as something else: https://developer.hashicorp.com/terraform/language/expressions/strings
_ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("${", "$${"), ("%{", "%%{"))


def text_in_hcl(text: str) -> str:
    """Return a text as a Terraform string."""
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    # What nobody sees is written as what it is: of a no-break space a terminal's copy is another blank.
    return '"' + "".join(char if char.isprintable() else _code(char) for char in text) + '"'


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def value_in_hcl(value: Any) -> str:
    """Return a value of JSON as Terraform spells it in one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text_in_hcl(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(value_in_hcl, value)) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {value_in_hcl(item)}" for name, item in value.items()) + " }"
    return json.dumps(value)


def datasets_block(name: str, dataset: Mapping[str, Any]) -> str:
    """Return the `datasets` argument of the module with one dataset, formatted as `terraform fmt` does."""
    width = max((len(option) for option in dataset if option != "columns"), default=0)
    lines = []
    for option, value in _as_inputs(dataset).items():
        if option == "columns":
            lines.append("    columns = [")
            lines += [f"      {value_in_hcl(column)}," for column in value]
            lines.append("    ]")
        else:
            lines.append(f"    {option:<{width}} = {value_in_hcl(value)}")
    return "\n".join(["datasets = {", f"  {name} = {{", *lines, "  }", "}", ""])


def _as_inputs(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as inputs of the module: no quotes is an empty text there, as null is the default."""
    csv = {name: "" if value is None else value for name, value in dataset.get("csv", {}).items()}
    return {**dataset, "csv": csv} if csv else dict(dataset)


def stack(module: str, name: str, block: str) -> str:
    """Return a Terraform configuration of the module with a `datasets` block, for the local AWS."""
    inner = "\n".join(f"  {line}" if line else line for line in block.rstrip().splitlines())
    return f"""terraform {{
  required_version = ">= 1.9"

  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }}
  }}
}}

provider "aws" {{
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}}

module "lake" {{
  source = {text_in_hcl(module)}

  name          = {text_in_hcl(name)}
  force_destroy = true
  # The local endpoint speaks plain HTTP, and the provider waits a minute per bucket for lifecycle rules to settle.
  require_tls     = false
  lifecycle_rules = {{ enabled = false }}

{inner}
}}
""" + "".join(
        f"\noutput {text_in_hcl(output)} {{\n  value = module.lake.{output}\n}}\n"
        for output in ("state_machine_arn", "raw_bucket", "lake_bucket", "database_name", "athena_workgroup")
    )


def local_contract(name: str, source: str, lake: str, dataset: Mapping[str, Any]) -> str:
    """Return the contract by which the job loads the same files from a local folder."""
    document = {"dataset": name, "source_uri": source, "lake_uri": lake, **dataset}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def dataset_options(
    columns: Sequence[Mapping[str, str]],
    csv: Mapping[str, Any],
    partitions: tuple[Sequence[tuple[str, str]], str | None] | None,
    *,
    drifting: bool,
    max_bad_fraction: float | None,
) -> dict[str, Any]:
    """Return a dataset's options, those at their default left out."""
    options: dict[str, Any] = {}
    if partitions is not None:
        keys, pattern = partitions
        options["partition_keys"] = [
            {"name": key, **({"type": kind} if kind != "string" else {})} for key, kind in keys
        ]
        if pattern is not None:
            options["partition_pattern"] = pattern
    if csv:
        options["csv"] = dict(csv)
    if drifting:
        options["schema_drift"] = "ignore"
    if max_bad_fraction is not None:
        options["max_bad_fraction"] = max_bad_fraction
    options["columns"] = [
        {name: value for name, value in column.items() if (name, value) != ("type", "string")} for column in columns
    ]
    return options
