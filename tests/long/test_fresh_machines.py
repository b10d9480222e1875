"""What a fresh machine needs: a clone, Terraform, Python and make. Set-up and demo bring the rest.

Each machine is an empty home and a PATH of its own, with links to what a small container has and to nothing else: no
Java, no Node.js, no Git unless it is said.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_aws import free_port
from scripts.bootstrap import find_python
from tests.rights import as_anybody

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 1500
# What stands in /bin of a slim image of Debian, as far as make, venv, npm and Spark's own scripts may ask for it.
# fmt: off
BARE = (
    "basename", "bash", "cat", "chmod", "cmp", "cp", "cut", "date", "dirname", "echo", "env", "expr", "false",
    "find", "grep", "head", "id", "ln", "ls", "mkdir", "mktemp", "mv", "nice", "printf", "pwd", "readlink",
    "realpath", "rm", "rmdir", "sed", "sh", "sleep", "sort", "tail", "test", "touch", "tr", "true", "uname",
    "uniq", "wc", "which", "xargs",
)
# fmt: on
# How this machine reaches the registries, which is no property of a fresh one.
NETWORK = re.compile(r"(?i)(https?|no|all)_proxy|(pip|npm_config)_\w+|node_extra_ca_certs|ssl_cert_(file|dir)")


@dataclass(frozen=True)
class Machine:
    """A machine to try: which Python it has, what else, and what is unusual about it."""

    python: str
    folder: str = "clone"
    also: Sequence[str] = ()
    closed_home: bool = False


MACHINES = {
    "nothing but Python 3.11": Machine("3.11"),
    "Python 3.10, a path with blanks": Machine("3.10", folder="my own clone (1)"),
    "Python 3.13, a home that cannot be written": Machine("3.13", closed_home=True),
    "Python 3.12, Java and Node.js of the machine": Machine("3.12", also=("java", "node", "npm", "git")),
}


def clone(target: Path) -> None:
    """Copy what Git knows of this working tree: what a clone of it would hold."""
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def path_of(machine: Machine, folder: Path) -> Path:
    """Make the only folder on the PATH of a machine."""
    folder.mkdir()
    python = find_python(machine.python)
    if python is None:
        pytest.fail(f"this machine has no Python {machine.python}: the matrix needs 3.10 to 3.13")
    programs = {name: shutil.which(name) for name in (*BARE, "make", *machine.also)}
    programs["terraform"] = shutil.which(os.environ.get("TERRAFORM", "terraform"))
    # The interpreter itself, not a shim that chooses one.
    question = "import sys; print(sys.executable)"
    programs["python3"] = subprocess.run(
        [python, "-c", question], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    for name, program in programs.items():
        if program is None:
            pytest.fail(f"this machine has no {name}")
        (folder / name).symlink_to(program)
    return folder


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def it_sets_up_and_runs_the_demo(machine: Machine, tmp_path: Path) -> None:
    place, home = tmp_path / machine.folder, tmp_path / "home"
    clone(place)
    home.mkdir(mode=0o555 if machine.closed_home else 0o755)
    environment = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
    environment |= {"HOME": str(home), "PATH": str(path_of(machine, tmp_path / "bin"))}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            preexec_fn=as_anybody,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    make = shutil.which("make") or "make"
    prepared = run(make, "setup-test")
    assert "creating .venv with Python " + machine.python in prepared
    assert ("java.txt" in prepared) == ("java" not in machine.also)
    assert ("node.txt" in prepared) == ("node" not in machine.also)
    assert "set-up: installing" not in run(make, "setup-test")
    # Other Pythons bring other versions of libraries, and those other types.
    run(make, "lint")
    # The npm package judges a definition: Node.js works, wherever it is from.
    run(place / ".venv/bin/python", "-m", "pytest", "-q", "tests/asl/test_graph.py", "-k", "validator")
    demo = run(make, "demo", f"PORT={free_port()}")
    report = json.loads((place / "build/demo/report.json").read_text())
    assert [execution["status"] for execution in report["executions"]] == ["SUCCEEDED"] * 3, demo
    assert (report["view_matches_csv"], report["plan_clean"]) == (True, True), demo
    if machine.closed_home:
        assert list(home.iterdir()) == []
