"""The compiled walker and the loops in Python do the same."""

from __future__ import annotations

from random import Random

import pytest

from dcmseal.errors import UsageError
from dcmseal.walker.compiled import WALKER, Walker, load_walker
from tests.support.walker_cases import SEEDS, WalkerCase, forget_headers, random_case, with_windows

needs_walker = pytest.mark.skipif(WALKER is None, reason="the compiled walker is not built, or turned off")


@needs_walker
@pytest.mark.parametrize("seed", range(8))
def test_it_does_what_python_does(seed: int) -> None:
    random = Random(seed)
    for _ in range(400):
        case = random_case(random)
        assert case.outcome(WALKER) == case.outcome(None), case


@pytest.mark.parametrize("walker", [pytest.param(WALKER, marks=needs_walker), None], ids=["compiled", "python"])
def test_what_was_met_before_changes_nothing(walker: Walker | None) -> None:
    random = Random(0)
    for _ in range(300):
        case = random_case(random)
        forget_headers()
        first = case.outcome(walker)
        assert case.outcome(walker) == first, case


@pytest.mark.parametrize("check_padding", [False, True])
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_window_may_end_anywhere(number: int, *, check_padding: bool) -> None:
    encoding, data = SEEDS[number]
    whole = WalkerCase(data=data, encoding=encoding, check_padding=check_padding)
    expected = whole.outcome(None)
    for case in with_windows(whole)[:: max(1, len(data) // 100)]:
        assert case.outcome(WALKER) == expected, case.window_size


def test_it_may_be_turned_off() -> None:
    assert load_walker("no") is None
    with pytest.raises(UsageError, match="DCMSEAL_COMPILED is 'yes'"):
        load_walker("yes")
