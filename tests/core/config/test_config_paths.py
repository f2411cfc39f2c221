"""Where the configuration file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.config.config_file import default_path, explicit_path


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "APPDATA", "DCMSEAL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/doe")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/doe/.config/dcmseal/config.toml"),
        ("darwin", {}, "/home/doe/Library/Application Support/dcmseal/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": "/etc/doe"}, "/etc/doe/dcmseal/config.toml"),
        ("darwin", {"XDG_CONFIG_HOME": "/etc/doe"}, "/etc/doe/dcmseal/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "/home/doe/.config/dcmseal/config.toml"),
        ("linux", {"XDG_CONFIG_HOME": ""}, "/home/doe/.config/dcmseal/config.toml"),
        ("win32", {"APPDATA": "/users/doe"}, "/users/doe/dcmseal/config.toml"),
    ],
)
def test_the_usual_place(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_path(platform) == Path(expected)


def test_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert default_path("linux") is None
    assert default_path("win32") is None


def test_the_caller_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert explicit_path(None) is None
    monkeypatch.setenv("DCMSEAL_CONFIG", "")
    assert explicit_path(None) is None
    monkeypatch.setenv("DCMSEAL_CONFIG", "~/one.toml")
    assert explicit_path(None) == Path("/home/doe/one.toml")
    assert explicit_path("two.toml") == Path("two.toml")
