"""The options of a signature with their profile loaded, and the values that belong to one signature only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.plugins.profile import Profile
from dcmseal.plugins.registry_provider import RegistryProvider, no_plugins
from dcmseal.signing.signing_options import SignOptions

if TYPE_CHECKING:
    from datetime import datetime


class SigningContext(Struct, frozen=True, kw_only=True):
    """Everything a signature needs besides the file and the key."""

    options: SignOptions = SignOptions()
    profile: Profile | None = None
    """The profile that ``options`` names."""
    registry: RegistryProvider = no_plugins
    """Returns the plugins for URLs and timestamps."""
    uid: str | None = None
    """Digital Signature UID; None for a new one."""
    moment: datetime | None = None
    """Time of signing; None for now."""

    @classmethod
    def build(cls, options: SignOptions, registry: RegistryProvider, *, uid: str | None = None) -> SigningContext:
        """Load the profile that the options name.

        Args:
            options: The options of the signature.
            registry: Returns the plugins.
            uid: Digital Signature UID; None for a new one.

        Raises:
            ProfileError: The profile does not exist or cannot be read.
            PluginError: The plugin with the profile is broken.
        """
        profile = options.profile
        if isinstance(profile, str):
            profile = registry().profile(profile)
        return cls(options=options, profile=profile, registry=registry, uid=uid)
