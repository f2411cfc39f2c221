"""Profiles across implementations: dcmsign finds in our signatures what it demands, and we judge its own.

dcmsign's lists are those of 2019c, and it leaves out more: overlays but for group 6000, Type of Data of curves, and
what it takes to belong to another module. So its smallest signatures lack what stands in LEFT_OUT, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import keyword_dict

import dcmseal
from dcmseal import tags
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.profile import Profile
from dcmseal.testing.sample_dataset import IMAGE, REPORT
from dcmseal_profiles.authorization_rsa import AuthorizationRsa
from dcmseal_profiles.creator_rsa import CreatorRsa
from dcmseal_profiles.structured_report_rsa import StructuredReportRsa
from tests.support import builder as b
from tests.support.dcmsign import Dcmtk, Required
from tests.support.dcmsign import Profile as DcmtkProfile
from tests.support.pki import Pki
from tests.support.sample_objects import DOCUMENTS, KINDS, make_dataset, report
from tests.support.signed_files import build_signer, verify_integrity

NAMES: dict[str, tuple[DcmtkProfile, Required]] = {
    "creator-rsa": ("creator", "creator"),
    "authorization-rsa": ("auth", "auth"),
    "structured-report-rsa": ("sr", "sr"),
}
"""What dcmsign calls the profile when it signs, and when it verifies."""
CASES = [
    (kind, name) for kind in KINDS for name in NAMES if name != "structured-report-rsa" or kind in DOCUMENTS
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    dcmtk: Dcmtk
    pki: Pki
    folder: Path

    def ours(self, data: bytes, **options: Any) -> Path:
        """Sign with the package."""
        target = self.folder / "ours.dcm"
        dcmseal.sign(data, signer=build_signer(self.pki["rsa2048"]), output=target, overwrite=True, **options)
        return target

    def theirs(self, data: bytes, **options: Any) -> bytes:
        """Sign with dcmsign."""
        source, target, identity = self.folder / "in.dcm", self.folder / "out.dcm", self.pki["rsa2048"]
        source.write_bytes(data)
        self.dcmtk.sign(source, target, identity.key_pem, identity.certificate_pem, **options)
        return target.read_bytes()

    def meets(self, path: Path, require: Required) -> bool:
        """Whether dcmsign finds a good signature that meets the profile."""
        return self.dcmtk.verify(path, trust=self.pki.trust, require=[require]).ok


@pytest.fixture(scope="module")
def bench(dcmsign: Dcmtk, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(dcmsign, pki, tmp_path_factory.mktemp("profiles"))


def purpose_of(kind: str, name: str) -> str | None:
    """A verified document has a purpose by itself."""
    return "author" if name == "structured-report-rsa" and kind != "verified SR" else None


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.parametrize("only_required", [False, True], ids=["everything", "only required"])
def test_dcmsign_finds_the_profile_met(kind: str, name: str, only_required: bool, bench: Bench) -> None:
    data = b.file(KINDS[kind])
    signed = bench.ours(data, profile=name, only_required=only_required, purpose=purpose_of(kind, name))
    assert verify_integrity(signed, require=[name]).verdict is Verdict.VALID
    assert bench.meets(signed, NAMES[name][1])


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_complete_signatures_of_dcmsign_meet_the_profile(kind: str, name: str, bench: Bench) -> None:
    profile: DcmtkProfile = "srv" if (kind, name) == ("verified SR", "structured-report-rsa") else NAMES[name][0]
    purpose = 1 if profile == "sr" else None
    result = verify_integrity(
        bench.theirs(b.file(KINDS[kind]), profile=profile, purpose=purpose), require=[name], name_profiles=True
    )
    assert result.verdict is Verdict.VALID, [each.message for each in result.unmet]
    assert name in result.signatures[0].profiles


def test_dcmsign_does_not_say_why_it_signs_a_report(bench: Bench) -> None:
    """It omits Digital Signature Purpose Code Sequence by default, which C.4 requires."""
    result = verify_integrity(bench.theirs(b.file(KINDS["SR"]), profile="sr"), require=["structured-report-rsa"])
    assert [finding.code for finding in result.unmet] == ["profile-not-met"]
    assert "purpose-missing" in [finding.code for finding in result.signatures[0].findings]


def test_a_verified_report_needs_more_than_dcmsign_asks_for(bench: Bench) -> None:
    theirs = bench.theirs(b.file(KINDS["verified SR"]), profile="sr", purpose=1)
    path = bench.folder / "author.dcm"
    path.write_bytes(theirs)
    assert bench.meets(path, "sr")
    assert [finding.code for finding in verify_integrity(theirs, require=["structured-report-rsa"]).unmet] == [
        "verification-signature-missing"
    ]
    both = bench.ours(theirs, profile="structured-report-rsa")
    assert verify_integrity(both, require=["structured-report-rsa"]).verdict is Verdict.VALID


@pytest.mark.parametrize("name", ["creator-rsa", "authorization-rsa"])
def test_neither_finds_a_profile_in_a_few_elements(name: str, bench: Bench) -> None:
    signed = bench.ours(b.file(KINDS["CR"]), tags=["SOPInstanceUID", "PixelData"])
    assert verify_integrity(signed, require=[name]).verdict is Verdict.INVALID
    assert not bench.meets(signed, NAMES[name][1])


def test_neither_takes_an_image_for_a_report(bench: Bench) -> None:
    signed = bench.ours(b.file(KINDS["CT"]), purpose="author")
    assert not bench.meets(signed, "sr")
    result = verify_integrity(signed, require=["structured-report-rsa"])
    assert "profile-not-applicable" in [finding.code for finding in result.signatures[0].findings]


OTHER_MODULES = (
    "ConceptCodeSequence Date DateTime FiducialUID GraphicData GraphicType MeasuredValueSequence "
    "NumericValueQualifierCodeSequence PersonName PixelOriginInterpretation ReferencedDateTime "
    "ReferencedFrameOfReferenceUID ReferencedSOPSequence ReferencedSamplePositions ReferencedTimeOffsets "
    "TemporalRangeType TextValue Time UID"
).split()
DETECTOR = (
    "DateOfLastDetectorCalibration DetectorActiveDimensions DetectorActiveOrigin DetectorActiveShape DetectorBinning "
    "DetectorConditionsNominalFlag DetectorConfiguration DetectorDescription DetectorElementPhysicalSize "
    "DetectorElementSpacing DetectorID "
    "DetectorManufacturerModelName DetectorManufacturerName DetectorMode DetectorTemperature DetectorType "
    "DetectorTimeSinceLastExposure DeviationIndex ExposureIndex ExposuresOnDetectorSinceLastCalibration "
    "ExposuresOnDetectorSinceManufactured PatientOrientationCodeSequence Sensitivity TargetExposureIndex "
    "TimeOfLastDetectorCalibration TransducerScanPatternCodeSequence"
).split()
PLANES = {group << 16 | n for group in range(0x6002, 0x6020, 2) for n in (
    0x10, 0x11, 0x22, 0x40, 0x45, 0x50, 0x100, 0x102, 0x1301, 0x1302, 0x1303, 0x1500, 0x3000)}  # fmt: skip
TYPE_OF_DATA = {group << 16 | 0x20 for group in range(0x5000, 0x5020, 2)}


def to_tags(*keywords: str) -> set[int]:
    return {keyword_dict[keyword] for keyword in keywords}


IMAGES = to_tags(*OTHER_MODULES, *DETECTOR) | PLANES | TYPE_OF_DATA
LEFT_OUT = {
    "creator-rsa": IMAGES | to_tags("ManufacturerDeviceClassUID"),
    "authorization-rsa": IMAGES,
    "structured-report-rsa": to_tags(*OTHER_MODULES, "ManufacturerDeviceClassUID"),
}
"""Elements that editions do not explain: those of the tables of 2020a that dcmsign does not ask for either."""


PROFILES: dict[str, Profile] = {
    each.name: each for each in (CreatorRsa(), AuthorizationRsa(), StructuredReportRsa())
}  # fmt: skip


def everything(name: str) -> tuple[b.Node, ...]:
    """A data set with all that any edition names, less what makes dcmsign look for the pixels elsewhere."""
    is_report = name == "structured-report-rsa"
    required = PROFILES[name].requirements(REPORT if is_report else IMAGE)
    elements = (required.required_tags | required.recommended) - to_tags("PixelDataProviderURL")
    return make_dataset(elements, *(report() if is_report else ()))


@pytest.mark.parametrize("name", NAMES)
def test_the_least_that_dcmsign_signs(name: str, bench: Bench) -> None:
    """Elements missing in it differ between editions, or only dcmsign omits them."""
    data = bench.theirs(b.file(everything(name)), profile=NAMES[name][0], tags=[tags.SOP_CLASS_UID], purpose=1)
    findings = verify_integrity(data, require=[name]).signatures[0].findings
    by_code = {
        code: {int(finding.where[1:5] + finding.where[6:10], 16) for finding in findings if finding.code == code}
        for code in ("element-not-covered", "element-of-later-edition")
    }
    tables = PROFILES[name].requirements(IMAGE).tables
    assert tables is not None
    assert by_code["element-of-later-edition"] == tables.added
    assert by_code["element-not-covered"] == LEFT_OUT[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_least_that_we_sign_is_enough_for_dcmsign(name: str, bench: Bench) -> None:
    signed = bench.ours(b.file(everything(name)), profile=name, only_required=True, purpose="author")
    assert bench.meets(signed, NAMES[name][1])
