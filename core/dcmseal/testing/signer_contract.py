"""The contract for signer backends, as tests that authors of plugins subclass.

    class TestExampleBackend(SignerContract):
        backend = ExampleBackend()
        uri = "example:key-1"
        secret = "1234"
        plugin_module = "dcmseal_example.plugin"

        def remove_device(self):
            unplug()

        def return_device(self):
            plug_in()

A fixture of the subclass (``@pytest.fixture(autouse=True)``) can set values that are only known when the tests run.
"""

# Kept apart: imported on first use.

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from functools import cache
from typing import Final
from unittest import SkipTest

from dcmseal.errors import DeviceUnavailable
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import GuardedSignerBackend, KeyListing
from dcmseal.testing.signature_assertions import assert_verifies
from dcmseal.testing.signer_suite.secret_tests import SecretTests
from dcmseal.testing.signer_suite.signature_tests import ErrorTests, SignatureTests, ThreadTests
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase

_LIGHT_MODULES: Final = frozenset({"dcmseal", "pluggy"}) | sys.stdlib_module_names
_HEAVY_MODULES: Final = frozenset(
    {"asyncio", "ctypes", "http", "multiprocessing", "sqlite3", "ssl", "tkinter", "xmlrpc"}
)
"""Modules of the standard library that plugins must not import to be listed."""

# The command line does the same to list plugins, and to open keys of other schemes.
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
    """The plugin starts quickly, and does not interfere with others."""

    def test_scheme_and_summary_are_valid(self) -> None:
        assert self.uri.startswith(f"{self.backend.scheme}:")
        assert self.backend.summary.isprintable()
        assert self.backend.summary
        GuardedSignerBackend(self.backend, Origin(name="contract"))

    def test_listed_keys_have_its_scheme(self) -> None:
        for uri in ("", f"{self.backend.scheme}:", self.uri):
            for listing in self.backend.list_keys(uri):
                assert isinstance(listing, KeyListing)
                assert KeyUri.parse(listing.uri).scheme == self.backend.scheme
                assert listing.label.isprintable()

    def test_plugin_contributes_the_backend_without_heavy_imports(self) -> None:
        if not self.plugin_module:
            raise SkipTest("the module of the plugin is unknown: set plugin_module")
        contributed, problems, imported = _probe_plugin(self.plugin_module)
        assert not problems
        assert f"signer:{self.backend.scheme}" in contributed
        own = self.plugin_module.partition(".")[0]
        light = (_LIGHT_MODULES | {own}) - _HEAVY_MODULES
        assert {name for name in imported if name.partition(".")[0] not in light} == set()


@cache
def _probe_plugin(plugin_module: str) -> tuple[list[str], list[str], list[str]]:
    """Return the contributions and problems of the plugin, and the modules that a new interpreter imports for them."""
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


class DeviceTests(SignerTestBase):
    """A disconnected device is reported as such, and works again after it is reconnected."""

    def test_opening_without_the_device_fails(self) -> None:
        with self.without_device():
            error = self.catch_error(self.open_and_close)
        assert isinstance(error, DeviceUnavailable)
        assert error.hint
        self.assert_opens_and_signs()

    def test_listing_without_the_device_succeeds_or_gives_a_hint(self) -> None:
        with self.without_device():
            error = self.catch_error(lambda: tuple(self.backend.list_keys()))
        assert error is None or error.hint

    def test_signing_without_the_device_fails(self) -> None:
        with self.open_signer() as signer:
            self.assert_signs(signer)
            with self.without_device():
                error = self.catch_error(lambda: signer.sign(self.make_message(b"gone")))
            assert isinstance(error, DeviceUnavailable)
            assert error.hint
        self.assert_opens_and_signs()

    def test_signing_after_reconnection_succeeds_or_gives_a_hint(self) -> None:
        with self.open_signer() as signer:
            with self.without_device():
                pass
            message = self.make_message(b"back again")
            signatures: list[bytes] = []
            error = self.catch_error(lambda: signatures.append(signer.sign(message)))
            assert error is None or error.hint
            for signature in signatures:
                assert_verifies(signer, message, signature)
        self.assert_opens_and_signs()

    def test_closing_without_the_device_succeeds(self) -> None:
        with ExitStack() as stack:
            signer = stack.enter_context(self.open_signer())
            with self.without_device():
                stack.close()
        assert self.catch_error(lambda: signer.sign(self.make_message(b"too late")))
        self.assert_opens_and_signs()


class SignerContract(SignatureTests, ThreadTests, SecretTests, ErrorTests, DeviceTests, PluginTests):
    """Tests for a signer backend: subclass it and set ``backend``, ``uri`` and the other attributes that apply.

    Signatures are verified independently of dcmseal. Every wrong secret is followed by the right one, so that a token
    that locks after three wrong PINs does not lock.
    """
