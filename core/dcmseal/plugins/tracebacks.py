"""Keep secrets out of tracebacks, which contain the local variables of all functions that an error passed through.

Error reporters, debuggers and test runners show these variables.

>>> @strip_traceback
... def open_vault(pin):
...     code = pin + "-4711"
...     raise SealError("the vault is locked")
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
    """Decorate a function so that the traceback of its errors of dcmseal starts at the caller.

    Frames of the function, and exceptions that it caught, are removed. Do not pass a secret to the function as an
    argument, but an object whose repr does not show the secret.
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
