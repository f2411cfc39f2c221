"""What trust setups and policies of the configuration file come to on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.cli.describing import format_elements
from dcmseal.cli.examining import iter_error_text
from dcmseal.cli.output import Tone
from dcmseal.config.policies import PolicySetup
from dcmseal.engine.trusting import Trust
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.trust import TrustSettings

if TYPE_CHECKING:
    from dcmseal.engine.json_values import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCheck:
    """A trust setup; its files were read."""

    name: str
    settings: TrustSettings
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        """How it is headed."""
        return f"trust {self.name}"

    @property
    def tone(self) -> Tone:
        """How its name is shown."""
        return Tone.BAD if self.problems else Tone.GOOD

    def fields(self) -> list[tuple[str, str]]:
        """What it comes to, in labelled values."""
        settings = self.settings
        system = ("those of the operating system",) if settings.system_anchors else ()
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
        """The same for programs."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCheck:
    """A policy; its profiles were looked for."""

    name: str
    setup: PolicySetup
    problems: tuple[str, ...]

    @property
    def title(self) -> str:
        """How it is headed."""
        return f"policy {self.name}"

    @property
    def tone(self) -> Tone:
        """How its name is shown."""
        return Tone.BAD if self.problems else Tone.GOOD

    def fields(self) -> list[tuple[str, str]]:
        """What it comes to, in labelled values."""
        policy = self.setup.policy
        return [
            ("trust", self.setup.trust or "left to the command line"),
            *(("require", str(rule)) for rule in policy.rules),
            ("covered", ", ".join(format_elements(sorted(policy.covered)))),
            ("signatures", str(policy.signatures or "")),
            ("signers", "have to be different" if policy.distinct_signers else ""),
            ("additions", "nothing may be unsigned" if policy.no_unsigned_additions else ""),
            ("timestamps", "demanded of every signature" if policy.timestamps else ""),
        ]

    def document(self) -> Document:
        """The same for programs."""
        from dcmseal.engine.document_values import element_values

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
    """Read all that a trust setup names; nothing is fetched."""
    return TrustCheck(
        name=name, settings=settings, problems=tuple(iter_error_text(lambda: Trust.open(settings, plugins)))
    )


def examine_policy(name: str, setup: PolicySetup, plugins: Registry) -> PolicyCheck:
    """Look for the profiles that a policy names."""
    return PolicyCheck(name=name, setup=setup, problems=tuple(_iter_missing_profiles(setup, plugins)))


def _iter_missing_profiles(setup: PolicySetup, plugins: Registry) -> Iterator[str]:
    for rule in setup.policy.rules:
        for each in rule.profiles:
            if isinstance(each, str):
                yield from iter_error_text(lambda name=each: plugins.profile(name))  # type: ignore[misc]
