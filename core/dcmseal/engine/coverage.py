"""What a signature protects at its level, and what not: recomputed from the elements that are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.engine.macs import MAX_MACS, LevelMacs
from dcmseal.model import DigitalSignature
from dcmseal.report import Aspect, Coverage, Finding, Outcome
from dcmseal.tags import format_tags, is_ascending

if TYPE_CHECKING:
    from dcmseal.mac.level import MacJob

_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.1"

CRITICAL_TAGS: Final = frozenset(
    {
        # what the text is written in
        *(0x00080005,),
        # whose and which: SOP, study, series and patient
        *(0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00080060, 0x00080020, 0x00080050),
        *(0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00200052),
        # which side, which way up, how large
        *(0x00200060, 0x00200062, 0x00200020, 0x00200032, 0x00200037, 0x00185100, 0x00185101),
        *(0x00280030, 0x00181164, 0x00180050, 0x00280034),
        # how pixels become an image
        *(0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011),
        *(0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280121),
        *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055, 0x00281056),
        *(0x00281101, 0x00281102, 0x00281103, 0x00281199, 0x00281201, 0x00281202, 0x00281203),
        *(0x00281221, 0x00281222, 0x00281223, 0x00283000, 0x00283010, 0x00282110, 0x00282112, 0x00282000),
        *(0x00480102, 0x20500010, 0x20500020, 0x00289110, 0x52009229, 0x52009230),
        # what may be seen in it
        *(0x00280301, 0x00280302, 0x00080008, 0x00120062),
        # what it is about
        *(0x7FE00008, 0x7FE00009, 0x7FE00010, 0x7FE00001, 0x7FE00002, 0x56000020, 0x54000100, 0x00420011),
        *(0x0040A040, 0x0040A043, 0x0040A491, 0x0040A493, 0x0040A073, 0x0040A730, 0x00700001),
        *(0x300A0002, 0x300A0070, 0x300A00B0, 0x300A0180, 0x300A03A2, 0x30060020, 0x30060039, 0x30060080),
        *(0x3004000E, 0x30040002, 0x30040004, 0x3004000A, 0x3004000C, 0x00620002),
        *(0x00540016, 0x00541001, 0x00541102, 0x00541321, 0x00541300),
    }
)
"""Tags whose change gives the object another meaning, or another owner."""


_SHOWN_GROUPS: Final = frozenset(
    {
        # image presentation, display of waveforms, encapsulated documents, nuclear medicine, segments, surfaces
        *(0x0028, 0x003A, 0x0042, 0x0054, 0x0062, 0x0066, 0x0068),
        # presentation states, hanging protocols, presentation LUTs
        *(0x0070, 0x0072, 0x2050),
        # radiotherapy
        *(0x3002, 0x3004, 0x3006, 0x3008, 0x300A, 0x300C, 0x3010),
        # functional groups, waveforms, spectroscopy, pixels
        *(0x5200, 0x5400, 0x5600, 0x7FE0),
    }
)
_SHOWN_RANGES: Final = (
    # display shutters, ultrasound regions, content of structured reports
    *((0x00181600, 0x00181624), (0x00186000, 0x001860FF), (0x0040A000, 0x0040DFFF)),
    # cine, trims and frame rate, pixel presentation, real world values, icon
    *((0x00180040, 0x00180040), (0x00181063, 0x00181065), (0x00181244, 0x00181244), (0x00082142, 0x00082144)),
    *((0x00089205, 0x00089207), (0x00409096, 0x00409096), (0x00880200, 0x00880200)),
)


def affects_display(tag: int) -> bool:
    """Whether an element of this tag, when it is added, may change what a viewer shows, or whose it is."""
    return is_critical(tag) or tag >> 16 in _SHOWN_GROUPS or any(first <= tag <= last for first, last in _SHOWN_RANGES)


def is_critical(tag: int) -> bool:
    """Whether an unsigned element of this tag is singled out; overlays, curves and private elements by group."""
    group = tag >> 16
    return tag in CRITICAL_TAGS or 0x6000 <= group <= 0x60FF or 0x5000 <= group <= 0x50FF


def compute_coverage(signature: DigitalSignature, macs: LevelMacs) -> Coverage:
    """Set the elements that the signature lists against those that are there."""
    listed = macs.listed_tags(signature.mac)
    signable = macs.signable
    unsignable = tuple((tag, why) for tag, why in macs.facts.unsignable.items() if not exclusion_reason(tag))
    if signature.mac is not None and signature.mac.elements == signable:
        return Coverage(signed=signable, unsignable=unsignable)
    absent = () if len(listed) == len(signable) else tuple(sorted(listed.difference(macs.scan.tags)))
    if listed.issuperset(signable):
        return Coverage(signed=signable, unsignable=unsignable, absent=absent)
    unsigned = tuple(tag for tag in signable if tag not in listed)
    return Coverage(
        signed=tuple(tag for tag in signable if tag in listed),
        unsigned=unsigned,
        unsignable=unsignable,
        absent=tuple(sorted(listed.difference(macs.scan.tags))),
        critical=tuple(tag for tag in unsigned if is_critical(tag)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedElements:
    """Data Elements Signed (0400,0020), set against the elements of its level."""

    coverage: Coverage
    signed: frozenset[int]
    """Tags in it that are there and can be signed."""
    forbidden: tuple[int, ...]
    """Tags in it that may never be signed."""
    in_order: bool
    """It names the elements in the order of the data set, and each of them once."""


class ElementLists:
    """The lists of a level's signatures, each worked out once, however many share it."""

    def __init__(self, macs: LevelMacs, *, in_order: bool) -> None:
        """``in_order`` says that the elements of the level are."""
        self._macs = macs
        self._in_order = in_order
        self._known: dict[MacJob | tuple[int, ...], ListedElements] = {}

    def lookup(self, signature: DigitalSignature) -> ListedElements | None:
        """What a signature lists; None if the level has more lists than are looked at."""
        elements = signature.mac.elements if signature.mac else ()
        key = self._macs.find_job(signature.mac) or elements
        known = self._known.get(key)
        if known is None and len(self._known) < MAX_MACS:
            known = self._known[key] = self._compute(signature, elements)
        return known

    def _compute(self, signature: DigitalSignature, elements: tuple[int, ...]) -> ListedElements:
        coverage = compute_coverage(signature, self._macs)
        if coverage.signed == elements:
            # the usual case: just what is there and can be signed, which has been looked at
            signed = self._macs.listed_tags(signature.mac)
            in_order = self._in_order or is_ascending(elements)
            return ListedElements(coverage=coverage, signed=signed, forbidden=(), in_order=in_order)
        return ListedElements(
            coverage=coverage,
            signed=frozenset(coverage.signed),
            forbidden=tuple(tag for tag in dict.fromkeys(elements) if exclusion_reason(tag)),
            in_order=is_ascending(elements),
        )


def coverage_findings(coverage: Coverage) -> list[Finding]:
    """The coverage in words; only an empty one fails."""
    findings: list[Finding] = []
    if not coverage.signed:
        findings.append(_finding(Outcome.FAILED, "covers-nothing", "the signature covers no element that is there"))
    if coverage.critical:
        message = "unsigned elements of this level change what the object means or whose it is"
        findings.append(_finding(Outcome.UNKNOWN, "critical-unsigned", message, coverage.critical))
    if coverage.unsigned:
        message = f"{_format_count(coverage.unsigned)} not signed: changes and additions there go unnoticed"
        findings.append(_finding(Outcome.UNKNOWN, "elements-unsigned", message, coverage.unsigned))
    if coverage.unsignable:
        elements = tuple(tag for tag, _ in coverage.unsignable)
        message = f"{_format_count(elements)} not signable: changes there go unnoticed"
        findings.append(_finding(Outcome.UNKNOWN, "elements-unsignable", message, elements))
    if coverage.absent:
        message = f"{_format_count(coverage.absent)} listed as signed, but not there"
        findings.append(_finding(Outcome.UNKNOWN, "listed-but-absent", message, coverage.absent))
    return findings or [_COVERS_ALL]


def _format_count(elements: tuple[int, ...]) -> str:
    return "1 element is" if len(elements) == 1 else f"{len(elements)} elements are"


def _finding(outcome: Outcome, code: str, message: str, where: tuple[int, ...] = ()) -> Finding:
    shown = format_tags(where)
    return Finding(aspect=Aspect.COVERAGE, outcome=outcome, code=code, message=message, where=shown, clause=_CLAUSE)


_COVERS_ALL: Final = _finding(Outcome.PASSED, "covers-all", "every element that can be signed is")
