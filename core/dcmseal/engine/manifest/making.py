"""A manifest made with a signature, by the same key and in the same run."""

from __future__ import annotations

import secrets

from dcmseal.engine.certificate import read_certificate
from dcmseal.engine.comparison.fingerprints import KeyedFingerprinter
from dcmseal.engine.comparison.inventory import build_inventory
from dcmseal.engine.manifest.content import (
    SALT_SIZE,
    ManifestContent,
    ManifestSubject,
    derive_key,
    serialize_content,
    value_fingerprint,
)
from dcmseal.engine.manifest.sealing import sign_content
from dcmseal.engine.planning import Plan
from dcmseal.model import DigitalSignature
from dcmseal.plugins.guarded_signer import Signer
from dcmseal.terms import MacAlgorithm


def make_manifest(plan: Plan, signature: DigitalSignature, signer: Signer) -> bytes:
    """Write down every element of the level that is signed, and have the key sign that; returns DER.

    Raises UsageError if the Data Set is nested too deep, DatasetError if it has too many elements, and SignerError or
    one of its kinds.
    """
    # as it is stored: values of VR OB are of even length
    value = signature.value + bytes(len(signature.value) & 1)
    salt = secrets.token_bytes(SALT_SIZE)
    level = plan.level
    inventory = build_inventory(
        level.source,
        level.start,
        level.end,
        level.encoding,
        KeyedFingerprinter(derive_key(salt, value)),
        only_signable=True,
    )
    covered = frozenset(plan.elements)
    content = ManifestContent(
        subject=ManifestSubject(
            uid=signature.uid,
            location=str(signature.location),
            value=value_fingerprint(value),
            certificate=bytes.fromhex(read_certificate(signature.certificate).sha256),
        ),
        salt=salt,
        frame=inventory.frame,
        signed=tuple(each for each in inventory.elements if each.tag in covered),
        unsigned=tuple(each for each in inventory.elements if each.tag not in covered),
    )
    algorithm = MacAlgorithm(plan.mac.algorithm)
    moment = signature.moment
    assert moment is not None
    return sign_content(
        serialize_content(content), signer, MacAlgorithm.SHA256 if algorithm.is_weak else algorithm, moment
    )
