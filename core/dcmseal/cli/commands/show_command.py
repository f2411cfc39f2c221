"""``dcmseal show``: shows signatures in detail, or which elements they cover."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.parser import Parser
from dcmseal.cli.render.coverage_tree import add_tree_options
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.cli.render.screens import Screen
    from dcmseal.macro.inspection import Signature, SignedElement

_EXAMPLES = """
  dcmseal show signed.dcm                     all signatures
  dcmseal show signed.dcm -v                  with certificates and elements
  dcmseal show signed.dcm --uid 2.25.1234
  dcmseal show 2.25.1234 signed.dcm           the same
  dcmseal show signed.dcm --tree              every element and its signatures"""


def configure(parser: Parser) -> None:
    """Add the arguments."""
    parser.describe(
        "FILE [UID] [options]",
        "Show signatures in detail; nothing is verified. Or, with --tree, show which elements they cover.",
        _EXAMPLES,
    )
    parser.add_argument("words", metavar="FILE", nargs="+", help="DICOM file or URL; - for standard input")
    parser.add_uid("show only the signature with this Digital Signature UID")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show every field, the certificate, and all signed elements"
    )
    add_tree_options(parser)
    parser.add_json()


def run(options: Namespace) -> int:
    """Show all signatures, or the requested one."""
    from dcmseal.api.inspect import signatures
    from dcmseal.cli.file_arguments import open_input_file
    from dcmseal.cli.options.signature_selection import parse_file_and_uid, select_signature
    from dcmseal.cli.render.screens import make_screen, write_json

    file, uid = parse_file_and_uid(options)
    if options.tree:
        from dcmseal.cli.render.coverage_tree import show_tree

        return show_tree(
            file, uid, as_json=options.json, show_values=options.show_values, every_item=options.every_item
        )
    with open_input_file(file) as source:
        found = signatures(source)
    if uid is not None or not found:
        found = (select_signature(found, uid, file),)
    if options.json:
        from dcmseal.documents.document_builders import signature_document, signatures_document

        write_json(signatures_document(found, file) if uid is None else signature_document(found[0], file))
        return ExitCode.OK
    to = make_screen()
    for number, each in enumerate(found):
        if number:
            to.line()
        _show_signature(each, to, verbose=options.verbose)
    return ExitCode.OK


def _show_signature(signature: Signature, to: Screen, *, verbose: bool) -> None:
    from dcmseal.cli.render.screens import write_fields
    from dcmseal.cli.render.tone import Tone

    to.line(f"signature {signature.uid or '(without UID)'}", Tone.HEADING)
    if not verbose:
        write_fields(to, _summary_fields(signature))
        return
    write_fields(to, _signature_fields(signature))
    to.line("certificate", Tone.HEADING)
    write_fields(to, _certificate_fields(signature))
    to.line(f"signed elements: {len(signature.elements)}", Tone.HEADING)
    if signature.elements:
        to.table(("TAG", "VR", "NAME", "PRESENT"), [_element_row(each) for each in signature.elements])


def _summary_fields(signature: Signature) -> list[tuple[str, str]]:
    from dcmseal.cli.render import signature_format
    from dcmseal.cli.render.text_layout import format_count
    from dcmseal.errors import CertificateNotValid

    content = signature.content
    absent = sum(not each.present for each in signature.elements)
    elements = format_count(len(signature.elements), "element") + (f", {absent} of them absent" if absent else "")
    try:
        certificate = signature.certificate
    except CertificateNotValid as error:
        signer = [("signer", f"(unknown: {error})")]
    else:
        signer = [
            ("signer", certificate.subject),
            ("issuer", certificate.issuer),
            ("valid", f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"),
        ]
    return [
        ("location", str(signature.location)),
        ("time", f"{signature_format.format_signing_time(content)}, claimed"),
        *signer,
        ("purpose", signature_format.format_purpose(signature.purpose)),
        ("timestamp", _format_timestamp(signature)),
        ("MAC algorithm", signature_format.format_mac_algorithm(content)),
        ("MAC syntax", signature_format.format_transfer_syntax(signature.mac_transfer_syntax)),
        ("signed", f"{elements} (-v lists them)"),
    ]


def _signature_fields(signature: Signature) -> list[tuple[str, str]]:
    from dcmseal.cli.render import signature_format

    content = signature.content
    return [
        ("location", str(signature.location)),
        ("time", f"{signature_format.format_signing_time(content, exact=True)}, claimed"),
        ("purpose", signature_format.format_purpose(signature.purpose)),
        ("timestamp", _format_timestamp(signature)),
        ("MAC ID", "none" if content.mac_id is None else str(content.mac_id)),
        ("MAC algorithm", signature_format.format_mac_algorithm(content)),
        ("MAC syntax", signature_format.format_transfer_syntax(signature.mac_transfer_syntax, with_uid=True)),
        ("value", f"{len(content.value)} bytes"),
    ]


def _certificate_fields(signature: Signature) -> list[tuple[str, str]]:
    """Return the fields of the signer's certificate, with labels."""
    from dcmseal.errors import CertificateNotValid

    type_of = ("type", signature.content.certificate_type)
    try:
        certificate = signature.certificate
    except CertificateNotValid as error:
        return [type_of, ("problem", str(error))]
    curve = getattr(getattr(certificate.public_key, "curve", None), "name", "")
    kind = certificate.key_type.value if certificate.key_type else f"{certificate.algorithm.name} (not supported)"
    size = f"{certificate.key_bits} bits" if certificate.key_bits else ""
    return [
        type_of,
        ("subject", certificate.subject),
        ("issuer", certificate.issuer),
        ("serial", f"{certificate.serial_number:x}"),
        ("valid", f"{certificate.not_before} to {certificate.not_after}"),
        ("key", " ".join(filter(None, (kind, curve, size)))),
        ("SHA-256", certificate.sha256),
    ]


def _format_timestamp(signature: Signature) -> str:
    content = signature.content
    if not content.timestamp and not content.timestamp_type:
        return "none"
    return f"{content.timestamp_type or '(without type)'}, {len(content.timestamp)} bytes"


def _element_row(element: SignedElement) -> tuple[str, ...]:
    from dcmseal.tags import format_tag

    name = element.keyword or element.name or "(unknown)"
    return format_tag(element.tag), element.vr, name, "yes" if element.present else "no"
