"""Set-up finds the Python of the second interpreter, or says in one line that there is none."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from scripts import bootstrap

SAYS = "#!/bin/sh\necho {}\n"
SHIM = "#!/bin/sh\necho 'pyenv: python9.9: command not found' >&2\nexit 127\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a PATH and a pyenv of its own."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def it_takes_the_python_it_runs_on_if_that_will_do(machine: Path) -> None:
    assert bootstrap.find_python("{}.{}".format(*sys.version_info)) == sys.executable


def it_finds_a_python_on_the_path(machine: Path) -> None:
    found = program(machine / "bin/python9.9", SAYS.format("9.9"))
    assert bootstrap.find_python("9.9") == found


def it_finds_a_python_of_pyenv_behind_a_shim_that_is_not_selected(machine: Path) -> None:
    program(machine / "bin/python9.9", SHIM)
    program(machine / "pyenv/versions/9.9.0/bin/python9.9", SAYS.format("9.8"))
    found = program(machine / "pyenv/versions/9.9.1/bin/python9.9", SAYS.format("9.9"))
    assert bootstrap.find_python("9.9") == found


def it_says_in_one_line_that_there_is_no_second_interpreter(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.find_python("9.9") is None
    folder = machine / "judge"
    program(folder / "bin/python", SAYS.format("of an earlier set-up"))
    bootstrap.install_judge(folder, None)
    reason = (folder / "missing.txt").read_text()
    assert "no Python 3.13 on this machine" in reason
    assert capsys.readouterr().out == f"set-up: {reason}"
    assert not (folder / "bin/python").exists()


def it_installs_the_second_interpreter_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    folder = machine / "judge"
    folder.mkdir()
    python = program(machine / "bin/python3.13", SAYS.format("3.13"))

    def make(command: list[str], problem: str) -> None:
        commands.append(command)
        folder.mkdir(exist_ok=True)

    monkeypatch.setattr(bootstrap, "run", make)
    bootstrap.install_judge(folder, python)
    assert [command[1:3] for command in commands] == [["-m", "venv"], ["-m", "pip"]]
    bootstrap.install_judge(folder, python)
    assert len(commands) == 2
    stamp = folder / ".bootstrap.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "judge.txt": "another list"}))
    bootstrap.install_judge(folder, python)
    assert len(commands) == 4


def it_keeps_no_cache_where_it_may_not_write(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine))
    assert "--no-cache-dir" not in bootstrap.pip_install(machine / "python")
    assert bootstrap.can_be_written(machine / ".npm")
    # Nobody writes into /proc, not even root.
    monkeypatch.setattr(os, "access", lambda place, mode: not place.startswith("/proc"))
    monkeypatch.setenv("HOME", "/proc/home")
    assert "--no-cache-dir" in bootstrap.pip_install(machine / "python")
    assert not bootstrap.can_be_written(Path("/proc/home/.npm"))
