"""Values too long for explicit VR, such as Contour Data above 64 KB in implicit VR: here and in DCMTK.

The MAC is made in explicit VR, where such a value can only be of VR UN (PS3.5 6.2.2), and UN is never signed (PS3.3
C.12.1.1.3.1.1). dcmsign hashes it all the same, as UN.
"""

from __future__ import annotations

import pytest

import dcmseal
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.signing.signing_result import SigningResult
from tests.interop.interop_bench import InteropBench
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, finding_outcomes, single_report, verify_integrity

LONGEST = 0xFFFE


def points(size: int) -> b.Value:
    return b.Value(t.CONTOUR_DATA, "DS", (b"-12.5\\" * (size // 6 + 1))[: size - 1] + b"1")


def nested(size: int) -> b.Sequence:
    return b.Sequence(t.ROI_CONTOUR_SEQUENCE, (b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (b.Item((points(size),)),)),)),))


def sign(nodes: tuple[b.Node, ...], pki: Pki) -> SigningResult:
    return dcmseal.sign(b.file(nodes, b.IMPLICIT_LE), signer=build_signer(pki["rsa2048"]))


@pytest.mark.parametrize(("size", "covered"), [(LONGEST, True), (LONGEST + 2, False), (200_000, False)])
def test_they_are_left_out_with_a_warning(size: int, covered: bool, pki: Pki) -> None:
    for node in (points(size), nested(size)):
        result = sign(b.image(node), pki)
        assert result.signature.mac is not None
        assert (node.tag in result.signature.mac.elements) is covered
        warned = {each.code: each.elements for each in result.warnings}
        expected = "value-too-long" if node.tag == t.CONTOUR_DATA else "sequence-with-un"
        assert (warned.get(expected) == (node.tag,)) is not covered
        assert "vr-un-not-signed" not in warned
        reasons = dict(result.unsignable)
        assert ("PS3.5 6.2.2" in reasons.get(node.tag, "")) is not covered
        assert verify_integrity(result.data or b"").verdict is Verdict.VALID


def test_the_signature_outlives_a_change_to_explicit_vr(bench: InteropBench) -> None:
    """Where the value is UN in the file, too: the MAC is the same in both encodings."""
    implicit = bench.ours(b.file(b.image(nested(100_000), points(80_000)), b.IMPLICIT_LE))
    for data in (implicit, bench.convert(implicit, syntax="explicit")):
        report = verify_integrity(data)
        assert report.verdict is Verdict.VALID
        coverage = single_report(report).coverage
        assert coverage is not None
        assert {tag for tag, _ in coverage.unsignable} == {t.CONTOUR_DATA, t.ROI_CONTOUR_SEQUENCE}
        assert bench.verification(data).ok


def test_signatures_of_dcmsign_over_long_values_are_not_established(bench: InteropBench) -> None:
    """It puts a value of VR UN into the MAC, which the standard keeps out of it."""
    report = verify_integrity(bench.theirs(b.file(b.image(points(80_000)), b.IMPLICIT_LE)))
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert finding_outcomes(report)["unsignable-listed"] is Outcome.UNKNOWN
    assert any("too long for VR DS" in each.message for each in single_report(report).findings)


def test_values_that_just_fit_are_signed_by_both(bench: InteropBench) -> None:
    data = b.file(b.image(points(LONGEST)), b.IMPLICIT_LE)
    bench.assert_good(bench.ours(data))
    bench.assert_good(bench.theirs(data))
