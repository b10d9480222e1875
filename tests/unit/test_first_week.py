"""What a machine, a network or an account gets wrong in the first week is said in one sentence: each is caused here.

Wrong values of variables are in test_wrong_tfvars.py, wrong files in engine/test_messages.py and test_try.py.
docs/troubleshooting.md lists them all.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from local_aws import LocalAws, LocalAwsError
from local_aws.terraform import FOREIGN_VARIABLES, Terraform, TerraformError
from scripts import bootstrap
from tests.rights import as_anybody
from tests.unit.wire import answering

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
# A port that nothing answers at: below 1024, and no service is registered for it.
NOWHERE = "http://127.0.0.1:9"


def ask(*command: str | Path, **environment: str) -> tuple[int, str]:
    """Run a command as somebody without root's rights; return its status and all it printed."""
    # As if nobody's make had started these tests.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**outside, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        preexec_fn=as_anybody,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout


def last_line(printed: str) -> str:
    return printed.strip().splitlines()[-1]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that can be read only."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    return folder


# ----------------------------------------------------------------------------------------------------------- set-up
@pytest.mark.parametrize(
    ("binary", "told"),
    [
        ("nowhere", "Terraform 1.9 or newer is needed and 'nowhere' is not on the PATH: install it, or name another"),
        ('echo \'{"terraform_version": "1.5.7"}\'', "Terraform 1.9 or newer is needed and {} is 1.5.7"),
        ("echo hello", "'{} version -json' did not name a version: hello"),
        ("echo cannot open shared object >&2; exit 127", "Terraform cannot be run: cannot open shared object"),
    ],
    ids=["none", "too old", "something else", "broken"],
)
def it_needs_a_terraform_that_is_new_enough(binary: str, told: str, tmp_path: Path) -> None:
    name = binary
    if binary != "nowhere":
        program = tmp_path / "terraform"
        program.write_text(f"#!/bin/sh\n{binary}\n")
        program.chmod(0o755)
        name = str(program)
    with pytest.raises(bootstrap.SetupError) as error:
        bootstrap.check_terraform(name)
    assert str(error.value).startswith(told.format(name))


@pytest.mark.parametrize(
    ("python", "told"),
    [
        ("", "set-up: Python 3.10 or newer is needed and 'python-of-nobody' is not on the PATH: make PYTHON=… names"),
        (
            '[ "$1" = -V ] && echo Python 3.9.18; exit 1',
            "set-up: Python 3.10 or newer is needed and {} is Python 3.9.18: make PYTHON=",
        ),
        # What a shim of pyenv says of a version that is not selected.
        ("printf 'pyenv: no such\\n\\nThe command exists in\\n  3.9\\n' >&2; exit 127", "{} is pyenv: no such: make"),
    ],
    ids=["none", "too old", "a shim"],
)
def it_needs_a_python_that_is_new_enough(python: str, told: str, tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text(f"#!/bin/sh\n{python}\n")
    program.chmod(0o755)
    name = str(program) if python else "python-of-nobody"
    status, printed = ask(shutil.which("make") or "make", "--no-print-directory", "check-python", f"PYTHON={name}")
    lines = [line for line in printed.splitlines() if not line.startswith("make: ")]
    assert status != 0
    assert len(lines) == 1, printed
    assert told.format(name) in lines[0]


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "25"])
def it_brings_its_own_java_where_spark_cannot_run_on_the_machines(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert not bootstrap.has_java()
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\"' >&2\n")
    assert bootstrap.has_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert not bootstrap.has_java()


def it_says_that_the_clone_cannot_be_written(closed: Path) -> None:
    (closed.parent / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "bootstrap.py", closed.parent / "scripts")
    shutil.copytree(ROOT / "requirements", closed.parent / "requirements")
    closed.parent.chmod(0o555)
    try:
        status, printed = ask(sys.executable, closed.parent / "scripts" / "bootstrap.py")
    finally:
        closed.parent.chmod(0o755)
    assert (status, printed) == (
        1,
        f"set-up: {closed.parent} cannot be written, and .venv and build have to go there: clone into a folder of "
        "yours\n",
    )


def it_says_that_no_package_registry_was_reached(tmp_path: Path) -> None:
    """Pip ends with a version that it did not find, whatever the reason was."""
    environment = {**os.environ, "HTTPS_PROXY": NOWHERE, "PIP_INDEX_URL": "https://registry.invalid/simple"}
    command = [sys.executable, "-m", "pip", "install", "--retries", "1"]
    command += ["--target", str(tmp_path), "nobodys-package==1"]
    with pytest.raises(bootstrap.SetupError, match=r"^problem: .*Cannot connect to proxy.*Connection refused") as error:
        bootstrap.run(command, "problem", env=environment)
    assert "0x" not in str(error.value)


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (
            "npm error code ECONNREFUSED\nnpm error request to https://r/yaml failed, reason: connect ECONNREFUSED\n"
            "npm error A complete log of this run can be found in: /home/a/.npm/_logs/x.log\n",
            "connect ECONNREFUSED",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n\n",
            "No space left",
        ),
        ("", "no output"),
    ],
    ids=["npm", "no space", "silent"],
)
def it_finds_the_reason_in_what_an_installer_printed(printed: str, reason: str) -> None:
    assert reason in bootstrap.reason_in(printed)
    assert "\n" not in bootstrap.reason_in(printed)


# -------------------------------------------------------------------------------------------------------- Terraform
def init(folder: Path, text: str) -> str:
    """Initialise a configuration and return what is said of it."""
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text(text)
    with pytest.raises(TerraformError) as error:
        Terraform(folder, folder / "work", None).init()
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('variable "a" {\n  typ = string\n}\n', r'main.tf line 2, in variable "a": 2: typ = string An argument named'),
        ('locals {\n  a = "b\n}\n', "Invalid multi-line string"),
        ('module "lake" {\n  source = "./nowhere"\n}\n', 'could not be read for module "lake" at main.tf:1'),
        ('terraform {\n  required_version = ">= 99"\n}\n', "main.tf line 2"),
    ],
    ids=["argument", "quote", "source", "version"],
)
def it_blames_the_configuration_and_not_the_registry(text: str, told: str, tmp_path: Path) -> None:
    said = " ".join(init(tmp_path / "own", text).split())
    assert said.startswith("terraform init failed: Error: ")
    assert told in said
    assert "install the providers" not in said
    assert "\x1b" not in said


def it_says_that_no_provider_registry_was_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NOWHERE)
    said = init(
        tmp_path / "own", 'terraform {\n  required_providers {\n    nobodys = { source = "nobody/s" }\n  }\n}\n'
    )
    assert said.startswith("terraform init could not install the providers from the ")
    assert "proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused" in said
    assert said.endswith("(TF_PROVIDER_MIRROR names a folder that holds them, HTTPS_PROXY a proxy)")


# --------------------------------------------------------------------------------------------------- ports and places
@pytest.mark.parametrize("port", [0, -1, 65536])
def it_knows_no_such_port(port: int, tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match=rf"port {port} does not exist, there are 1 to 65535: choose another"):
        LocalAws(tmp_path, port).start()


def it_says_that_a_port_is_taken_or_not_for_everybody(tmp_path: Path) -> None:
    up = [sys.executable, "-m", "local_aws", "--directory", str(tmp_path), "up", "--port"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, printed = ask(*up, str(port))
    assert (status, printed) == (
        1,
        f"local AWS: port {port} is in use: choose another one with --port (make demo PORT=…)\n",
    )
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 9:
        status, printed = ask(*up, "9")
        assert (status, "port 9 is kept for the machine's administrator" in printed) == (1, True), printed


COMMANDS = {
    "demo": (["scripts.demo", "--port", "1", "--directory", "{}"], "demo: {}"),
    "try": (["scripts.try_csv", "README.md", "--only-look", "--directory", "{}"], "try: {}"),
    "local_aws": (["local_aws", "--directory", "{}", "up", "--port", "65000"], "local AWS: {}"),
}


@pytest.mark.parametrize("command", COMMANDS)
def it_says_which_folder_cannot_be_written(command: str, closed: Path) -> None:
    arguments, told = COMMANDS[command]
    place = closed / "here"
    status, printed = ask(sys.executable, "-m", *(argument.format(place) for argument in arguments))
    assert status == 1
    assert last_line(printed).startswith(told.format(place))
    assert last_line(printed).endswith(
        "cannot be read or written (Permission denied): change its rights, or name another place"
    )


def it_says_that_no_space_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    # A device that is always full stands where the file is to be written.
    (tmp_path / "try" / "a").mkdir(parents=True)
    (tmp_path / "try" / "a" / "datasets.tfvars").symlink_to("/dev/full")
    command = [sys.executable, "-m", "scripts.try_csv", str(tmp_path / "a.csv"), "--only-look", "--name", "a"]
    status, printed = ask(*command, "--directory", tmp_path / "try")
    assert status == 1
    assert last_line(printed) == "try: no space is left: free some, or name another place with --directory"


# ------------------------------------------------------------------------------------------------------- an account
def who_one_is(request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str]:
    """Say who one is as STS does, as long as the key is not an old one."""
    if "OLDKEY" in request.headers["Authorization"]:
        # https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
        return 403, (
            "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredTokenException</Code>"
            "<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"
        )
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    return 200, (
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>"
        "<UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


@pytest.fixture(scope="module")
def sts() -> Iterator[str]:
    with answering(who_one_is) as endpoint:
        yield endpoint


def smoke(tmp_path: Path, **environment: str) -> tuple[int, str]:
    """Ask `make smoke` what it would do, in an environment that says nothing of AWS but what is given."""
    hidden = [*FOREIGN_VARIABLES, "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    clean = {name: value for name, value in os.environ.items() if name not in hidden}
    clean |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        clean[name] = os.devnull
    done = subprocess.run(
        [sys.executable, "-m", "scripts.smoke", "--confirm", "no", "--directory", str(tmp_path)],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


KEY = {"AWS_ACCESS_KEY_ID": "AKIAOFALICE", "AWS_SECRET_ACCESS_KEY": "s"}
REGION = {"AWS_REGION": "eu-west-3"}
ACCOUNTS = {
    "no region": (KEY, "smoke: no region is set: AWS_REGION=eu-central-1 make smoke, for example"),
    "no credentials": (REGION, "smoke: AWS does not know who you are (Unable to locate credentials): set AWS_PROFILE"),
    "expired credentials": (
        {**REGION, **KEY, "AWS_ACCESS_KEY_ID": "OLDKEY"},
        "smoke: AWS does not know who you are (An error occurred (ExpiredTokenException) when calling the "
        "GetCallerIdentity operation: The security token included in the request is expired): set AWS_PROFILE",
    ),
    "unknown profile": (
        {**REGION, "AWS_PROFILE": "nobody"},
        "smoke: AWS does not know who you are (The config profile (nobody) could not be found): set AWS_PROFILE",
    ),
    "unreachable": (
        {**REGION, **KEY, "AWS_ENDPOINT_URL": NOWHERE},
        f'smoke: AWS cannot be reached (Could not connect to the endpoint URL: "{NOWHERE}/"): is HTTPS_PROXY right',
    ),
}


@pytest.mark.parametrize("mistake", ACCOUNTS)
def it_says_what_is_wrong_with_the_account(mistake: str, sts: str, tmp_path: Path) -> None:
    environment, told = ACCOUNTS[mistake]
    status, printed = smoke(tmp_path, **{"AWS_ENDPOINT_URL": sts, **environment})
    assert (status, len(printed.splitlines())) == (1, 1), printed
    assert printed.startswith(told)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def it_takes_the_region_by_either_of_its_names(name: str, sts: str, tmp_path: Path) -> None:
    _, printed = smoke(tmp_path, **KEY, **{name: "eu-west-3"}, AWS_ENDPOINT_URL=sts)
    assert printed.startswith("Account 123456789012, region eu-west-3, as arn:aws:iam::123456789012:user/Alice\n")
