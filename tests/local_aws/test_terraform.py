"""Terraform: the provider mirror is found, init falls back, errors are told, calls end."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import terraform
from local_aws.terraform import (
    Terraform,
    TerraformError,
    errors_in,
    execute,
    mirror_configuration,
    with_cli_configuration,
)
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fresh_search() -> Iterator[None]:
    terraform.find_provider_mirror.cache_clear()
    yield
    terraform.find_provider_mirror.cache_clear()


@pytest.fixture
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_PROVIDER_MIRROR", raising=False)
    monkeypatch.setattr(terraform, "find_provider_mirror", lambda: None)


def make_mirror(folder: Path) -> Path:
    (folder / terraform.PROVIDER / "5.100.0").mkdir(parents=True)
    return folder


def fake_binary(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    file = folder / "terraform"
    file.write_text("#!/bin/sh\n" + script)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TERRAFORM", str(file))


def it_takes_the_mirror_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = make_mirror(tmp_path / "m")
    monkeypatch.setenv("TF_PROVIDER_MIRROR", str(mirror))
    assert terraform.find_provider_mirror() == mirror


def it_refuses_a_named_mirror_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PROVIDER_MIRROR", str(tmp_path))
    with pytest.raises(TerraformError, match="there is no registry"):
        terraform.find_provider_mirror()


def it_finds_a_mirror_in_terraforms_own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_PROVIDER_MIRROR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    mirror = make_mirror(tmp_path / "terraform" / "plugins")
    assert terraform.find_provider_mirror() == mirror


def it_finds_a_mirror_by_walking_a_bounded_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_PROVIDER_MIRROR", raising=False)
    monkeypatch.setattr(terraform, "implied_mirrors", list)
    monkeypatch.setattr(terraform, "SEARCH_ROOTS", (str(tmp_path),))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "node_modules").mkdir()
    make_mirror(tmp_path / "node_modules" / "x")
    make_mirror(tmp_path / "a" / "b" / "c" / "d" / "too_deep")
    assert terraform.find_provider_mirror() is None
    terraform.find_provider_mirror.cache_clear()
    assert make_mirror(tmp_path / "a" / "b") == terraform.find_provider_mirror()


def it_takes_from_a_mirror_only_what_it_holds(tmp_path: Path) -> None:
    text = mirror_configuration(make_mirror(tmp_path))
    assert text.count('["registry.terraform.io/hashicorp/aws"]') == 2
    assert f'path    = "{tmp_path}"' in text


@pytest.mark.usefixtures("no_mirror")
def it_drops_a_configuration_file_that_does_not_exist(tmp_path: Path) -> None:
    assert "TF_CLI_CONFIG_FILE" not in with_cli_configuration({"TF_CLI_CONFIG_FILE": str(tmp_path / "no")}, tmp_path)
    existing = tmp_path / "yes"
    existing.touch()
    kept = with_cli_configuration({"TF_CLI_CONFIG_FILE": str(existing)}, tmp_path)
    assert kept["TF_CLI_CONFIG_FILE"] == str(existing)


@pytest.mark.usefixtures("no_mirror")
def it_collects_garbage_less_often_unless_the_machine_says_how_often(tmp_path: Path) -> None:
    assert int(with_cli_configuration({}, tmp_path)["GOGC"]) > 100
    assert with_cli_configuration({"GOGC": "50"}, tmp_path)["GOGC"] == "50"


def it_goes_to_the_registry_when_the_mirror_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PROVIDER_MIRROR", str(make_mirror(tmp_path / "m")))
    monkeypatch.delenv("TF_CLI_CONFIG_FILE", raising=False)
    fake_binary(
        tmp_path,
        monkeypatch,
        f'echo "${{TF_CLI_CONFIG_FILE:-none}}" >> {tmp_path}/calls; '
        '[ -z "$TF_CLI_CONFIG_FILE" ] || { echo "Error: Failed to query available provider packages"; exit 1; }',
    )
    Terraform(tmp_path, tmp_path / "work", "http://127.0.0.1:1").init()
    assert (tmp_path / "calls").read_text().splitlines() == [str(tmp_path / "work" / "cli.tfrc"), "none"]


@pytest.mark.usefixtures("no_mirror")
def it_tells_both_failures_of_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_binary(tmp_path, monkeypatch, 'echo "Error: registry unreachable"; exit 1')
    with pytest.raises(TerraformError, match="from the registry: Error: registry unreachable"):
        Terraform(tmp_path, tmp_path / "work", "http://127.0.0.1:1").init()


@pytest.mark.usefixtures("no_mirror")
def it_applies_with_dummy_keys_against_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    outputs = json.dumps({"a": {"value": 1}})
    fake_binary(
        tmp_path,
        monkeypatch,
        f"""echo "$2 $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID ${{AWS_PROFILE:-none}} $*" >> {tmp_path}/calls
        [ "$2" = output ] && echo '{outputs}'
        exit 0""",
    )
    done = Terraform(tmp_path, tmp_path / "work", "http://127.0.0.1:1", (tmp_path / "x.tfvars",))
    assert done.apply({"n": 1, "s": "t"}) == {"a": 1}
    apply = (tmp_path / "calls").read_text().splitlines()[1]
    assert apply.startswith("apply http://127.0.0.1:1 test none ")
    for part in (f"-state={tmp_path}/work/terraform.tfstate", f"-var-file={tmp_path}/x.tfvars", "-var=n=1", "-var=s=t"):
        assert part in apply


@pytest.mark.usefixtures("no_mirror")
def it_leaves_a_persons_own_aws_alone_without_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_PROFILE", "mine"), ("AWS_REGION", "eu-west-3")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    fake_binary(
        tmp_path, monkeypatch, f'echo "$AWS_PROFILE $AWS_REGION ${{AWS_ENDPOINT_URL:-none}}" > {tmp_path}/calls'
    )
    Terraform(tmp_path, tmp_path / "work", None).init()
    assert (tmp_path / "calls").read_text() == "mine eu-west-3 none\n"


def it_lets_terraform_write_its_state_when_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The provider, which was started before, has to outlive the saving.
    saved = f"kill -0 $! && echo saved > {tmp_path}/state"
    fake_binary(tmp_path, monkeypatch, f"sleep 60 & trap 'sleep 1; {saved}; exit 1' TERM; touch {tmp_path}/up; wait")

    def interrupt() -> None:
        wait_for((tmp_path / "up").exists)
        signal.raise_signal(signal.SIGUSR1)

    def raise_interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, raise_interrupt)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            execute(["apply"], dict(os.environ), tmp_path / "log")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (tmp_path / "state").read_text() == "saved\n"


@pytest.mark.usefixtures("no_mirror")
@pytest.mark.parametrize(("status", "clean"), [(0, True), (2, False)])
def it_reads_the_plan_from_its_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, clean: bool
) -> None:
    fake_binary(tmp_path, monkeypatch, f"exit {status}")
    (tmp_path / "work").mkdir()
    assert Terraform(tmp_path, tmp_path / "work", "http://127.0.0.1:1").plan_is_clean() is clean


@pytest.mark.usefixtures("no_mirror")
def it_ends_a_call_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_binary(tmp_path, monkeypatch, "sleep 60")
    monkeypatch.setattr(terraform, "DEFAULT_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(TerraformError, match="took longer"):
        terraform.execute(["apply"], {}, tmp_path / "log")
    assert time.monotonic() - start < 15


def it_says_that_the_binary_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM", str(tmp_path / "nothing"))
    with pytest.raises(TerraformError, match="is not on the PATH"):
        terraform.execute(["version"], {})


def it_tells_the_errors_of_a_long_output() -> None:
    output = "Plan: 3\n╷\n│ Error: creating thing\n│ \n│   with module.x,\n│ no right\n╵\n"
    assert errors_in(output) == "Error: creating thing with module.x, no right"
    assert errors_in("something else") == "something else"
