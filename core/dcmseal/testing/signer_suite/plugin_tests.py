"""The plugin: what it is called, what it lists, and what it imports before anybody asks for a key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from typing import Final
from unittest import SkipTest

from dcmseal.plugins.guard import Origin
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import GuardedSignerBackend, KeyListing
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase

_LIGHT_MODULES: Final = frozenset({"dcmseal", "pluggy"}) | sys.stdlib_module_names
_HEAVY_MODULES: Final = frozenset(
    {"asyncio", "ctypes", "http", "multiprocessing", "sqlite3", "ssl", "tkinter", "xmlrpc"}
)
"""Of the standard library."""

# What the command line does to list plugins, or to open a key of another scheme.
_PROBE: Final = """
import importlib, json, sys
from dcmseal.plugins.registry import Registry
before = set(sys.modules)
registry = Registry.from_plugins(importlib.import_module(sys.argv[1]))
contributed = [what for plugin in registry.plugins() for what in plugin.contributes]
problems = [plugin.problem for plugin in registry.plugins() if plugin.problem]
print(json.dumps([contributed, problems, sorted(set(sys.modules) - before)]))
"""


class PluginTests(SignerTestBase):
    """Good manners towards the command line and the other plugins."""

    def test_names_itself(self) -> None:
        assert self.uri.startswith(f"{self.backend.scheme}:")
        assert self.backend.summary.isprintable()
        assert self.backend.summary
        GuardedSignerBackend(self.backend, Origin(name="contract"))

    def test_keys_it_lists_are_of_its_scheme(self) -> None:
        for uri in ("", f"{self.backend.scheme}:", self.uri):
            for listing in self.backend.list_keys(uri):
                assert isinstance(listing, KeyListing)
                assert KeyUri.parse(listing.uri).scheme == self.backend.scheme
                assert listing.label.isprintable()

    def test_the_plugin_contributes_the_backend_and_imports_nothing_heavy(self) -> None:
        if not self.plugin_module:
            raise SkipTest("what the plugin imports is not known: set plugin_module")
        contributed, problems, imported = _probe_plugin(self.plugin_module)
        assert not problems
        assert f"signer:{self.backend.scheme}" in contributed
        own = self.plugin_module.partition(".")[0]
        light = (_LIGHT_MODULES | {own}) - _HEAVY_MODULES
        assert {name for name in imported if name.partition(".")[0] not in light} == set()


@cache
def _probe_plugin(plugin_module: str) -> tuple[list[str], list[str], list[str]]:
    """What the plugin contributes, what is wrong with it, and what a fresh interpreter imports for that."""
    done = subprocess.run(  # noqa: S603 - this Python, and a module that the author of the test names
        [sys.executable, "-c", _PROBE, plugin_module],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    contributed, problems, imported = json.loads(done.stdout.splitlines()[-1])
    return contributed, problems, imported
