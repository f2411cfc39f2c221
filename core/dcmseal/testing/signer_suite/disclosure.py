"""Collect what an error report may disclose: messages of the error and its causes, and local variables."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Final, cast

_ADDRESS: Final = re.compile("0x[0-9a-f]+")


def iter_error_texts(error: BaseException) -> Iterator[str]:
    """Yield the printed traceback, and everything that error reporters show of an error and its causes.

    Error reporters also show local variables, and errors hidden by ``from None``.
    """
    yield "".join(traceback.format_exception(error))
    seen: set[int] = set()
    behind: list[BaseException | None] = [error]
    while behind:
        each = behind.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            behind += (each.__cause__, each.__context__)
            if isinstance(each, BaseExceptionGroup):
                behind += cast("BaseExceptionGroup[BaseException]", each).exceptions
            yield f"{each} {each.args!r} {vars(each)!r}"
            for frame, _ in traceback.walk_tb(each.__traceback__):
                yield from (f"{name} = {_safe_repr(value)}" for name, value in frame.f_locals.items())


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - without a repr, a value discloses nothing
        return ""


def assert_not_disclosed(secret: str, *texts: str) -> None:
    """Fail if a text contains the secret, without showing the secret."""
    # An assert statement would show the secret. An address may contain a short PIN by chance.
    for number, text in enumerate(texts, 1):
        if secret in _ADDRESS.sub("", text):
            raise AssertionError(f"text {number} of {len(texts)} contains the secret: a repr, log, output or error")
