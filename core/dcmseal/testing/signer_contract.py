"""What every signer backend has to keep to: a suite of tests that its author subclasses.

    class TestExampleBackend(SignerContract):
        backend = ExampleBackend()
        uri = "example:key-1"
        secret = "1234"
        plugin_module = "dcmseal_example.plugin"

        def remove_device(self):
            unplug()

        def return_device(self):
            plug_in()

What is only known when the tests run is set by a fixture of the subclass (``@pytest.fixture(autouse=True)``).
"""

from __future__ import annotations

from dcmseal.testing.signature_assertions import assert_verifies
from dcmseal.testing.signer_suite.device_tests import DeviceTests
from dcmseal.testing.signer_suite.error_tests import ErrorTests
from dcmseal.testing.signer_suite.plugin_tests import PluginTests
from dcmseal.testing.signer_suite.secret_tests import SecretTests
from dcmseal.testing.signer_suite.signature_tests import SignatureTests, ThreadTests

__all__ = ["SignerContract", "assert_verifies"]


class SignerContract(SignatureTests, ThreadTests, SecretTests, ErrorTests, DeviceTests, PluginTests):
    """Subclass, set ``backend`` and ``uri``, ``secret`` if the key has a PIN or passphrase, and what else applies.

    Signatures are verified by other means than dcmseal's own. No test gives a wrong secret twice without the right
    one after it, so that a token that locks after three does not lock.
    """
