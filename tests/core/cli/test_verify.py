"""``dcmseal verify``."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal import tags
from dcmseal.cli.render.report_text import show_report
from dcmseal.cli.render.screens import make_screen
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import Location
from dcmseal.model.report import Coverage, SignatureReport, VerificationReport
from dcmseal.model.signature import CertifiedTime, DigitalSignature
from tests.core.cli.conftest import Run
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file


def test_without_trust_nothing_is_established_and_the_reason_is_shown(run: Run, signed: Path) -> None:
    ran = run("verify", signed)
    assert ran.code == 4
    lines = ran.out.splitlines()
    assert lines[0] == f"{signed}: not established (1 signature)"
    assert "no trust anchor is configured" in lines[1]
    assert "--integrity-only" in lines[2]
    assert ran.err == ""


def test_integrity_alone_can_be_valid(run: Run, signed: Path, uid: str) -> None:
    ran = run("verify", signed, "--integrity-only")
    assert ran.code == 0
    assert ran.out.startswith(f"{signed}: valid (1 signature; integrity only)\n")
    assert f"signature {uid}: valid" in ran.out
    assert "  signer        CN=p256,O=dcmseal tests\n" in ran.out
    assert "+00:00, claimed\n" in ran.out
    assert "  MAC algorithm SHA256\n" in ran.out
    assert "  integrity     passed\n" in ran.out
    assert "  trust         not checked\n" in ran.out
    assert "profiles met" not in ran.out
    assert "profiles met  none\n" in run("verify", signed, "--integrity-only", "--verbose").out


def test_a_changed_pixel_is_invalid_with_any_options(run: Run, tampered: Path) -> None:
    for options in ([], ["--integrity-only"]):
        ran = run("verify", tampered, *options)
        assert ran.code == 1
        assert ran.out.startswith(f"{tampered}: invalid (1 signature")
        assert "  integrity     failed\n" in ran.out
        assert "  failed  integrity mac-differs: " in ran.out


def test_unsigned_elements_are_named(run: Run, signed_twice: Path, uids: list[str]) -> None:
    ran = run("verify", signed_twice, "--uid", uids[0], "--integrity-only")
    assert ran.code == 0
    assert uids[1] not in ran.out
    assert "  signed        1 element\n" in ran.out
    assert "  not signed    256 elements: changes to them are not detected\n" in ran.out
    assert ran.out.splitlines()[1].startswith(
        "  valid for 1 of 257 elements. NOT protected: Patient's Name, Patient ID, "
    )
    assert "(-v shows all)" in ran.out
    assert "purpose       Verification Signature (5, ASTM-sigpurpose)" in ran.out


def test_verbose_shows_every_finding_and_element(run: Run, signed_twice: Path, uids: list[str]) -> None:
    ran = run("verify", signed_twice, "--uid", uids[0], "--integrity-only", "-v")
    assert "  passed  integrity mac-matches: " in ran.out
    assert "(0043,104E)" in ran.out
    assert "-v shows all" not in ran.out


def test_quiet_leaves_the_exit_code(run: Run, signed: Path, tampered: Path) -> None:
    assert [run("verify", "-q", path).code for path in (signed, tampered)] == [4, 1]
    assert run("verify", "-q", tampered).out == ""


def test_no_signature(run: Run, image: Path) -> None:
    ran = run("verify", image)
    assert (ran.code, ran.out) == (3, f"{image}: no signature\n")


def test_a_file_that_is_not_dicom_is_unreadable(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("just text " * 100)
    ran = run("verify", path)
    assert (ran.code, ran.out) == (5, "")
    assert "not a DICOM file" in ran.err


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["signed", "tampered", "broken"], 1),
        (["signed", "broken", "image"], 5),
        (["signed", "image"], 3),
        (["broken", "missing"], 5),
        (["signed", "signed"], 0),
    ],
)
def test_of_several_files_the_worst_decides(
    run: Run, request: pytest.FixtureRequest, names: list[str], code: int, tmp_path: Path
) -> None:
    paths = [tmp_path / "missing" if name == "missing" else request.getfixturevalue(name) for name in names]
    ran = run("verify", *paths, "--integrity-only")
    assert ran.code == code
    told = ran.out + ran.err
    assert all(f"{path}: " in told for path in paths)


def test_trust_outweighs_a_missing_signature(run: Run, signed: Path, image: Path) -> None:
    assert run("verify", image, signed).code == 4


def test_one_document_for_one_file(run: Run, signed: Path, uid: str) -> None:
    ran = run("verify", signed, "--integrity-only", "--json")
    assert ran.code == 0
    assert ran.document["document"] == "verification"
    assert ran.document["file"] == str(signed)
    assert [(each["uid"], each["verdict"]) for each in ran.document["signatures"]] == [(uid, "valid")]


def test_one_document_for_several_files(run: Run, signed: Path, broken: Path) -> None:
    ran = run("verify", signed, broken, "--json")
    assert ran.code == 5
    assert ran.document["document"] == "files"
    first, second = ran.document["files"]
    assert (first["document"], first["file"], first["verdict"]) == ("verdict", str(signed), "not-established")
    assert (second["document"], second["file"], second["exit_code"]) == ("error", str(broken), 5)
    first, _ = run("verify", signed, broken, "--json", "--full").document["files"]
    assert (first["document"], len(first["signatures"][0]["findings"]) > 5) == ("verification", True)
    assert run("verify", signed, "--full").code == 2


def test_standard_input(run: Run, signed: Path) -> None:
    ran = run("verify", "-", "--integrity-only", stdin=signed.read_bytes())
    assert ran.code == 0
    assert ran.out.startswith("standard input: valid")
    assert run("verify", "-", "-").code == 2


def test_standard_input_from_a_terminal_is_refused(run: Run) -> None:
    ran = run("verify", "-", stdin=None)
    assert ran.code == 2
    assert "terminal" in ran.err


def test_an_unknown_uid_matches_no_signature(run: Run, signed: Path) -> None:
    assert run("verify", signed, "--uid", "1.2.3").code == 3


def test_required_profiles(run: Run, signed: Path) -> None:
    assert run("verify", signed, "--integrity-only", "--require", "none").code == 0
    ran = run("verify", signed, "--integrity-only", "--require", "none", "--require", "base-rsa")
    assert ran.code == 1, "the key is no RSA key"
    assert "conformance   failed" in ran.out
    unknown = run("verify", signed, "--require", "base-rs")
    assert unknown.code == 2
    assert "did you mean base-rsa?" in unknown.err


def test_signatures_of_items(run: Run, key: str, tmp_path: Path) -> None:
    plan = tmp_path / "plan.dcm"
    dcmseal.sign(real_file("rtplan.dcm").path, key=key, output=plan, location="BeamSequence[0]")
    ran = run("verify", plan, "--integrity-only", "--item", "BeamSequence[0]")
    assert ran.code == 0
    assert "  location      BeamSequence[0]\n" in ran.out
    assert run("verify", plan, "--item", "main").code == 3
    assert run("verify", plan, "--item", "BeamSequence[7]").code == 2
    assert run("verify", plan, "--item", "BeamSequence").code == 2


def report(*findings: Finding, coverage: Coverage | None = None, **signature: str | bytes) -> SignatureReport:
    stated = DigitalSignature(
        mac_id=1,
        uid=str(signature.get("uid", "1.2.3")),
        datetime=str(signature.get("datetime", "20260101")),
        certificate_type="",
        certificate=b"",
        value=b"",
        timestamp=b"x",
    )
    return SignatureReport(signature=stated, findings=findings, coverage=coverage)


def written(made: VerificationReport, *, verbose: bool = False) -> str:
    stream = StringIO()
    show_report("file", made, make_screen(stream), verbose=verbose)
    return stream.getvalue()


def test_levels_that_were_skipped_are_named() -> None:
    location = Location.parse("OriginalAttributesSequence[0].ModifiedAttributesSequence[0]")
    text = written(VerificationReport(signatures=(), skipped=(location,)))
    assert text.startswith("file: no signature\n")
    assert "not verified" in text
    assert str(location) in text


def test_notes_are_shown_with_their_place_and_clause() -> None:
    note = Finding(
        aspect=Aspect.FORM, outcome=Outcome.UNKNOWN, code="flat", message="stray", where="(0400,0100)", clause="PS3.3 C"
    )
    text = written(VerificationReport(signatures=(), notes=(note,)))
    assert "  unknown form flat: stray [(0400,0100)] (PS3.3 C)\n" in text


def test_other_unknowns_are_not_reported_as_missing_trust() -> None:
    text = written(VerificationReport(signatures=(report(),)))
    assert text.startswith("file: not established (1 signature)\n\n")
    assert "--integrity-only" not in text


def test_a_certified_time_is_called_so(pki: Pki) -> None:
    passed = Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.PASSED, code="c", message="m")
    time = CertifiedTime(
        moment=datetime(2026, 3, 1, 12, tzinfo=UTC),
        accuracy=None,
        policy="1.2.3",
        serial_number=1,
        authority=pki["p256"].der,
    )
    certified = "  certified     2026-03-01 12:00:00+00:00 by CN=p256,O=dcmseal tests"
    sound = VerificationReport(signatures=(replace(report(passed), certified_time=time),))
    assert f"{certified}\n" in written(sound)
    doubtful = replace(passed, outcome=Outcome.UNKNOWN)
    open_ = VerificationReport(signatures=(replace(report(passed, doubtful), certified_time=time),))
    assert f"{certified} (not verified)\n" in written(open_)
    assert "claimed\n" in written(VerificationReport(signatures=(report(),)))
    assert "timestamp     not checked\n" in written(VerificationReport(signatures=(report(),)))


def test_nothing_from_a_file_reaches_the_terminal_raw() -> None:
    hostile = "\x1b[2J\u202e\x9b1m\r" + "A" * 100_000
    finding = Finding(
        aspect=Aspect.FORM, outcome=Outcome.FAILED, code="c", message=hostile, where=hostile, clause=hostile
    )
    coverage = Coverage(
        signed=(t.PATIENT_NAME,),
        unsignable=((0x00091001, hostile),) * 50,
        absent=(t.PATIENT_ID,),
        critical=(tags.PIXEL_DATA,),
    )
    text = written(
        VerificationReport(
            signatures=(report(finding, coverage=coverage, uid=hostile, datetime=hostile),), notes=(finding,)
        ),
        verbose=True,
    )
    assert text.replace("\n", "").isprintable()
    assert len(text) < 50_000


def test_the_reason_stands_on_the_second_line(run: Run, signed: Path, tampered: Path) -> None:
    assert (
        "the signature or the certificate has changed"
        in run("verify", tampered, "--integrity-only").out.splitlines()[1]
    )
    reason, hint = run("verify", signed).out.splitlines()[1:3]
    assert reason == "  the data is unchanged, but the signer is not verified: no trust anchor is configured"
    assert "--trust-anchor" in hint
    assert "--integrity-only" in hint


def test_unrequested_aspects_are_not_checked(run: Run, signed: Path) -> None:
    asked = run("verify", signed).out
    assert "  trust         not checked: no trust anchor is configured\n" in asked
    assert "  timestamp     none\n" in asked
    assert "  conformance   not checked\n" in asked
