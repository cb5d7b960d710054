"""Exports while raters vote: every write waits for its turn, none fails for another one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from arena.models import Contender, Prompt, Rater
from rlhf import services
from rlhf.exporting import FORMATS
from rlhf.models import Dataset, Job
from rlhf.services import datasets
from tests.rlhf.votes import many_votes, thumb

pytestmark = pytest.mark.django_db(transaction=True)
VOTES = 30


@pytest.fixture
def written_beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Small chunks, progress after each, and before it a write of another connection.

    Its items are the writes so far.
    """
    written: list[int] = []
    pool = ThreadPoolExecutor(1)
    progress = datasets._Progress.__call__

    def write() -> None:
        written.append(Rater.objects.create(external_id=f"beside {len(written)}").pk)
        connection.close()

    def after_a_write(self: Any, done: int, total: int) -> None:
        pool.submit(write).result(timeout=30)
        progress(self, done, total)

    for module in ("judged", "thumbs"):
        monkeypatch.setattr(import_module(f"rlhf.selectors.{module}"), "CHUNK", 5)
    monkeypatch.setattr(datasets, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(datasets._Progress, "__call__", after_a_write)
    with pool:
        yield written


@pytest.fixture
def judged_by_raters(db: None) -> None:
    for number, vote in enumerate(many_votes(VOTES)):
        thumb(vote.battle, 0, 1 if number else -1)


@pytest.mark.parametrize("selection", [{}, {"agreement": "undisputed", "scrub": True}])
@pytest.mark.parametrize("name", FORMATS)
def test_others_write_between_the_chunks_of_an_export(
    judged_by_raters: None, written_beside: list[int], name: str, selection: dict[str, Any]
) -> None:
    dataset = services.create_dataset(format=name, selection=selection)
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.error) == (Job.State.SUCCEEDED, "")
    assert dataset.votes == VOTES
    assert len(written_beside) >= VOTES // 5


def test_others_write_while_a_run_prepares_its_inputs(
    judged_by_raters: None,
    written_beside: list[int],
    base: Contender,
    library: list[Prompt],
    stage: Callable[..., None],
) -> None:
    for name in ("reward", "kto", "sft"):
        run = services.create_run(stage=name)
        services.follow_run(
            run.pk, announce=services.announce_nothing, pace=services.Pace(poll_s=0.01)
        )
        run.refresh_from_db()
        assert (run.state, run.error) == (Job.State.SUCCEEDED, "")
    assert len(written_beside) >= 3 * VOTES // 5


def test_exports_asked_for_and_written_at_once(judged_by_raters: None) -> None:
    names = [*FORMATS][:4]
    barrier = Barrier(len(names))

    def export(name: str) -> None:
        try:
            barrier.wait(timeout=30)
            services.write_dataset(services.create_dataset(format=name).pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(export, names))
    assert [one.error for one in Dataset.objects.all()] == [""] * len(names)
    assert {one.state for one in Dataset.objects.all()} == {Job.State.SUCCEEDED}
