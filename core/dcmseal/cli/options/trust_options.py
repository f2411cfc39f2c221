"""Options for trust in the signer: a trust setup of the configuration file, and additions to it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from dcmseal.cli.completers import set_completer
from dcmseal.cli.options.policy_options import make_name_completer
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.plugins.trust import TrustSettings


def load_certificates(files: Iterable[str]) -> tuple[bytes, ...]:
    """The certificates of all these files, in DER; raises UsageError if one has none."""
    return tuple(certificate for file in files for certificate in _load_certificate_file(file))


def _load_certificate_file(file: str) -> Iterator[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding

    from dcmseal.errors import UsageError
    from dcmseal.plugins import certificate_files

    for each in certificate_files.load_certificates(file, unreadable=UsageError, invalid=UsageError):
        yield each.public_bytes(Encoding.DER)


_LIST_OPTIONS: Final = ("trust_anchor", "intermediate", "crl", "ocsp_response", "key_usage", "extended_key_usage")
_PIN_OPTIONS: Final = ("pin_certificate", "pin_subject")
_CHOICE_OPTIONS: Final = ("revocation", "claimed_time")
_FLAG_OPTIONS: Final = ("system_anchors", "fetch", "fetch_issuers", "accept_weak")


def add_trust_options(parser: Parser) -> None:
    """Add the options for trust in the signer."""
    group = parser.add_argument_group("trust in the signer (FILE can be a folder; options can be repeated)")
    action = group.add_argument("--trust", metavar="NAME", help="use [trust.NAME] of the configuration file")
    set_completer(action, make_name_completer(lambda config: config.trust))
    for option, metavar, meaning in (
        ("--trust-anchor", "FILE", "trust the authority or signer with this certificate"),
        ("--intermediate", "FILE", "use these intermediate certificates"),
        ("--crl", "FILE", "use these certificate revocation lists"),
        ("--ocsp-response", "FILE", "use these OCSP responses"),
        ("--pin-certificate", "SHA256", "trust only this certificate"),
        ("--pin-subject", "NAME", "trust only this subject, such as CN=CT 3,O=Hospital"),
        ("--key-usage", "USAGE", "accept this key usage (default: digital_signature, non_repudiation)"),
        ("--extended-key-usage", "USAGE", "accept only this extended key usage, by name or OID (default: any)"),
    ):
        group.add_argument(option, metavar=metavar, action="append", default=[], help=meaning)
    group.add_argument(
        "--system-anchors", action="store_true", help="also trust the authorities of the operating system"
    )
    group.add_argument(
        "--revocation",
        choices=("off", "soft", "hard"),
        help="off: do not check; soft (default): refuse certificates known to be revoked; hard (default if CRLs or "
        "OCSP responses are given or fetched): also require a known status",
    )
    group.add_argument("--fetch", action="store_true", help="download CRLs and OCSP responses")
    group.add_argument(
        "--fetch-issuers",
        action="store_true",
        help="download missing intermediate certificates from the addresses in certificates; the author of a file can "
        "choose these addresses",
    )
    group.add_argument(
        "--claimed-time",
        choices=("accept", "indeterminate", "refuse"),
        help="how to judge certificates that expired or were revoked after the claimed signing time "
        "(default: indeterminate)",
    )
    group.add_argument("--accept-weak", action="store_true", help="accept weak algorithms and small keys")


def parse_trust_settings(options: Namespace, policy_trust: str = "") -> TrustSettings | None:
    """The trust settings of the options and of the policy's trust setup; None without any. Raises UsageError."""
    if policy_trust and options.trust not in (None, policy_trust):
        raise UsageError(f"the policy uses [trust.{policy_trust}]", hint="remove --trust or --policy")
    name = policy_trust or options.trust
    if not name and not any(
        getattr(options, each) for each in (*_LIST_OPTIONS, *_PIN_OPTIONS, *_CHOICE_OPTIONS, *_FLAG_OPTIONS)
    ):
        return None
    if options.integrity_only:
        raise UsageError("--integrity-only and trust options exclude each other", hint="remove one of them")
    return _load_trust_settings(options, name)


def _load_trust_settings(options: Namespace, name: str | None) -> TrustSettings:
    """The named trust setup with the additions of the options; raises UsageError."""
    from msgspec.structs import replace

    from dcmseal.plugins.trust import RevocationMode, Strictness, TrustSettings

    base = TrustSettings()
    if name:
        from dcmseal.config.config_file import load_config

        base = load_config(options.config).trust_setup(name)
    return replace(
        base,
        anchors=(*base.anchors, *options.trust_anchor),
        intermediates=(*base.intermediates, *options.intermediate),
        crls=(*base.crls, *options.crl),
        ocsp_responses=(*base.ocsp_responses, *options.ocsp_response),
        pinned_certificates=base.pinned_certificates.union(options.pin_certificate),
        pinned_subjects=base.pinned_subjects.union(options.pin_subject),
        key_usages=frozenset(options.key_usage) or base.key_usages,
        extended_key_usages=frozenset(options.extended_key_usage) or base.extended_key_usages,
        system_anchors=base.system_anchors or options.system_anchors,
        fetch=base.fetch or options.fetch,
        fetch_issuers=base.fetch_issuers or options.fetch_issuers,
        revocation=RevocationMode(options.revocation) if options.revocation else base.revocation,
        claimed_time=Strictness(options.claimed_time) if options.claimed_time else base.claimed_time,
        weak=Strictness.ACCEPT if options.accept_weak else base.weak,
    )
