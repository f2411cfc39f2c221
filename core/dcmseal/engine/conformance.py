"""Rules of the Digital Signatures Macro that the MAC does not enforce, and what profiles see of a signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import lt
from typing import Final

from dcmseal.dataset.header import Kind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion
from dcmseal.dataset.syntax import TransferSyntax
from dcmseal.engine.certificate import Certificate
from dcmseal.engine.reading import FoundSignature, form_problem, sequence_items
from dcmseal.location import Location
from dcmseal.model import DigitalSignature, MacParameters
from dcmseal.plugins.protocols import OTHER_PURPOSE, SignatureFacts
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text, tags_text
from dcmseal.terms import PURPOSE_CODING_SCHEME, CertificateType, SignaturePurpose

_MACRO: Final = "PS3.3 Table C.12-6"
_RULES: Final = "PS3.3 C.12.1.1.3.1.1"
_MAX_TEXT: Final = 4096
_MAX_ITEMS: Final = 1000
_MAX_NESTED: Final = 100_000
_PURPOSE_CODES: Final = frozenset(str(purpose.value) for purpose in SignaturePurpose)


@dataclass(frozen=True, kw_only=True)
class LevelView:
    """A level as profiles see it."""

    scan: LevelScanner
    location: Location

    @property
    def tags(self) -> frozenset[int]:
        return self._tags

    @cached_property
    def _tags(self) -> frozenset[int]:
        return frozenset(self.scan.tags)

    @property
    def is_main(self) -> bool:
        return not self.location.steps

    def text(self, tag: int) -> str | None:
        """The value as text, less padding; None if absent, empty, long, or not text at all."""
        index = self.scan.index(tag)
        if index is None or index in self.scan.kinds:
            return None
        start, end = self.scan.value_range(index)
        if end - start > _MAX_TEXT:
            return None
        return self.scan.source.read(start, end).decode("latin-1").strip(" \0") or None

    def items(self, tag: int) -> int | None:
        """How many items a sequence has, at most 1000 of them counted; None if absent or no sequence."""
        index = self.scan.index(tag)
        if index is None or self.scan.kinds.get(index) is not Kind.SEQUENCE:
            return None
        items = sequence_items(self.scan, index, most=_MAX_ITEMS + 1)
        return sum(1 for _ in islice(items, _MAX_ITEMS))

    def lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """How many of the items at the end of a path of sequences have an item in none of the sequences ``any_of``.

        Raises Malformed if the items cannot be told apart.
        """
        known = self._lacking.get((path, any_of))
        if known is None:
            known = sum(not any(_has_items(item, tag) for tag in any_of) for item in _at_the_end(self.scan, path))
            self._lacking[path, any_of] = known
        return known

    @cached_property
    def _lacking(self) -> dict[tuple[tuple[int, ...], frozenset[int]], int]:
        """Answers given before: a profile asks again for each of many signatures."""
        return {}


def _at_the_end(scan: LevelScanner, path: tuple[int, ...]) -> Iterator[LevelScanner]:
    """The items at the end of a path of sequences."""
    for item in _items(scan, path[0]):
        if len(path) == 1:
            yield item
        else:
            yield from _at_the_end(item, path[1:])


def _has_items(scan: LevelScanner, tag: int) -> bool:
    return any(True for _ in _items(scan, tag))


def _items(scan: LevelScanner, tag: int) -> Iterator[LevelScanner]:
    index = scan.index(tag)
    if index is not None and scan.kinds.get(index) is Kind.SEQUENCE:
        yield from (item for _, _, item in sequence_items(scan, index, _MAX_NESTED))


def order_problems(scan: LevelScanner) -> list[Finding]:
    """Findings where the elements of a level are not in ascending order, or not unique (PS3.5 7.1)."""
    tags = scan.tags
    if all(map(lt, tags, tags[1:])):
        return []
    if len(set(tags)) != len(tags):
        twice = next(tag for tag, following in zip(sorted(tags), sorted(tags)[1:], strict=False) if tag == following)
        return [form_problem("duplicate-element", "the data set holds an element twice", tag_text(twice))]
    return [form_problem("disordered", "the data set's elements are not in ascending order")]


def macro_findings(found: FoundSignature, forbidden: Sequence[int]) -> list[Finding]:
    """FORM findings about a signature and its MAC parameters; without any problem a PASSED.

    ``forbidden`` are the tags in Data Elements Signed that may never be signed.
    """
    findings = list(found.problems)
    signature = found.signature
    if signature.mac is not None:
        findings.extend(_mac_findings(signature.mac, forbidden))
    if signature.certificate_type and signature.certificate_type != CertificateType.X509_1993_SIG:
        message = f"Certificate Type {signature.certificate_type!r} is no Defined Term"
        findings.append(_unknown("certificate-type-unknown", message))
    if not any(finding.aspect is Aspect.FORM for finding in findings):
        findings.append(
            Finding(
                aspect=Aspect.FORM,
                outcome=Outcome.PASSED,
                code="form-correct",
                message="the signature is formed as the macro demands",
                clause=_MACRO,
            )
        )
    return findings


def _mac_findings(mac: MacParameters, forbidden: Sequence[int]) -> Iterable[Finding]:
    if not mac.elements:
        yield form_problem("no-elements-listed", "Data Elements Signed is empty")
    elif not all(map(lt, mac.elements, mac.elements[1:])):
        yield _note("elements-disordered", "Data Elements Signed is not in data set order, or names an element twice")
    if forbidden:
        message = f"{tag_text(forbidden[0])} is listed as signed: {exclusion(forbidden[0])}"
        yield form_problem("forbidden-element-listed", message, tags_text(forbidden))
    syntax = TransferSyntax(mac.transfer_syntax)
    if not mac.transfer_syntax:
        yield form_problem("mac-syntax-missing", "there is no MAC Calculation Transfer Syntax UID")
    elif not syntax.is_allowed_for_mac:
        message = f"MAC Calculation Transfer Syntax {syntax.uid} is not explicit VR little endian"
        yield form_problem("mac-syntax-not-allowed", message)
    elif not syntax.is_known:
        yield _unknown("mac-syntax-unknown", f"MAC Calculation Transfer Syntax {syntax.uid} is not known")
    if not mac.algorithm:
        yield form_problem("mac-algorithm-missing", "there is no MAC Algorithm")


def _unknown(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.FORM, outcome=Outcome.UNKNOWN, code=code, message=message, clause=_MACRO)


def _note(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=Outcome.FAILED, code=code, message=message, clause=_RULES)


def facts_of(signature: DigitalSignature, certificate: Certificate | None, elements: frozenset[int]) -> SignatureFacts:
    """What profiles judge a signature by; ``elements`` are those it signs."""
    mac = signature.mac
    return SignatureFacts(
        mac_algorithm=mac.mac_algorithm if mac else None,
        key_type=certificate.key_type if certificate else None,
        certificate_type=signature.certificate_type,
        timestamp_type=signature.timestamp_type,
        purpose=purpose_of(signature),
        elements=elements,
        key_bits=certificate.key_bits if certificate else None,
    )


def purpose_of(signature: DigitalSignature) -> int | None:
    """The purpose of CID 7007, by code and coding scheme."""
    if signature.purpose is None:
        return None
    code = signature.purpose.value
    if signature.purpose.scheme != PURPOSE_CODING_SCHEME or code not in _PURPOSE_CODES:
        return OTHER_PURPOSE
    return int(code)
