"""What an error discloses to whoever reports it: its text, those of the errors behind it, and local variables."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from typing import Final, cast

_ADDRESS: Final = re.compile("0x[0-9a-f]+")


def iter_error_texts(error: BaseException) -> Iterator[str]:
    """A traceback as it is printed, and what error reporters show of it and of the errors behind it.

    They show local variables, and errors that are hidden by ``from None``, too.
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
    except Exception:  # noqa: BLE001 - what has no repr cannot show anything by it
        return ""


def assert_not_disclosed(secret: str, *texts: str) -> None:
    """Fail if one of the texts has the secret in it, and do not show it."""
    # No assert statement: its explanation would show the secret. An address may contain a short PIN by chance.
    for number, text in enumerate(texts, 1):
        if secret in _ADDRESS.sub("", text):
            raise AssertionError(f"the secret is shown by text {number} of {len(texts)}: a repr, log, output or error")
