"""What ``dcmseal sign`` is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.cli.options.site_profiles import load_registry

if TYPE_CHECKING:
    from dcmseal.batch.tasks.skip_rule import SkipRule
    from dcmseal.cli.options.archive_options import ArchiveOptions
    from dcmseal.cli.options.destination_options import Destination
    from dcmseal.cli.options.key_options import KeyOptions
    from dcmseal.cli.options.output_form import OutputForm
    from dcmseal.plugins.registry import Registry
    from dcmseal.signing.signing_options import SignOptions


class SignRequest(Struct, frozen=True, kw_only=True):
    """The files to sign, how to sign them, and where results go."""

    words: tuple[str, ...]
    """The inputs, and with ``IN OUT`` the output."""
    destination: Destination
    key: KeyOptions
    options: SignOptions
    form: OutputForm
    archive: ArchiveOptions | None = None
    """How to process many files; None for files given one by one."""
    skip: tuple[SkipRule, ...] = ()
    """Which of many files to skip, because they are signed already."""
    config: str | None = None
    """The configuration file; None for the one of the user."""
    dry_run: bool = False
    """Whether to plan only."""

    def load_registry(self) -> Registry | None:
        """The plugins, if a profile is to be met; raises UsageError or ProfileFileError."""
        return load_registry(self.config) if self.options.profile else None
