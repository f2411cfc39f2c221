"""Errors that leave no secret behind: tracebacks hold the local variables of all functions that an error passed.

Error reporters show them, and so do debuggers and test runners.

>>> @strip_traceback
... def open_vault(pin):
...     code = pin + "-4711"
...     raise SealError("it is shut")
>>> try:
...     open_vault("1234")
... except SealError as error:
...     print(error.__traceback__.tb_next.tb_next, error.__context__)
None None
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from dcmseal.errors import SealError

P = ParamSpec("P")
R = TypeVar("R")


def strip_traceback(function: Callable[P, R]) -> Callable[P, R]:
    """Let the function's errors of dcmseal begin where it was called: its own frames, and what they caught, are gone.

    Give it no secret as an argument, but something that has it and does not show it.
    """

    @wraps(function)
    def run(*args: P.args, **named: P.kwargs) -> R:
        try:
            return function(*args, **named)
        except SealError as error:
            failure = error
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    return run
