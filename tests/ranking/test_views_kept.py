"""What is dear to make is made once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ranking.selectors.kept import Kept


def test_a_value_is_made_once() -> None:
    made: list[str] = []
    kept: Kept[int] = Kept(size=2, seconds=60)
    for key in ("a", "a", "b", "a"):
        kept.get(key, lambda key=key: made.append(key) or len(made))  # type: ignore[misc]
    assert made == ["a", "b"]


def test_the_least_recently_used_goes_first() -> None:
    made: list[str] = []
    kept: Kept[str] = Kept(size=2, seconds=60)

    def get(key: str) -> str:
        return kept.get(key, lambda: made.append(key) or key)  # type: ignore[func-returns-value]

    for key in ("a", "b", "a", "c", "a", "b"):
        assert get(key) == key
    assert made == ["a", "b", "c", "b"]


def test_a_value_gets_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    kept: Kept[float] = Kept(size=1, seconds=10)
    assert kept.get("a", lambda: now) == 100
    now = 109.9
    assert kept.get("a", lambda: now) == 100
    now = 110.0
    assert kept.get("a", lambda: now) == 110


def test_what_is_dear_lasts_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    kept: Kept[float] = Kept(size=1, seconds=1, rest=20)

    def make() -> float:
        nonlocal now
        now += 0.5
        return now

    assert kept.get("a", make) == 100.5
    now = 110.4
    assert kept.get("a", make) == 100.5
    now = 110.5
    assert kept.get("a", make) == 111


def test_a_crowd_waits_for_the_one_who_makes_it() -> None:
    kept: Kept[int] = Kept(size=1, seconds=60)
    made, going = [], threading.Barrier(4, timeout=10)

    def make() -> int:
        made.append(1)
        return 7

    def ask() -> int:
        going.wait()
        return kept.get("a", make)

    with ThreadPoolExecutor(4) as pool:
        answers = [answer.result(10) for answer in [pool.submit(ask) for _ in range(4)]]
    assert answers == [7] * 4
    assert made == [1]


def test_an_error_is_not_kept() -> None:
    kept: Kept[int] = Kept(size=1, seconds=60)

    def fail() -> int:
        raise RuntimeError("no luck")

    with pytest.raises(RuntimeError):
        kept.get("a", fail)
    assert kept.get("a", lambda: 7) == 7
