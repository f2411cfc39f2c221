"""The compiled walker and the loops in Python do the same; how often that is tried is up to HYPOTHESIS_PROFILE."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmseal.walker.compiled import WALKER
from tests.support.walker_cases import SEEDS, WalkerCase, forget_headers, random_case, with_windows

pytestmark = pytest.mark.skipif(WALKER is None, reason="the compiled walker is not built, or turned off")
CASES_AT_ONCE = 50


@settings(deadline=None)
@given(seed=st.integers(0, 1 << 64))
def test_it_does_what_python_does(seed: int) -> None:
    random = Random(seed)
    for _ in range(CASES_AT_ONCE):
        case = random_case(random)
        if random.random() < 0.05:
            forget_headers()
        assert case.outcome(WALKER) == case.outcome(None), case


@pytest.mark.parametrize("check_padding", [False, True])
@pytest.mark.parametrize("is_file", [False, True])
@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_window_may_end_at_every_offset(number: int, *, is_file: bool, check_padding: bool) -> None:
    encoding, data = SEEDS[number]
    whole = WalkerCase(data=data, encoding=encoding, check_padding=check_padding, is_file=is_file)
    expected = whole.outcome(None)
    for case in with_windows(whole):
        assert case.outcome(WALKER) == expected, case.window_size


@pytest.mark.parametrize("number", range(len(SEEDS)))
def test_a_data_set_may_end_at_every_offset(number: int) -> None:
    encoding, data = SEEDS[number]
    for size in range(len(data)):
        case = WalkerCase(data=data[:size], encoding=encoding)
        assert case.outcome(WALKER) == case.outcome(None), size
