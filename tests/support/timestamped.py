"""Signed files with tokens of an authority, and the findings about them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pydicom

import dcmseal
from dcmseal import Aspect, tags

SOUND = {
    "timestamp-imprint-matches",
    "timestamp-signature-valid",
    "timestamp-in-time",
    "tsa-trust-unknown",
}


def timestamp_codes(data: Any, **options: Any) -> set[str]:
    (signature,) = dcmseal.verify(data, **options).signatures
    return {each.code for each in signature.findings if each.aspect is Aspect.TIMESTAMP}


def signature_value(data: bytes) -> bytes:
    return bytes(dcmseal.signatures(data)[0].content.value)


def insert_token(data: bytes, token: bytes, type_: str = "CMS_TSP") -> bytes:
    """The signed file with an unchecked timestamp."""
    dataset = pydicom.dcmread(BytesIO(data))
    item = dataset[tags.DIGITAL_SIGNATURES_SEQUENCE][0]
    if type_:
        item.add_new(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", type_)
    item.add_new(tags.CERTIFIED_TIMESTAMP, "OB", token + bytes(len(token) % 2))
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()
