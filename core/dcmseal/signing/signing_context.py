"""The options of a signature with their profile loaded, and the values that belong to one signature only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.plugins.profile import Profile
from dcmseal.signing.signing_options import SignOptions

if TYPE_CHECKING:
    from datetime import datetime

    from dcmseal.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningContext:
    """Everything a signature needs besides the file and the key."""

    options: SignOptions = SignOptions()
    profile: Profile | None = None
    """The profile that ``options`` names."""
    registry: Registry | None = None
    """The plugins; None for all that are installed."""
    uid: str | None = None
    """Digital Signature UID; None for a new one."""
    moment: datetime | None = None
    """Time of signing; None for now."""

    @classmethod
    def build(cls, options: SignOptions, registry: Registry | None = None, *, uid: str | None = None) -> SigningContext:
        """Load the profile that the options name.

        Raises:
            ProfileError: The profile does not exist or cannot be read.
            PluginError: The plugin with the profile is broken.
        """
        profile = options.profile
        if isinstance(profile, str):
            from dcmseal.plugins.registry import installed_registry

            profile = (registry or installed_registry()).profile(profile)
        return cls(options=options, profile=profile, registry=registry, uid=uid)
