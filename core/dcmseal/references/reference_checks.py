"""The evidence of a document, checked: is every instance that it cites still what was cited?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import DatasetError, InstanceAmbiguous, InstanceNotFound, Malformed
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import SignatureReport
from dcmseal.references.cited_instances import CitedInstance, iter_cited_instances
from dcmseal.references.instance_checks import DEFAULT_OPTIONS, ReferenceOptions, check_instance, reference_finding
from dcmseal.sources.reference_folders import ReferenceFolders
from dcmseal.tags import format_tag

_MAX_TIMES: Final = 8
"""Times one instance may be cited (PS3.3 C.17.2.3 wants it once): each time it is read anew."""


def reference_findings(
    file: DicomFile,
    signatures: Sequence[SignatureReport],
    folders: ReferenceFolders,
    options: ReferenceOptions = DEFAULT_OPTIONS,
) -> Iterator[Finding]:
    """Findings about all that a document cites as evidence; none if it cites nothing.

    ``signatures`` show which of it is signed: the rest can be changed together with the instances.
    """
    times: Counter[str] = Counter()
    unsigned: set[int] = set()
    signed = _signed_tags(signatures)
    try:
        for cited in iter_cited_instances(file):
            if cited.is_protected and cited.evidence not in signed:
                unsigned.add(cited.evidence)
            times[cited.uid] += 1
            if times[cited.uid] > _MAX_TIMES:
                message = f"instance {cited.uid} is cited more than {_MAX_TIMES} times"
                yield _malformed_finding(message, cited.uid)
                break
            yield from _cited_instance_findings(cited, folders, options)
    except Malformed as error:
        yield _malformed_finding(str(error), "")
    for tag in sorted(unsigned):
        message = (
            "no sound signature that was asked about covers this evidence: who changes an instance may change it too"
        )
        yield reference_finding("evidence-unsigned", message, format_tag(tag))


def _signed_tags(signatures: Sequence[SignatureReport]) -> frozenset[int]:
    """Tags of the main Data Set that sound signatures cover."""
    return frozenset(
        tag
        for each in signatures
        if not each.signature.location.steps and each.coverage is not None and each.is_intact
        for tag in each.coverage.signed
    )


def _cited_instance_findings(
    cited: CitedInstance, folders: ReferenceFolders, options: ReferenceOptions
) -> Iterator[Finding]:
    if cited.problems:
        yield _malformed_finding(f"{cited.problems[0]} (at {cited.location})", cited.uid)
        return
    if not cited.is_protected:
        message = "the document cites it, but neither its MAC nor its signatures: nothing says what it was"
        yield reference_finding("evidence-unprotected", message, cited.uid)
        return
    try:
        with folders.open_instance(cited.uid) as (path, instance):
            findings = check_instance(cited, path, instance, options)
    except InstanceNotFound as error:
        yield reference_finding("reference-missing", str(error), cited.uid)
    except InstanceAmbiguous as error:
        yield reference_finding("reference-ambiguous", str(error), cited.uid)
    except DatasetError as error:
        yield reference_finding("reference-unreadable", f"the instance cannot be read: {error}", cited.uid)
    else:
        yield from findings


def _malformed_finding(message: str, where: str) -> Finding:
    return reference_finding("reference-malformed", message, where, outcome=Outcome.FAILED, aspect=Aspect.FORM)
