"""Contributes the profiles of the standard; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import Profile


@hookimpl
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute ``none``, the four profiles of PS3.15 Annex C, and the profile of A.4."""
    from dcmseal_profiles.authorization_rsa import AuthorizationRsa
    from dcmseal_profiles.base_rsa import BaseRsa
    from dcmseal_profiles.basic_sr_signatures import BasicSrSignatures
    from dcmseal_profiles.creator_rsa import CreatorRsa
    from dcmseal_profiles.no_profile import NoProfile
    from dcmseal_profiles.structured_report_rsa import StructuredReportRsa

    return (
        NoProfile(),
        BaseRsa(),
        CreatorRsa(),
        AuthorizationRsa(),
        StructuredReportRsa(),
        BasicSrSignatures(),
    )
