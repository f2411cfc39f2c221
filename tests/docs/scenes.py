"""How to make dcmseal say what the pages quote: one scene for each message, with keys in files and without a card.

No scene says what the message is: that stands on the page alone.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian

import dcmseal
from tests.docs.desk import KEY, Desk, pem_key
from tests.support.pki import PASSPHRASE

PATIENT_NAME, PATIENT_ID = b"\x10\0\x10\0PN", b"\x10\0\x20\0LO"


def system_without_file_locks(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "fcntl", None)
        desk.sign()


def expired_certificate(desk: Desk) -> None:
    desk.sign(key=pem_key(desk.pki["expired"]))


def certificate_of_another_key(desk: Desk) -> None:
    desk.sign(key="pem:signer.key.pem?cert=authority.cert.pem")


def certificate_nowhere(desk: Desk) -> None:
    desk.sign(key="pem:signer.key.pem")


def absent_element(desk: Desk) -> None:
    desk.sign("--tag", "WindowCenter")


def nothing_but_directory_records(desk: Desk) -> None:
    with desk.in_python():
        dcmseal.sign(str(get_testdata_file("DICOMDIR", download=False)), key=KEY, output="out.dcm")


def patient(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """A file in four parts, of which the second is Patient's Name, and the third Patient ID."""
    name = data.index(PATIENT_NAME)
    identifier = data.index(PATIENT_ID, name)
    end = identifier + 8 + data[identifier + 6]
    return data[:name], data[name:identifier], data[identifier:end], data[end:]


def element_twice(desk: Desk) -> None:
    before, name, identifier, behind = patient(Path("image.dcm").read_bytes())
    Path("twice.dcm").write_bytes(before + name + name + identifier + behind)
    desk.sign(source="twice.dcm")


def elements_out_of_order(desk: Desk) -> None:
    before, name, identifier, behind = patient(Path("image.dcm").read_bytes())
    Path("disordered.dcm").write_bytes(before + identifier + name + behind)
    desk.sign(source="disordered.dcm")


def no_passphrase(desk: Desk) -> None:
    desk.sign(key=f"p12:{desk.pki['rsa2048'].p12}")


def wrong_passphrase(desk: Desk) -> None:
    desk.sign(key=f"p12:{desk.pki['rsa2048'].p12}", secret=PASSPHRASE.upper())


def unsupported_cipher(desk: Desk) -> None:
    encrypt = "openssl rsa -in signer.key.pem -traditional -camellia128 -passout pass:secret -out camellia.pem"
    subprocess.run(encrypt.split(), check=True, capture_output=True)
    desk.sign(key="pem:camellia.pem?cert=signer.cert.pem", secret="secret")


def certificate_behind_a_passphrase(desk: Desk) -> None:
    desk.sign(key=f"pem:signer.key.pem?cert={desk.pki['rsa2048'].p12}")


def certificate_for_a_key(desk: Desk) -> None:
    desk.sign(key="pem:signer.cert.pem")


def key_without_a_scheme(desk: Desk) -> None:
    desk.sign(key="signer.key.pem")


def scheme_of_no_plugin(desk: Desk) -> None:
    desk.sign(key="no-such-scheme:key")


def file_that_another_program_writes(desk: Desk) -> None:
    registry = dcmseal.Registry.discover()
    with dcmseal.plan_signing("image.dcm") as plan, registry.open_signer(KEY, lambda _: None) as signer:
        signature = dcmseal.make_signature(plan, signer)
        Path("image.dcm").write_bytes(Path("signed.dcm").read_bytes())
        with desk.in_python():
            dcmseal.attach_signature(plan, signature, "image.dcm")


def vr_that_implicit_vr_loses(desk: Desk) -> None:
    dataset = dcmread("image.dcm")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as("implicit.dcm")
    desk.dcmseal("compare", "image.dcm", "implicit.dcm", "--all")


def folder_with_other_files(desk: Desk) -> None:
    folder = Path("folder")
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text("no image")
    Path("signed.dcm").rename(folder / "signed.dcm")
    desk.dcmseal("verify", folder, "--integrity-only")


def partial_cover(desk: Desk) -> None:
    desk.dcmseal("verify", "signed-in-part.dcm", "--integrity-only")


def page_about_partial_cover(desk: Desk) -> None:
    report = Path("report.html")
    desk.dcmseal("verify", "signed-in-part.dcm", "--integrity-only", "--html", report)
    desk.read(report)
