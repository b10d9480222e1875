"""Hooks: nothing undeclared is touched, and what is missing is named before anything is replaced."""

from __future__ import annotations

import pytest

from local_aws.extensions import hooks
from local_aws.extensions.hooks import Emulator, HookError


def it_offers_and_replaces_declared_attributes() -> None:
    module = Emulator().module("core.responses", "now_iso")
    original = module.now_iso
    assert module.replace("now_iso", len) is original
    try:
        assert module.now_iso is len
    finally:
        module.replace("now_iso", original)


def it_refuses_undeclared_attributes() -> None:
    module = Emulator().module("core.responses", "now_iso")
    with pytest.raises(AttributeError, match="get_region is used without being declared"):
        _ = module.get_region
    with pytest.raises(AttributeError, match="declared"):
        module.replace("get_region", None)


def it_names_everything_that_is_missing() -> None:
    emulator = Emulator()
    emulator.module("core.responses", "now_iso", "gone_one")
    emulator.module("services.nowhere", "anything")
    with pytest.raises(HookError, match=r"ministack\.core\.responses\.gone_one, ministack\.services\.nowhere"):
        emulator.check()


def it_refuses_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "installed_version", lambda: "9.9")
    with pytest.raises(HookError, match=r"ministack 1\.5\.33 is needed and 9\.9 is installed"):
        Emulator().check()


def it_accepts_what_is_installed() -> None:
    emulator = Emulator()
    emulator.module("core.responses", "now_iso")
    emulator.check()
