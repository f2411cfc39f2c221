"""A token of SoftHSM with keys of every kind."""

from __future__ import annotations

import pytest

from tests.support.pki import Pki
from tests.support.softhsm_token import SoftHsm, SoftToken

KEYS = ("rsa2048", "rsa3072", "p256", "p384", "p521")


@pytest.fixture(scope="session")
def token(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    """Keys with certificates of one authority, and the authority's."""
    made = softhsm.token("reading-room")
    for name in KEYS:
        made.add(name, pki[name])
    made.add("each-time", pki["rsa2048"], always_authenticate=True)
    made.add_certificate("authority", pki.root.certificate)
    return made


@pytest.fixture(scope="session")
def other_token(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    """A second token, with a key of the same name."""
    made = softhsm.token("theatre")
    made.add("p256", pki["p256"])
    return made
