"""Contract tests for authors of plugins, and small Data Sets for tests.

>>> from dcmseal.testing import ProfileContract, SignerContract

A contract is a class of pytest tests: subclass it, name your plugin in its attributes, and run pytest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dcmseal.lazy_exports import attach_exports


if TYPE_CHECKING:
    from dcmseal.testing.profile_contract import ProfileContract as ProfileContract
    from dcmseal.testing.sample_dataset import SAMPLES as SAMPLES, SampleDataset as SampleDataset
    from dcmseal.testing.signable_messages import BytesMessage as BytesMessage, UnreadableMessage as UnreadableMessage
    from dcmseal.testing.signature_assertions import assert_verifies as assert_verifies
    from dcmseal.testing.signer_contract import SignerContract as SignerContract
    from dcmseal.testing.signer_suite.signature_tests import SAMPLE_FILE as SAMPLE_FILE

_EXPORTS = {
    "dcmseal.testing.profile_contract": "ProfileContract",
    "dcmseal.testing.sample_dataset": "SAMPLES SampleDataset",
    "dcmseal.testing.signable_messages": "BytesMessage UnreadableMessage",
    "dcmseal.testing.signature_assertions": "assert_verifies",
    "dcmseal.testing.signer_contract": "SignerContract",
    "dcmseal.testing.signer_suite.signature_tests": "SAMPLE_FILE",
}

# pytest explains failed assertions in test modules only, unless it is asked to rewrite other modules.
if "pytest" in sys.modules:
    sys.modules["pytest"].register_assert_rewrite(
        "dcmseal.testing.profile_contract",
        "dcmseal.testing.signer_contract",
        "dcmseal.testing.signer_suite",
        "dcmseal.testing.signature_assertions",
    )

if not TYPE_CHECKING:
    __getattr__, __dir__, __all__ = attach_exports(__name__, _EXPORTS)
