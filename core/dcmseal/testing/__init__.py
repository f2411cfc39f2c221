"""Contract tests for authors of plugins, and small Data Sets for tests.

>>> from dcmseal.testing import ProfileContract, SignerContract

A contract is a class of pytest tests: subclass it, name your plugin in its attributes, and run pytest.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dcmseal.testing.profile_contract import ProfileContract
    from dcmseal.testing.sample_dataset import SampleDataset
    from dcmseal.testing.signable_messages import BytesMessage
    from dcmseal.testing.signature_assertions import assert_verifies
    from dcmseal.testing.signer_contract import SignerContract

_HOMES: Final = {
    "BytesMessage": "dcmseal.testing.signable_messages",
    "ProfileContract": "dcmseal.testing.profile_contract",
    "SampleDataset": "dcmseal.testing.sample_dataset",
    "SignerContract": "dcmseal.testing.signer_contract",
    "assert_verifies": "dcmseal.testing.signature_assertions",
}

__all__ = ["BytesMessage", "ProfileContract", "SampleDataset", "SignerContract", "assert_verifies"]

# pytest explains failed assertions in other modules than tests only if these are registered.
if "pytest" in sys.modules:
    sys.modules["pytest"].register_assert_rewrite(
        "dcmseal.testing.profile_contract",
        "dcmseal.testing.signer_contract",
        "dcmseal.testing.signer_suite",
        "dcmseal.testing.signature_assertions",
    )


def __getattr__(name: str) -> Any:
    """Import a name on first use (PEP 562), because the contract for profiles does not need ``cryptography``."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dcmseal.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
