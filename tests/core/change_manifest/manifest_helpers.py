"""Signed files with their manifests and the contents of these, and signed files with other elements."""

from __future__ import annotations

import io
import json
from typing import Any

import dcmseal
from dcmseal import tags
from dcmseal.change_manifest import manifest_checks
from dcmseal.change_manifest.manifest_checks import ManifestLimits
from dcmseal.change_manifest.signed_data import parse_signed_data
from dcmseal.findings import Finding, Outcome
from dcmseal.sources.dataset_input import open_source
from tests.support import builder as b
from tests.support.pki import Identity
from tests.support.signed_files import build_signer


def sign_with_manifest(data: bytes, identity: Identity, **options: Any) -> tuple[bytes, bytes]:
    """A signed file and its manifest."""
    result = dcmseal.sign(data, signer=build_signer(identity), manifest=io.BytesIO(), **options)
    assert result.data is not None
    assert result.manifest is not None
    return result.data, result.manifest


def manifest_findings(data: bytes, manifest: bytes, **options: Any) -> tuple[Finding, ...]:
    return dcmseal.verify(data, manifest=manifest, integrity_only=True, **options).manifest


def limited_codes(data: bytes, manifest: bytes, **limits: int) -> list[str]:
    """The codes of the findings that a manifest leads to, within limits."""
    signatures = dcmseal.verify(data, integrity_only=True).signatures
    with open_source(data) as opened:
        found = manifest_checks.manifest_findings(opened, signatures, manifest, ManifestLimits(**limits))
        return [each.code for each in found]


def manifest_codes(data: bytes, manifest: bytes) -> list[tuple[str, str]]:
    """The contents of a genuine manifest."""
    genuine, *found = manifest_findings(data, manifest)
    assert (genuine.code, genuine.outcome) == ("manifest-verified", Outcome.PASSED)
    return [(each.code, each.where) for each in found]


def parse_manifest(manifest: bytes) -> Any:
    return json.loads(parse_signed_data(manifest).content)


def replace_elements(data: bytes, nodes: tuple[b.Node, ...], syntax: b.Syntax = b.EXPLICIT_LE) -> bytes:
    """The signed file with its elements exchanged, and its signatures kept."""
    at = data.rindex(b"\xfe\x4f\x01\0SQ")
    parameters = data[at:]
    end = parameters.rindex(b"\xfa\xff\xfa\xffSQ")
    after = [each for each in nodes if not isinstance(each, b.Raw) and each.tag > tags.MAC_PARAMETERS_SEQUENCE]
    before = [each for each in nodes if not isinstance(each, b.Raw) and each.tag < tags.MAC_PARAMETERS_SEQUENCE]
    size = 12 + int.from_bytes(parameters[8:12], "little")
    return b.file((*before, b.Raw(parameters[:size]), *after, b.Raw(parameters[end:])), syntax)
