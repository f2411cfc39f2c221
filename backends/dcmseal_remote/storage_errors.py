"""Translates exceptions of libraries into errors of dcmseal, without their messages, which may contain secrets."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from dcmseal.errors import DatasetError, OutputError, SealError, StorageUnavailable
from dcmseal.plugins.guard import to_single_line
from dcmseal.plugins.storage_urls import redact_secrets

CREDENTIALS: Final = (
    "credentials come from the environment or the configuration files of the storage, such as AWS_PROFILE or ~/.aws"
)
NETWORK: Final = f"check the URL and the network; {CREDENTIALS}"
_REFUSED: Final = frozenset(
    {errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOSYS}
)


@contextmanager
def translate_errors(url: str, *, package: str = "fsspec", writing: bool = False) -> Generator[None]:
    """Turn exceptions into errors of dcmseal.

    Args:
        url: The object; messages do not show its secrets.
        package: The package that the storage needs.
        writing: Whether the object is written, not read.
    """
    kind: type[SealError] = OutputError if writing else DatasetError
    name = redact_secrets(url)
    verb = "written" if writing else "read"
    try:
        yield
    except SealError:
        raise
    except ImportError:
        extra = "'dcmseal[remote]'" if package in ("fsspec", "s3fs") else f"'dcmseal[remote]' {package}"
        raise StorageUnavailable(
            f"{name} needs the package {package}, which is not installed", hint=f"pip install {extra}"
        ) from None
    except FileNotFoundError:
        raise kind(f"{name} does not exist", hint="check the URL") from None
    except PermissionError:
        raise kind(f"{name} cannot be {verb}: permission denied", hint=CREDENTIALS) from None
    except FileExistsError:
        raise changed_error(name) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else to_single_line(type(error).__name__)
        if error.errno in _REFUSED:
            raise kind(f"{name} cannot be {verb}: {reason}", hint=NETWORK) from None
        raise StorageUnavailable(f"{name} cannot be reached: {reason}", hint=NETWORK) from None
    except Exception as error:  # noqa: BLE001 - libraries raise their own exceptions, whose messages may contain secrets
        raise StorageUnavailable(
            f"{name} cannot be reached: {to_single_line(type(error).__name__)}", hint=NETWORK
        ) from None


def changed_error(url: str) -> OutputError:
    """Build the error for an object that is not the one to be replaced."""
    return OutputError(
        f"{redact_secrets(url)} exists already, or has changed in the meantime",
        hint="nothing was written: check the object, and try again",
    )


def changed_while_read_error(url: str) -> DatasetError:
    """Build the error for an object that changed while it was read."""
    return DatasetError(f"{redact_secrets(url)} changed while it was read", hint="try again")
