"""Signs with throw-away keys and by hand, and edits signed files."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

import dcmseal
from dcmseal import tags
from dcmseal.findings import Outcome
from dcmseal.mac.digest import digest_info
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.signer_backend import SignableMessage, Signer
from dcmseal.signing.plan import plan_signature
from dcmseal.signing.signing_context import SigningContext
from dcmseal.sources.dataset_input import DatasetInput
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal_software.software_signer import SoftwareSigner
from tests.support import builder as b
from tests.support import reference
from tests.support.dicom_tree import Unreadable
from tests.support.pki import Identity

Changes = Mapping[int, b.Node | None]
"""Elements to be put in or, with None, taken out."""


def build_signer(identity: Identity) -> Signer:
    """The software backend's signer, without its files."""
    return SoftwareSigner(identity.key, (identity.der,))


@dataclass(frozen=True)
class UnusedSigner:
    """A signer that must not be asked to sign."""

    certificate_chain: tuple[bytes, ...]
    key_type: KeyType = KeyType.RSA

    def sign(self, message: SignableMessage) -> bytes:
        raise AssertionError("the key was touched")


@dataclass(frozen=True)
class FixedSigner:
    """A signer that always returns the same value."""

    certificate_chain: tuple[bytes, ...]
    answer: bytes = b""
    key_type: KeyType = KeyType.RSA

    def sign(self, message: SignableMessage) -> bytes:
        return self.answer


def sign_dataset(source: DatasetInput, identity: Identity, **options: Any) -> bytes:
    """Sign and return the file."""
    data = dcmseal.sign(source, signer=build_signer(identity), **options).data
    assert data is not None
    return data


def sign_at(data: bytes, identity: Identity, moment: datetime) -> bytes:
    """Sign with a claim to have done so at some moment."""
    with plan_signature(data, SigningContext(moment=moment)) as plan:
        signature = dcmseal.make_signature(plan, build_signer(identity), allow_expired=True)
        result = dcmseal.attach_signature(plan, signature)
    assert result is not None
    return result


def verify_integrity(source: DatasetInput, **options: Any) -> VerificationReport:
    """Verify integrity and authenticity, not trust."""
    return dcmseal.verify(source, integrity_only=True, **options)


def integrity_verdict(source: DatasetInput, **options: Any) -> Verdict:
    return verify_integrity(source, **options).verdict


def single_report(report: VerificationReport) -> SignatureReport:
    """The report on the one signature there is."""
    assert len(report.signatures) == 1
    return report.signatures[0]


def finding_outcomes(report: VerificationReport) -> dict[str, Outcome]:
    """The codes of all findings, and their outcomes."""
    findings = [finding for each in report.signatures for finding in each.findings]
    return {finding.code: finding.outcome for finding in (*findings, *report.notes)}


def to_nodes(dataset: reference.Dataset) -> tuple[b.Node, ...]:
    """A data set that was read, to be written again."""
    nodes: list[b.Node] = []
    for element in dataset:
        if element.items is not None:
            nodes.append(b.Sequence(element.tag, tuple(b.Item(to_nodes(item)) for item in element.items)))
        elif element.fragments is not None:
            nodes.append(b.Fragments(element.tag, element.fragments))
        else:
            nodes.append(b.Value(element.tag, element.vr, element.value))
    return tuple(nodes)


def apply_changes(nodes: Iterable[b.Node], changes: Changes) -> tuple[b.Node, ...]:
    """The nodes with the changes made, in tag order."""
    kept = [node for node in nodes if isinstance(node, b.Raw) or node.tag not in changes]
    return b.in_order(*kept, *(node for node in changes.values() if node is not None))


def edit_signed(
    data: bytes, *, main: Changes | None = None, mac: Changes | None = None, signature: Changes | None = None
) -> bytes:
    """A signed file with changes to its elements and to the first items of the macro's two sequences.

    The syntax stays; lengths come out defined, which no MAC knows of.
    """
    parsed = reference.parse_file(data)
    elements = to_nodes(parsed.dataset)
    replaced: dict[int, b.Node | None] = {}
    for tag, changes in ((tags.MAC_PARAMETERS_SEQUENCE, mac), (tags.DIGITAL_SIGNATURES_SEQUENCE, signature)):
        if changes is not None:
            first, *others = read_items(data, tag)
            replaced[tag] = b.Sequence(tag, (b.Item(apply_changes(first.elements, changes)), *others))
    return b.file(apply_changes(apply_changes(elements, replaced), main or {}), find_syntax(parsed.transfer_syntax))


def find_syntax(transfer_syntax: str) -> b.Syntax:
    known = {syntax.uid: syntax for syntax in b.NATIVE_SYNTAXES}
    return known.get(transfer_syntax, b.Syntax(transfer_syntax))


def pad_value(value: bytes, vr: str) -> bytes:
    """The value with the least padding, and NULs counted as padding."""
    if vr == "UI":
        value = b"".join(value.split()).rstrip(b"\0")
    elif vr in reference.TEXT_VRS:
        value = value.rstrip(b" \0")
    return value + (b" " if vr in reference.TEXT_VRS and vr != "UI" else b"\0") * (len(value) % 2)


def minimise_nodes(nodes: Iterable[b.Node]) -> tuple[b.Node, ...]:
    """The nodes with minimal padding; elements that are never signed stay."""
    result: list[b.Node] = []
    for node in nodes:
        if not isinstance(node, b.Raw) and not reference.allowed(node.tag):
            result.append(node)
        elif isinstance(node, b.Value):
            result.append(replace(node, value=pad_value(node.value, node.vr)))
        elif isinstance(node, b.Sequence):
            result.append(
                replace(node, items=tuple(replace(item, elements=minimise_nodes(item.elements)) for item in node.items))
            )
        else:
            result.append(node)
    return tuple(result)


def reference_stream(data: bytes, *, lenient: bool = False) -> bytes | None:
    """The MAC byte stream of the one signature there is, by the reference encoder; None if it cannot read that.

    ``lenient`` is with minimal padding, NULs counted as padding wherever they pad.
    """
    try:
        parsed = reference.parse_file(data, unknown_sequences="UN")
        (found,) = reference.signatures(parsed.dataset)
        if lenient:
            syntax = find_syntax(parsed.transfer_syntax)
            data = b.file(minimise_nodes(to_nodes(parsed.dataset)), syntax)
        return reference.mac_stream(data, found.uid)
    except (Unreadable, ValueError, struct.error, zlib.error, LookupError):
        return None


def read_items(data: bytes, tag: int) -> tuple[b.Item, ...]:
    """The items of a sequence of the main data set, to be written again."""
    sequence = reference.find(reference.parse_file(data).dataset, tag)
    assert sequence is not None
    assert sequence.items is not None
    return tuple(b.Item(to_nodes(item)) for item in sequence.items)


SignatureFunction = Callable[[Identity, str, bytes], bytes]
"""Makes a signature value from MAC algorithm and MAC byte stream."""


def sign_stream(identity: Identity, algorithm: str, stream: bytes) -> bytes:
    """As PS3.15 C.1 wants it for RSA, and as DCMTK does it for other keys."""
    digest = hashlib.new(algorithm.lower(), stream, usedforsecurity=False).digest()
    key = identity.key
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest_info(MacAlgorithm(algorithm), digest), padding.PKCS1v15(), NoDigestInfo())
    from dcmseal.macro.public_key import prehash_algorithm

    prehashed = prehash_algorithm(len(digest))
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(digest, prehashed)
    return key.sign(digest, ec.ECDSA(prehashed))


def sign_by_hand(
    identity: Identity,
    nodes: Iterable[b.Node],
    *,
    syntax: b.Syntax = b.EXPLICIT_LE,
    listed: Iterable[int] | None = None,
    algorithm: str = "SHA256",
    mac_syntax: str = "1.2.840.10008.1.2.1",
    moment: str = "20240601120000.000000+0000",
    certificate: bytes | None = None,
    extra: Iterable[b.Node] = (),
    stream: bytes | None = None,
    seal: SignatureFunction = sign_stream,
) -> bytes:
    """Sign by hand, with the reference encoder and no part of the engine.

    ``listed`` are the Data Elements Signed, in any order; ``extra`` more elements of the signature item; ``stream`` is
    what the data elements give, if not what the standard says.
    """
    nodes = tuple(nodes)
    dataset = reference.parse_file(b.file(nodes, syntax)).dataset
    covered = reference.signable_tags(dataset) if listed is None else tuple(listed)
    elements = (
        b.us(tags.MAC_ID_NUMBER, 0),
        b.uid(tags.DIGITAL_SIGNATURE_UID, "2.25.4711"),
        b.text(tags.DIGITAL_SIGNATURE_DATETIME, "DT", moment),
        b.text(tags.CERTIFICATE_TYPE, "CS", "X509_1993_SIG"),
        *extra,
    )
    item = reference.parse_file(b.file(b.in_order(*elements))).dataset
    hashed = (reference.data_stream(dataset, covered) if stream is None else stream) + reference.item_stream(item)
    proof = (
        b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", pad_even(identity.der if certificate is None else certificate)),
        b.Value(tags.SIGNATURE, "OB", pad_even(seal(identity, algorithm, hashed))),
    )
    parameters = (
        b.us(tags.MAC_ID_NUMBER, 0),
        b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, mac_syntax),
        b.text(tags.MAC_ALGORITHM, "CS", algorithm),
        b.at(tags.DATA_ELEMENTS_SIGNED, *covered),
    )
    macro = (
        b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item(parameters),)),
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item(b.in_order(*elements, *proof)),)),
    )
    return b.file(b.in_order(*nodes, *macro), syntax)


def pad_even(value: bytes) -> bytes:
    return value + bytes(len(value) % 2)
