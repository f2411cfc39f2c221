"""Which signatures a difference breaks."""

from __future__ import annotations

import dcmseal
from dcmseal import tags
from dcmseal.findings import Outcome
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, sign_dataset


def test_a_difference_lists_the_signatures_that_it_breaks(pki: Pki) -> None:
    plain = real_file("rtplan.dcm").data
    both = sign_dataset(
        sign_dataset(plain, pki["p256"], location="BeamSequence[0]"), pki["rsa2048"], tags=["PatientID", "BeamSequence"]
    )
    main, beam = (each.uid for each in dcmseal.signatures(both))
    for old, new, path, broken in (
        (b"Field 1", b"Field 2", "BeamSequence[0].BeamName", (main, beam)),
        (b"id00001", b"id00002", "PatientID", (main,)),
        (b"PHOTON", b"PROTON", "BeamSequence[0].RadiationType", (main, beam)),
        (b"Last^First^mid^pre", b"Lost^First^mid^pre", "PatientName", ()),
    ):
        changed = both.replace(old, new, 1)
        comparison = dcmseal.compare(both, changed)
        (difference,) = comparison.differences
        assert difference.path == path
        assert set(difference.signed_in_a) == set(difference.signed_in_b) == set(broken)
        assert all(each.integrity is Outcome.PASSED for each in comparison.signatures_in_a)
        failed = {each.uid for each in comparison.signatures_in_b if each.integrity is Outcome.FAILED}
        assert failed == set(broken)
        assert comparison.breaks_signature is bool(broken)
        assert dcmseal.compare(plain, changed).breaks_signature is bool(broken)


def test_a_change_of_the_signature_itself_breaks_it(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"], purpose="review")
    uid = dcmseal.signatures(data)[0].uid
    for changes, path in (
        (
            {
                "signature": {
                    tags.DIGITAL_SIGNATURE_DATETIME: b.text(
                        tags.DIGITAL_SIGNATURE_DATETIME, "DT", "20250101000000.000000+0000"
                    )
                }
            },
            "DigitalSignatureDateTime",
        ),
        ({"mac": {tags.MAC_ALGORITHM: b.text(tags.MAC_ALGORITHM, "CS", "SHA512")}}, "MACAlgorithm"),
    ):
        difference = next(
            each for each in dcmseal.compare(data, edit_signed(data, **changes)).differences if path in each.path
        )
        assert difference.signed_in_a == difference.signed_in_b == (uid,)
    stamp = edit_signed(data, signature={tags.CERTIFIED_TIMESTAMP: b.Value(tags.CERTIFIED_TIMESTAMP, "OB", b"??")})
    assert not dcmseal.compare(data, stamp).breaks_signature
    assert not dcmseal.compare(data, dcmseal.remove(data).data or b"").breaks_signature
    assert not dcmseal.compare(data, sign_dataset(data, pki["rsa2048"])).breaks_signature


def test_padding_breaks_no_signature(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    comparison = dcmseal.compare(data, edit_signed(data, main={t.PATIENT_ID: b.Value(t.PATIENT_ID, "LO", b"4711    ")}))
    assert (comparison.is_equivalent, comparison.breaks_signature) == (True, False)
    assert {each.integrity for each in comparison.signatures_in_b} == {Outcome.PASSED}
