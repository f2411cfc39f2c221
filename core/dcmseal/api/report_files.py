"""Reports for people: prepare verified files for the plugin that writes the report, and write its file.

>>> from datetime import UTC, datetime
>>> from dcmseal import verify
>>> from dcmseal.plugins.registry import installed_registry
>>> file = build_reported_file("signed.dcm", verify("signed.dcm", integrity_only=True), "signed.dcm")
>>> writer = installed_registry().report_writer("html")
>>> write_report("report.html", writer, [file], make_report_context(datetime.now(UTC)))
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence

from dcmseal.api.verify import map_coverage
from dcmseal.errors import CertificateNotValid, DatasetError, OutputError, SealError
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.coverage_map import CoverageMap
from dcmseal.model.report import VerificationReport
from dcmseal.output.dataset_output import write_chunks
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.plugins.archive_report import ArchiveReport
from dcmseal.plugins.report_writer import (
    ArchiveReportWriter,
    CertificateFacts,
    ReportContext,
    ReportedFile,
    ReportWriter,
)
from dcmseal.sources.dataset_input import DatasetInput
from dcmseal.verification.instance_identity import sop_class_name


def build_reported_file(
    name: str, report: VerificationReport, source: DatasetInput, *, show_values: bool = False
) -> ReportedFile:
    """Prepare a verified file for a report, with its coverage map.

    If no map can be built, the report says why; the verdict does not depend on it.

    Args:
        name: The name of the file in the report.
        report: The report of its verification.
        source: The Data Set that was verified.
        show_values: Include values that might identify the patient.
    """
    coverage: CoverageMap | None = None
    problem = ""
    try:
        coverage = map_coverage(source, report, show_values=show_values)
    except DatasetError as error:
        problem = f"there is no coverage map: {error}"
    return ReportedFile(
        name=name,
        report=report,
        coverage=coverage,
        sop_class=sop_class_name(report.instance.sop_class),
        certificates={each: _certificate_facts(each) for each in _iter_certificates(report)},
        problem=problem,
    )


def build_unverified_file(name: str, error: SealError) -> ReportedFile:
    """Prepare a file that could not be verified for a report.

    Args:
        name: The name of the file in the report.
        error: Why it could not be verified.
    """
    return ReportedFile(name=name, problem=str(error), hint=error.hint)


def make_report_context(
    moment: dt.datetime, settings: Iterable[tuple[str, str]] = (), *, has_trust: bool = True
) -> ReportContext:
    """Describe how a report was made.

    Args:
        moment: The time of verification.
        settings: Names and values of settings, as text.
        has_trust: Whether trust anchors are configured.
    """
    from dcmseal.version import __version__

    return ReportContext(version=__version__, moment=moment, settings=tuple(settings), has_trust=has_trust)


def write_report(
    path: str | os.PathLike[str],
    writer: ReportWriter,
    files: Sequence[ReportedFile],
    context: ReportContext,
    rights: FilePermissions | None = None,
) -> None:
    """Write a report about a few files: the complete file, or none.

    Args:
        path: The file to write, which is replaced if it exists.
        writer: The plugin for the format.
        files: The files, in order.
        context: How the report was made.
        rights: Who may read the file; None for the permissions of the umask.

    Raises:
        OutputError: The file cannot be written.
        PluginBroken: The writer fails.
    """
    _write(writer.write(files, context), path, rights)


def write_archive_report(
    path: str | os.PathLike[str],
    writer: ArchiveReportWriter,
    report: ArchiveReport,
    context: ReportContext,
    rights: FilePermissions | None = None,
) -> None:
    """Write a report about many files: the complete file, or none.

    Args:
        path: The file to write, which is replaced if it exists.
        writer: The plugin for the format.
        report: The totals and the files that need attention.
        context: How the report was made.
        rights: Who may read the file; None for the permissions of the umask.

    Raises:
        OutputError: The file cannot be written.
        PluginBroken: The writer fails.
    """
    _write(writer.write_archive(report, context), path, rights)


def _write(pieces: Iterable[bytes], path: str | os.PathLike[str], rights: FilePermissions | None) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        raise OutputError(f"{os.fspath(path)} is not a regular file", hint="it would be replaced: name a file")
    write_chunks(pieces, path, rights)


def _iter_certificates(report: VerificationReport) -> Iterator[bytes]:
    """Iterate over the certificates of signers, of their chains, and of timestamp authorities."""
    for each in report.signatures:
        yield each.signature.certificate
        yield from each.trust.chain if each.trust else ()
        if each.certified_time is not None:
            yield each.certified_time.authority


def _certificate_facts(value: bytes) -> CertificateFacts:
    try:
        certificate = read_certificate(value)
    except CertificateNotValid as error:
        return CertificateFacts(problem=str(error))
    return CertificateFacts(
        subject=certificate.subject,
        issuer=certificate.issuer,
        serial_number=f"{certificate.serial_number:x}",
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        key=_format_key(certificate),
        sha256=certificate.sha256,
    )


def _format_key(certificate: Certificate) -> str:
    kind = certificate.key_type.value if certificate.key_type else f"{certificate.algorithm.name} (not supported)"
    return f"{kind}, {certificate.key_bits} bits" if certificate.key_bits else kind
