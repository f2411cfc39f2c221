"""``dcmseal sign``."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

import dcmseal
from tests.core.cli.conftest import Run
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.real_files import real_file


def signed_elements(path: Path) -> list[str]:
    (signature,) = dcmseal.signatures(path)
    return [element.keyword for element in signature.elements]


def test_signing_reports_the_result_and_how_to_verify_it(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    out = tmp_path / "it's signed.dcm"
    ran = run("sign", image, out, "--key", key)
    assert (ran.code, ran.err) == (0, "")
    (signature,) = dcmseal.signatures(out)
    assert f"  UID           {signature.uid}\n" in ran.out
    assert "  signer        CN=p256,O=dcmseal tests\n" in ran.out
    assert f"  signed        {len(signature.elements)} elements\n" in ran.out
    assert "  warning       private elements are signed: " in ran.out
    label, _, command = ran.out.splitlines()[-1].partition(": dcmseal ")
    assert label == "verify with"
    assert run(*shlex.split(command)).code == 0


def test_dcmsign_verifies_signatures_of_dcmseal(
    run: Run, image: Path, key: str, pki: Pki, dcmsign: Dcmtk, tmp_path: Path
) -> None:
    assert run("sign", image, tmp_path / "out.dcm", "--key", key).code == 0
    assert dcmsign.verify(tmp_path / "out.dcm", trust=pki.trust).ok


def test_the_key_may_stand_in_the_environment(
    run: Run, image: Path, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sign", image, tmp_path / "out.dcm").code == 2
    monkeypatch.setenv("DCMSEAL_KEY", key)
    assert run("sign", image, tmp_path / "out.dcm").code == 0


def test_options_and_files_in_any_order(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    assert run("sign", image, "--key", key, tmp_path / "a.dcm", "--tag", "PatientID").code == 0
    assert run("sign", "--key", key, "--tag", "PatientID", image, tmp_path / "b.dcm").code == 0
    assert signed_elements(tmp_path / "a.dcm") == signed_elements(tmp_path / "b.dcm") == ["PatientID"]


def test_elements_chosen_in_every_way(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    listed = tmp_path / "tags.txt"
    listed.write_text("# what matters\nRows  # and\nColumns\n\n(0028,0100)\n")
    out = tmp_path / "out.dcm"
    words = ["--tag", "PatientID,(0010,0010)", "--tag", "0020000D StudyDate", "--tags-from", str(listed)]
    ran = run("sign", image, out, "--key", key, *words, "-v")
    assert ran.code == 0
    expected = ["StudyDate", "PatientName", "PatientID", "StudyInstanceUID", "Rows", "Columns", "BitsAllocated"]
    assert signed_elements(out) == expected
    assert "(0010,0010) Patient's Name" in ran.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PatientID\nPatientIdd\n", "line 2: 'PatientIdd' is not a tag"),
        (b"\xff\xfe", "line 1 is in UTF-16"),
        (None, "cannot be read"),
    ],
)
def test_bad_lists_of_elements(run: Run, image: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "tags.txt"
    if content is not None:
        path.write_bytes(content)
    ran = run("sign", image, "--dry-run", "--tags-from", path)
    assert ran.code == 2
    assert said in ran.err


def test_an_empty_list_of_elements_is_not_all_of_them(run: Run, image: Path, tmp_path: Path) -> None:
    path = tmp_path / "tags.txt"
    path.write_text("# nothing\n")
    assert run("sign", image, "--dry-run", "--tags-from", path).code == 2


def test_in_place(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    shutil.copy(image, path)
    ran = run("sign", path, "--in-place", "--key", key)
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == f"verify with: dcmseal verify {path} --integrity-only"
    assert len(dcmseal.signatures(path)) == 1


def test_standard_output_gets_the_file_and_nothing_else(run: Run, image: Path, key: str) -> None:
    ran = run("sign", "-", "-", "--key", key, stdin=image.read_bytes())
    assert ran.code == 0
    assert len(dcmseal.signatures(ran.raw)) == 1
    assert ran.err.startswith("standard output: signed\n")


def test_a_terminal_gets_no_bytes(run: Run, image: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = run("sign", image, "-", "--key", key)
    assert (ran.code, ran.raw) == (2, b"")


def test_a_pipe_or_device_is_written_to_and_not_replaced(run: Run, image: Path, key: str) -> None:
    assert run("sign", image, "/dev/null", "--key", key).code == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["IN"], "no output given"),
        (["IN", "IN"], "is the input"),
        (["IN", "IN", "--force"], "is the input"),
        (["IN", "OUT", "--in-place"], "exclude each other"),
        (["-", "--in-place"], "cannot change standard input in place"),
        (["IN", "THERE"], "exists"),
        (["IN", "FOLDER", "--force"], "is a folder"),
        (["IN", "-", "--json"], "cannot write both"),
        (["IN", "OUT", "--tag", "PatientIdd"], "is not a tag"),
        (["IN", "OUT", "--tag", "ReasonForStudy"], "not in the data set"),
        (["IN", "OUT", "--mac", "SHA3"], "unknown MAC algorithm"),
        (["IN", "OUT", "--mac", "MD5"], "too weak"),
        (["IN", "OUT", "--purpose", "fun"], "unknown signature purpose"),
        (["IN", "OUT", "--profile", "base-rs"], "did you mean base-rsa?"),
        (["IN", "OUT", "--profile", "base-rsa"], "is not met"),
        (["IN", "OUT", "--mac-syntax", "1.2.840.10008.1.2"], "cannot be the MAC calculation transfer syntax"),
        (["IN", "OUT", "--item", "BeamSequence[0]"], "is not in the data set"),
        (["IN", "OUT", "--padding", "more"], "minimal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_refused_request_writes_nothing(
    run: Run, image: Path, key: str, in_folder: Path, words: list[str], said: str
) -> None:
    names = {"IN": "in.dcm", "OUT": "out.dcm", "THERE": "there.dcm", "FOLDER": "folder"}
    shutil.copy(image, "in.dcm")
    Path("there.dcm").write_bytes(b"precious")
    Path("folder").mkdir()
    ran = run("sign", *(names.get(word, word) for word in words), "--key", key)
    assert ran.code == 2
    assert said in ran.err
    assert sorted(path.name for path in in_folder.iterdir()) == ["folder", "in.dcm", "there.dcm"]
    assert Path("in.dcm").read_bytes() == image.read_bytes()
    assert Path("there.dcm").read_bytes() == b"precious"


def test_force_overwrites(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    out = tmp_path / "out.dcm"
    out.write_bytes(b"old")
    assert run("sign", image, out, "--key", key, "--force").code == 0
    assert len(dcmseal.signatures(out)) == 1


def test_an_unwritable_output_is_reported(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    ran = run("sign", image, tmp_path / "no" / "out.dcm", "--key", key)
    assert ran.code == 5
    assert "cannot be written" in ran.err


@pytest.mark.parametrize(
    ("key", "code"),
    [("pem:none.pem", 6), ("none.pem", 2), ("pkcs12x:none", 6), ("pem:key.pem?passphrase=x", 2)],
)
def test_keys_that_cannot_be_used(run: Run, image: Path, in_folder: Path, key: str, code: int) -> None:
    assert run("sign", image, "out.dcm", "--key", key).code == code
    assert not list(in_folder.iterdir())


def test_expired_certificates_need_leave(run: Run, image: Path, pki: Pki, tmp_path: Path) -> None:
    key = f"pem:{pki['expired'].key_pem}?cert={pki['expired'].certificate_pem}"
    ran = run("sign", image, tmp_path / "out.dcm", "--key", key)
    assert ran.code == 2
    assert "has expired" in ran.err
    assert run("sign", image, tmp_path / "out.dcm", "--key", key, "--allow-expired").code == 0


def test_algorithm_purpose_syntax_and_profile(run: Run, image: Path, pki: Pki, tmp_path: Path) -> None:
    key = f"pem:{pki['rsa2048'].key_and_certificate_pem}"
    out = tmp_path / "out.dcm"
    words = ["--mac", "ripemd160", "--allow-weak", "--purpose", "5", "--profile", "base-rsa"]
    ran = run("sign", image, out, "--key", key, *words, "--mac-syntax", "1.2.840.10008.1.2.1")
    assert ran.code == 0
    (signature,) = dcmseal.signatures(out)
    assert signature.mac_algorithm == "RIPEMD160"
    assert signature.purpose is not None
    assert signature.purpose.value == "5"
    assert "purpose       Verification Signature (5, ASTM-sigpurpose)" in ran.out


def test_an_item_is_signed(run: Run, key: str, tmp_path: Path) -> None:
    plan, out = real_file("rtplan.dcm").path, tmp_path / "out.dcm"
    words = ["--item", "BeamSequence[0]", "--tag", "BeamName", "--tag", "BeamType"]
    assert run("sign", plan, out, "--key", key, *words).code == 0
    assert str(dcmseal.signatures(out)[0].location) == "BeamSequence[0]"
    assert signed_elements(out) == ["BeamName", "BeamType"]


def test_padding_is_brought_to_the_minimum_or_kept(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    data = image.read_bytes()
    start = data.index(b"\x10\x00\x20\x00LO")
    length = int.from_bytes(data[start + 6 : start + 8], "little")
    end = start + 8 + length
    padded = tmp_path / "padded.dcm"
    padded.write_bytes(
        data[: start + 6] + (length + 4).to_bytes(2, "little") + data[start + 8 : end] + b"    " + data[end:]
    )
    ran = run("sign", padded, "--dry-run", "--json")
    kept = run("sign", padded, "--dry-run", "--json", "--padding", "keep")
    assert ran.document["padded"]
    assert not kept.document["padded"]
    said = run("sign", padded, tmp_path / "out.dcm", "--key", key).out
    assert "  padding       reduced in 1 element: PatientID\n" in said


def test_a_dry_run_needs_no_key_and_shows_every_decision(run: Run, in_folder: Path) -> None:
    ran = run("sign", real_file("rtdose_rle.dcm").path, "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert "would be signed (dry run)" in ran.out
    assert "  not signable  " in ran.out
    assert "InstanceCreationDate (its VR is UN)" in ran.out
    assert "Instance Creation Date        no: its VR is UN\n" in ran.out
    chosen = run("sign", real_file("CT_small.dcm").path, "--dry-run", "--tag", "PatientID")
    lines = [" ".join(line.split()) for line in chosen.out.splitlines()]
    assert "(0010,0020) Patient ID yes" in lines
    assert "(0010,0010) Patient's Name no: not selected" in lines
    assert not list(in_folder.iterdir())


def test_documents(run: Run, image: Path, key: str, tmp_path: Path) -> None:
    plan = run("sign", image, "--dry-run", "--json").document
    made = run("sign", image, tmp_path / "out.dcm", "--key", key, "--json").document
    assert (plan["document"], made["document"]) == ("plan", "signing")
    assert made["signature"]["uid"] == dcmseal.signatures(tmp_path / "out.dcm")[0].uid


def test_purposes(run: Run) -> None:
    ran = run("sign", "--list-purposes")
    assert ran.code == 0
    assert "5       verification       Verification Signature" in ran.out
    document = run("sign", "--list-purposes", "--json").document
    assert document["purposes"][4] == {"value": 5, "name": "verification", "meaning": "Verification Signature"}
    assert run("sign").code == 2
