"""Checks of the keys, trust setups and policies in the configuration file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.cli.error_hints import to_shell_hint
from dcmseal.cli.render.signature_format import format_elements
from dcmseal.cli.render.tone import Tone
from dcmseal.config.key_setup import KeySetup
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.config.policy_setup import PolicySetup
from dcmseal.errors import SealError
from dcmseal.plugins import registry
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.trust import TrustSettings
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document


class KeyCheck(Struct, frozen=True, kw_only=True):
    """A key setup, and whether what it names exists on this machine."""

    setup: KeySetup
    open_result: str
    """What was found when the key was opened; empty if that was not asked for."""
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading."""
        return self.setup.name

    @property
    def tone(self) -> Tone:
        """The tone of the heading."""
        return Tone.BAD if self.problems else Tone.GOOD

    def fields(self) -> list[tuple[str, str]]:
        """The result as values with labels."""
        setup = self.setup
        return [
            ("key", setup.uri),
            ("PIN", str(setup.pin_source) if setup.pin_source else "prompted for if needed"),
            ("profile", setup.profile or ""),
            ("MAC algorithm", setup.algorithm or ""),
            ("purpose", setup.purpose.meaning if setup.purpose else ""),
            ("require intact", "yes" if setup.require_intact else ""),
            ("opened", self.open_result),
        ]

    def document(self) -> Document:
        """The result as JSON."""
        setup = self.setup
        return {
            "name": setup.name,
            "uri": setup.uri,
            "pin_source": f"{setup.pin_source.kind}:{setup.pin_source.name}" if setup.pin_source else "",
            "profile": setup.profile or "",
            "algorithm": setup.algorithm or "",
            "purpose": setup.purpose.name.lower() if setup.purpose else "",
            "require_intact": setup.require_intact,
            "certificate": self.open_result,
            "problems": [*self.problems],
        }


def load_plugins(folder: Path | None) -> tuple[registry.Registry, list[str]]:
    """Load the installed plugins with the profiles in a folder; also returns the problems of these."""
    plugins = registry.installed_registry()
    if folder is None:
        return plugins, []
    try:
        plugins = plugins.with_profile_folder(os.fspath(folder))
    except SealError as error:
        return plugins, [format_error(error)]
    return plugins, [each.problem for each in plugins.plugins() if not each.distribution and each.problem]


def examine_key_setup(setup: KeySetup, plugins: registry.Registry, *, open_key: bool) -> KeyCheck:
    """Check what a key setup names; the key is opened only on request."""
    problems = list(_iter_problems(setup, plugins))
    opened = ""
    if open_key and not problems:
        try:
            opened = _open_key(setup)
        except SealError as error:
            problems.append(format_error(error))
    return KeyCheck(setup=setup, open_result=opened, problems=tuple(problems))


def _iter_problems(setup: KeySetup, plugins: registry.Registry) -> Iterator[str]:
    yield from iter_error_text(lambda: plugins.signer_backend(KeyUri.parse(setup.uri).scheme))
    if setup.profile is not None:
        profile = setup.profile
        yield from iter_error_text(lambda: plugins.profile(profile))
    for file in setup.files:
        if not file.is_file():
            yield f"file not found: {file}"
    if setup.pin_source:
        yield from _iter_pin_source_problems(setup.pin_source)


def _iter_pin_source_problems(source: PinSource) -> Iterator[str]:
    """Iterate over problems of a PIN source; the PIN itself is not read."""
    match source.kind:
        case PinKind.ENVIRONMENT if source.name not in os.environ:
            yield f"environment variable {source.name} is not set"
        case PinKind.FILE if not os.access(source.name, os.R_OK):
            yield f"cannot read {source.name}"
        case PinKind.KEYRING:
            from importlib.util import find_spec

            if find_spec("keyring") is None:
                yield "the package keyring is not installed; pip install 'dcmseal[keyring]'"
        case _:
            pass


def iter_error_text(action: Callable[[], object]) -> Iterator[str]:
    """Call an action, and yield the text of its error, if any."""
    try:
        action()
    except SealError as error:
        yield format_error(error)


def _open_key(setup: KeySetup) -> str:
    """Open the key with its passphrase or PIN; returns a description of its certificate."""
    from dcmseal.cli.options.secret_options import load_secrets
    from dcmseal.macro.signer_certificate import read_certificate

    with registry.installed_registry().open_signer(setup.uri, load_secrets(setup.pin_source, setup.name)) as signer:
        certificate = read_certificate(signer.certificate_chain[0])
    return f"{certificate.subject}, valid from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"


def format_error(error: SealError) -> str:
    """Format an error with its hint."""
    hint = to_shell_hint(error).hint
    return f"{error}; {hint}" if hint else str(error)


class TrustCheck(Struct, frozen=True, kw_only=True):
    """A trust setup, whose files were read."""

    name: str
    settings: TrustSettings
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading."""
        return f"trust {self.name}"

    @property
    def tone(self) -> Tone:
        """The tone of the heading."""
        return Tone.BAD if self.problems else Tone.GOOD

    def fields(self) -> list[tuple[str, str]]:
        """The result as values with labels."""
        settings = self.settings
        system = ("operating system",) if settings.system_anchors else ()
        return [
            ("anchors", ", ".join((*settings.anchors, *system))),
            ("intermediates", ", ".join(settings.intermediates)),
            ("CRLs", ", ".join(settings.crls)),
            ("OCSP", ", ".join(settings.ocsp_responses)),
            ("fetched", "CRLs and OCSP responses" if settings.fetch else ""),
            ("revocation", settings.revocation_mode.value),
            ("pinned", ", ".join(sorted((*settings.pinned_subjects, *settings.pinned_certificates)))),
            ("claimed time", settings.claimed_time.value),
            ("weak", settings.weak.value),
        ]

    def document(self) -> Document:
        """The result as JSON."""
        settings = self.settings
        return {
            "name": self.name,
            "scheme": settings.scheme,
            "anchors": [*settings.anchors],
            "system_anchors": settings.system_anchors,
            "intermediates": [*settings.intermediates],
            "crls": [*settings.crls],
            "ocsp_responses": [*settings.ocsp_responses],
            "fetch": settings.fetch,
            "revocation": settings.revocation_mode.value,
            "key_usages": [*sorted(settings.key_usages)],
            "extended_key_usages": [*sorted(settings.extended_key_usages)],
            "pinned_certificates": [*sorted(settings.pinned_certificates)],
            "pinned_subjects": [*sorted(settings.pinned_subjects)],
            "claimed_time": settings.claimed_time.value,
            "weak": settings.weak.value,
            "problems": [*self.problems],
        }


class PolicyCheck(Struct, frozen=True, kw_only=True):
    """A policy, whose profiles were looked up."""

    name: str
    setup: PolicySetup
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading."""
        return f"policy {self.name}"

    @property
    def tone(self) -> Tone:
        """The tone of the heading."""
        return Tone.BAD if self.problems else Tone.GOOD

    def fields(self) -> list[tuple[str, str]]:
        """The result as values with labels."""
        policy = self.setup.policy
        return [
            ("trust", self.setup.trust or "not set"),
            *(("require", str(rule)) for rule in policy.rules),
            ("covered", ", ".join(format_elements(sorted(policy.covered)))),
            ("signatures", str(policy.signatures or "")),
            ("signers", "must be different" if policy.distinct_signers else ""),
            ("additions", "every element must be signed" if policy.no_unsigned_additions else ""),
            ("timestamps", "required for every signature" if policy.timestamps else ""),
        ]

    def document(self) -> Document:
        """The result as JSON."""
        from dcmseal.documents.document_parts import element_values

        policy = self.setup.policy
        return {
            "name": self.name,
            "trust": self.setup.trust,
            "require": [str(rule) for rule in policy.rules],
            "covered": element_values(sorted(policy.covered)),
            "signatures": policy.signatures,
            "distinct_signers": policy.distinct_signers,
            "no_unsigned_additions": policy.no_unsigned_additions,
            "timestamps": policy.timestamps,
            "problems": [*self.problems],
        }


def examine_trust(name: str, settings: TrustSettings, plugins: Registry) -> TrustCheck:
    """Read all files that a trust setup names; nothing is downloaded."""
    return TrustCheck(
        name=name, settings=settings, problems=tuple(iter_error_text(lambda: Trust.open(settings, plugins)))
    )


def examine_policy(name: str, setup: PolicySetup, plugins: Registry) -> PolicyCheck:
    """Look up the profiles that a policy names."""
    return PolicyCheck(name=name, setup=setup, problems=tuple(_iter_missing_profiles(setup, plugins)))


def _iter_missing_profiles(setup: PolicySetup, plugins: Registry) -> Iterator[str]:
    for rule in setup.policy.rules:
        for each in rule.profiles:
            if isinstance(each, str):
                yield from iter_error_text(lambda name=each: plugins.profile(name))  # type: ignore[misc] # mypy cannot infer the default
