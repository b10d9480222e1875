"""Access to ministack's internals, every one of them declared and checked before the first is replaced.

ministack offers no plug-in interface, so the extensions replace module functions in-process. That is only safe against
the version they were written for: `Emulator.check` compares the version and looks for every declared name.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from types import ModuleType
from typing import Any

PINNED_VERSION = "1.5.33"


class HookError(Exception):
    """The installed ministack does not offer what the extensions need."""


class ModuleHook:
    """The declared attributes of one ministack module; anything undeclared is refused."""

    def __init__(self, module: ModuleType | None, name: str, declared: frozenset[str]) -> None:
        self._module = module
        self._name = name
        self._declared = declared

    def __getattr__(self, attribute: str) -> Any:
        """Return a declared attribute of the module."""
        self._require(attribute)
        return getattr(self._module, attribute)

    def replace(self, attribute: str, replacement: Any) -> Any:
        """Put `replacement` in the attribute's place and return what was there."""
        self._require(attribute)
        original = getattr(self._module, attribute)
        setattr(self._module, attribute, replacement)
        return original

    def _require(self, attribute: str) -> None:
        if attribute not in self._declared:
            raise AttributeError(f"{self._name}.{attribute} is used without being declared as a hook")


class Emulator:
    """Collects the hooks of all extensions so that they can be checked together."""

    def __init__(self) -> None:
        self._missing: list[str] = []

    def module(self, name: str, *attributes: str) -> ModuleHook:
        """Declare the attributes of a ministack module that an extension replaces or calls."""
        try:
            module: ModuleType | None = importlib.import_module(f"ministack.{name}")
        except ImportError as error:
            self._missing.append(f"ministack.{name} ({error})")
            module = None
        else:
            self._missing += [f"ministack.{name}.{item}" for item in attributes if not hasattr(module, item)]
        return ModuleHook(module, name, frozenset(attributes))

    def check(self) -> None:
        """Raise HookError unless the version is the pinned one and every declared attribute exists."""
        version = installed_version()
        problems = []
        if version != PINNED_VERSION:
            problems.append(f"ministack {PINNED_VERSION} is needed and {version} is installed")
        if self._missing:
            problems.append("missing in ministack: " + ", ".join(self._missing))
        if problems:
            raise HookError("the local AWS cannot extend this ministack: " + "; ".join(problems))


def installed_version() -> str:
    """Return the version of the installed ministack, or 'none'."""
    try:
        return importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        return "none"
