"""What libraries raise, as errors of dcmseal: nothing of their texts but what the operating system would say."""

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
    "credentials come from the environment or the configuration files of the storage, as in AWS_PROFILE or ~/.aws"
)
NETWORK: Final = f"check the URL and the network; {CREDENTIALS}"
_REFUSED: Final = frozenset(
    {errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOSYS}
)


@contextmanager
def translate_errors(url: str, *, package: str = "fsspec", writing: bool = False) -> Generator[None]:
    """Turn whatever is raised into an error of dcmseal: what is wrong with the object, or that it is out of reach."""
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
        raise kind(f"{name} is not there", hint="check the URL") from None
    except PermissionError:
        raise kind(f"{name} cannot be {verb}: it is not allowed", hint=CREDENTIALS) from None
    except FileExistsError:
        raise changed_error(name) from None
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else to_single_line(type(error).__name__)
        if error.errno in _REFUSED:
            raise kind(f"{name} cannot be {verb}: {why}", hint=NETWORK) from None
        raise StorageUnavailable(f"{name} is out of reach: {why}", hint=NETWORK) from None
    except Exception as error:  # noqa: BLE001 - libraries have errors of their own, whose text may hold a secret
        raise StorageUnavailable(
            f"{name} is out of reach: {to_single_line(type(error).__name__)}", hint=NETWORK
        ) from None


def changed_error(url: str) -> OutputError:
    """What is raised where another object is than the one to be replaced."""
    return OutputError(
        f"{redact_secrets(url)} is there already, or changed in the meantime",
        hint="nothing was written: look at it, and try again",
    )


def changed_while_read_error(url: str) -> DatasetError:
    """What is raised where the rest of an object would be of another version."""
    return DatasetError(f"{redact_secrets(url)} changed while it was read", hint="try again")
