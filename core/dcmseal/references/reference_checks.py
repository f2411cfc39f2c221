"""Verify the references of a document: check whether each cited instance is unchanged."""

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
"""Maximum number of references to one instance (PS3.3 C.17.2.3 requires one), because each one reads it again."""


def reference_findings(
    file: DicomFile,
    signatures: Sequence[SignatureReport],
    folders: ReferenceFolders,
    options: ReferenceOptions = DEFAULT_OPTIONS,
) -> Iterator[Finding]:
    """Iterate over findings about the references of a document.

    Args:
        file: The document.
        signatures: The verified signatures. Evidence that they do not cover could be changed together with the
            instances.
        folders: Where to find the instances.
        options: How to check the instances.
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
        message = "no intact signature covers these references; they may have been changed together with the instances"
        yield reference_finding("reference-unsigned", message, format_tag(tag))


def _signed_tags(signatures: Sequence[SignatureReport]) -> frozenset[int]:
    """Collect the tags of the main Data Set that valid signatures cover."""
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
        message = "the document cites the instance without MAC or signature, so changes cannot be detected"
        yield reference_finding("reference-unprotected", message, cited.uid)
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
