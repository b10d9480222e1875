"""Terraform (or OpenTofu) as the tests, the demo and make run it: with or without a provider registry at hand.

    python -m scripts.terraform -- init -backend=false

Where the machine holds a provider mirror, it is used; a mirror is any folder with registry.terraform.io/hashicorp/aws
below it. TF_PROVIDER_MIRROR names one; otherwise the places Terraform itself knows and then a bounded part of the file
system are searched. If init fails with the mirror, or there is none, Terraform goes to the registry as usual. The
variable TERRAFORM picks the binary.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws.errors import LocalAwsError
from local_aws.processes import end_session
from local_aws.settings import REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY

ROOT = Path(__file__).resolve().parents[1]
REGISTRY = "registry.terraform.io"
PROVIDER = Path(REGISTRY) / "hashicorp" / "aws"
DEFAULT_SECONDS = 1800.0
INTERRUPTED_SECONDS = 120.0
SEARCH_DEPTH = 4
SEARCH_SECONDS = 5.0
SEARCH_ROOTS = ("/opt", "/usr/local", "/usr/share", "/usr/lib", "/var/lib", "/srv", "/mnt", "/etc")
PRUNED = {"proc", "sys", "dev", "node_modules", "site-packages", "__pycache__", "docker", "containers"}
# An error of init that is the configuration's own names a place in a file; one of installing names a provider and none.
LOCATED = re.compile(r"^[│ ]*on \S.* line \d+", re.MULTILINE)
OF_PROVIDERS = re.compile(r"provider|registry|plugin", re.IGNORECASE)
PREFACE = "Terraform encountered problems during initialisation"
# By how much the heaps of Terraform and its providers grow before garbage is collected; Go's default is 100, and its
# collector took a third of the time of processes that read the AWS provider's schema and end after seconds:
# https://pkg.go.dev/runtime#hdr-Environment_Variables
GARBAGE_PERCENT = "400"
COLOURS = re.compile(r"\x1b\[[\d;]*m")
# What a person's own AWS set-up must not lend to runs against the local endpoint.
FOREIGN_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_CA_BUNDLE")


class TerraformError(LocalAwsError):
    """A Terraform command failed; the message holds its own errors."""


@dataclass(frozen=True)
class Terraform:
    """One configuration with its state and plug-ins kept outside of its folder.

    Attributes:
        configuration: the folder of the root module.
        work: where state, plug-ins and the output of each command go.
        endpoint: URL of the local AWS; None for AWS as the environment of this process names it.
        var_files: files of variable values, given to plan, apply and destroy.
    """

    configuration: Path
    work: Path
    endpoint: str | None
    var_files: tuple[Path, ...] = ()

    @property
    def state_file(self) -> Path:
        """The local state."""
        return self.work / "terraform.tfstate"

    def init(self) -> None:
        """Install providers and modules; what is there already costs a second."""
        initialise([f"-chdir={self.configuration}", "init", "-input=false", "-no-color"], self._environment, self.work)

    def apply(self, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Apply and return the outputs."""
        self.init()
        self._run("apply", "-auto-approve", *self._variables(variables))
        return self.outputs()

    def plan_is_clean(self, variables: Mapping[str, Any] | None = None) -> bool:
        """Whether a plan finds nothing to change; what it found is in plan.log."""
        return self._run("plan", "-detailed-exitcode", *self._variables(variables), allowed=(0, 2)) == 0

    def plan(self, variables: Mapping[str, Any] | None = None) -> dict[str, set[str]]:
        """Plan, and return what `apply_planned` would do to each resource: create, update, delete, by its address."""
        self.init()
        self._run("plan", f"-out={self._plan_file}", *self._variables(variables))
        self._run("show", "-json", str(self._plan_file), state=False)
        changes = json.loads((self.work / "show.log").read_text()).get("resource_changes", [])
        return {
            change["address"]: actions
            for change in changes
            if (actions := set(change["change"]["actions"]) - {"no-op", "read"})
        }

    def apply_planned(self) -> dict[str, Any]:
        """Apply what was planned last and return the outputs."""
        self._run("apply", "-lock=false", str(self._plan_file))
        return self.outputs()

    def destroy(self, variables: Mapping[str, Any] | None = None) -> None:
        """Destroy what was applied."""
        self._run("destroy", "-auto-approve", *self._variables(variables))

    def forget(self, *addresses: str) -> None:
        """Take resources or modules out of the state and leave them as they are."""
        line = [f"-chdir={self.configuration}", "state", "rm", f"-state={self.state_file}", *addresses]
        status, output = execute(line, with_cli_configuration(self._environment, self.work), self.work / "state.log")
        if status != 0:
            raise TerraformError(f"terraform state rm failed: {errors_in(output)}")

    def outputs(self) -> dict[str, Any]:
        """Return the output values by name."""
        self._run("output", "-json")
        values = json.loads((self.work / "output.log").read_text())
        return {name: entry["value"] for name, entry in values.items()}

    def output_of(self, command: str) -> str:
        """Return what the last run of a command printed."""
        return (self.work / f"{command}.log").read_text()

    def _variables(self, variables: Mapping[str, Any] | None) -> list[str]:
        arguments = ["-input=false", "-lock=false"]
        arguments += [f"-var-file={file.resolve()}" for file in self.var_files]
        for name, value in (variables or {}).items():
            arguments.append(f"-var={name}={value if isinstance(value, str) else json.dumps(value)}")
        return arguments

    @property
    def _environment(self) -> dict[str, str]:
        if self.endpoint is None:
            return {**os.environ, "TF_DATA_DIR": str(self.work / "data")}
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
        environment.update(
            AWS_ENDPOINT_URL=self.endpoint,
            AWS_ACCESS_KEY_ID=ROOT_ACCESS_KEY,
            AWS_SECRET_ACCESS_KEY=ROOT_SECRET_KEY,
            AWS_REGION=REGION,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_CONFIG_FILE=os.devnull,
            AWS_SHARED_CREDENTIALS_FILE=os.devnull,
            TF_DATA_DIR=str(self.work / "data"),
        )
        return environment

    @property
    def _plan_file(self) -> Path:
        return self.work / "planned"

    def _run(self, command: str, *arguments: str, allowed: tuple[int, ...] = (0,), state: bool = True) -> int:
        line = [f"-chdir={self.configuration}", command, "-no-color"]
        line += [f"-state={self.state_file}"] if state else []
        line += arguments
        environment = with_cli_configuration(self._environment, self.work)
        status, output = execute(line, environment, self.work / f"{command}.log")
        if status not in allowed:
            raise TerraformError(f"terraform {command} failed: {errors_in(output)}")
        return status


def initialise(arguments: list[str], environment: Mapping[str, str], work: Path) -> None:
    """Run init with the provider mirror, and without it when that fails.

    Raises:
        TerraformError: when neither way installs the providers, or the configuration itself is wrong.
    """
    work.mkdir(parents=True, exist_ok=True)
    mirror = find_provider_mirror()
    failures = []
    for use_mirror in (True, False) if mirror else (False,):
        prepared = with_cli_configuration(environment, work, use_mirror=use_mirror)
        status, output = execute(arguments, prepared, work / "init.log")
        if status == 0:
            return
        output = COLOURS.sub("", output)
        if LOCATED.search(output) or not OF_PROVIDERS.search(output):
            raise TerraformError(f"terraform init failed: {errors_in(output)}")
        failures.append(f"{f'from the mirror {mirror}' if use_mirror else 'from the registry'}: {errors_in(output)}")
    raise TerraformError(
        f"terraform init could not install the providers {'; '.join(failures)} "
        "(TF_PROVIDER_MIRROR names a folder that holds them, HTTPS_PROXY a proxy)"
    )


def with_cli_configuration(environment: Mapping[str, str], work: Path, *, use_mirror: bool = True) -> dict[str, str]:
    """Return the environment with a Terraform CLI configuration that exists."""
    prepared = {"GOGC": GARBAGE_PERCENT, **environment, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    if not Path(prepared.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        del prepared["TF_CLI_CONFIG_FILE"]
    mirror = find_provider_mirror()
    if mirror and use_mirror:
        work.mkdir(parents=True, exist_ok=True)
        file = work / "cli.tfrc"
        file.write_text(mirror_configuration(mirror))
        prepared["TF_CLI_CONFIG_FILE"] = str(file)
    return prepared


def mirror_configuration(mirror: Path) -> str:
    """Return a CLI configuration that takes from the mirror what it holds and all else from the registry."""
    held = sorted(
        f"{REGISTRY}/{folder.parent.name}/{folder.name}"
        for folder in (mirror / REGISTRY).glob("*/*")
        if folder.is_dir()
    )
    listed = json.dumps(held)
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = {listed}\n  }}\n"
        f"  direct {{\n    exclude = {listed}\n  }}\n"
        "}\n"
    )


def execute(arguments: list[str], environment: Mapping[str, str], log: Path | None = None) -> tuple[int, str]:
    """Run Terraform; return its exit status and, with a log file, what it printed (else it prints for itself).

    Raises:
        TerraformError: when the binary is missing or the call takes too long.
    """
    binary = shutil.which(os.environ.get("TERRAFORM", "terraform"))
    if binary is None:
        raise TerraformError(
            f"'{os.environ.get('TERRAFORM', 'terraform')}' is not on the PATH: install Terraform 1.9 or newer, or name "
            "another binary with TERRAFORM=tofu"
        )
    output = log.open("w") if log else None
    try:
        process = subprocess.Popen(
            [binary, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=DEFAULT_SECONDS)
        except subprocess.TimeoutExpired:
            end_session(process.pid)
            raise TerraformError(f"terraform {arguments[0]} took longer than {DEFAULT_SECONDS:.0f} seconds") from None
        except BaseException:
            # On Ctrl-C Terraform itself ends what it has begun, or the state would not hold it; the providers, which it
            # needs for that, are ended after it.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=INTERRUPTED_SECONDS)
            end_session(process.pid)
            raise
    finally:
        if output:
            output.close()
    return status, log.read_text() if log else ""


def errors_in(output: str) -> str:
    """Return the errors that Terraform printed, on one line."""
    lines = [line.strip("│╷╵ ").strip() for line in COLOURS.sub("", output).splitlines()]
    starts = [index for index, line in enumerate(lines) if line.startswith("Error")]
    found: list[str] = []
    for index, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        words = [line for line in lines[index : min(end, index + 12)] if line]
        # init tells of a wrong configuration what it is about and then, of each file once more, what is wrong.
        if (told := " ".join(words)[:1000]) not in found and not told.startswith(f"Error: {PREFACE}"):
            found.append(told)
    return " | ".join(found[:3]) or (lines[-1] if lines else "no output")


@functools.cache
def find_provider_mirror() -> Path | None:
    """Return a folder of the machine that holds the AWS provider, or None.

    Raises:
        TerraformError: when TF_PROVIDER_MIRROR names a folder that holds none.
    """
    named = os.environ.get("TF_PROVIDER_MIRROR")
    if named:
        if (Path(named) / PROVIDER).is_dir():
            return Path(named)
        raise TerraformError(f"TF_PROVIDER_MIRROR is {named}, and there is no {PROVIDER} below it")
    for folder in implied_mirrors():
        if (folder / PROVIDER).is_dir():
            return folder
    deadline = time.monotonic() + SEARCH_SECONDS
    for root in (*SEARCH_ROOTS, str(Path.home())):
        for folder in folders_below(Path(root), SEARCH_DEPTH, deadline):
            if (folder / PROVIDER).is_dir():
                return folder
    return None


def implied_mirrors() -> list[Path]:
    """Return where Terraform looks by itself, and its usual plug-in caches.

    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    home = Path.home()
    data = [os.environ.get("XDG_DATA_HOME", str(home / ".local" / "share"))]
    data += os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")
    folders = [home / ".terraform.d" / "plugins", *(Path(folder) / "terraform" / "plugins" for folder in data)]
    caches = [os.environ.get("TF_PLUGIN_CACHE_DIR", ""), str(home / ".terraform.d" / "plugin-cache")]
    return folders + [Path(cache) for cache in caches if cache]


def folders_below(root: Path, depth: int, deadline: float) -> Iterator[Path]:
    """Yield a folder and those below it, level by level, until the deadline."""
    level = [root] if root.is_dir() else []
    for _ in range(depth):
        following = []
        for folder in level:
            if time.monotonic() > deadline:
                return
            yield folder
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue
            following += [
                Path(entry.path)
                for entry in entries
                if entry.name not in PRUNED and not entry.name.startswith(".git") and _is_folder(entry)
            ]
        level = following


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
