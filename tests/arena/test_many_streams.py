"""What keeps many streams cheap: fewer events under load, and shared transactions."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.generation import saving
from arena.generation.pace import TICK_S, Pace
from arena.generation.saving import saver
from arena.generation.tempo import AT_LATEST_S, EVENT_EVERY_S, Tempo
from arena.live.hub import get_hub
from arena.models import Response
from arena.services.responses import Ending
from tests.arena.conftest import Arena


class Clock:
    """Stands in for the event loop's time."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now


class TestTempo:
    async def settle(self, streams: int, event_s: float) -> float:
        """The interval that so many streams end up with."""
        tempo, clock = Tempo(), Clock()
        tempo._loop, tempo._since = clock, 0.0  # type: ignore[assignment]
        for _ in range(50):
            clock.now += tempo.every_s
            for _ in range(streams):
                tempo.took(event_s)
        return tempo.every_s

    async def test_few_streams_send_ten_times_a_second(self) -> None:
        assert await self.settle(10, 0.0002) == EVENT_EVERY_S

    async def test_many_send_as_often_as_their_share_of_the_time_allows(self) -> None:
        assert await self.settle(500, 0.0002) == pytest.approx(500 * 0.0002 / 0.35, rel=0.35)

    async def test_nobody_waits_longer_than_the_limit(self) -> None:
        assert await self.settle(5_000, 0.001) == AT_LATEST_S


class TestSaving:
    async def test_what_ends_meanwhile_shares_a_transaction(
        self, arena: Arena, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = await self.pending(arena)
        batches: list[int] = []
        save = saving.finish_responses

        def counted(endings: Iterable[Ending]) -> None:
            batch = list(endings)
            batches.append(len(batch))
            save(batch)

        monkeypatch.setattr(saving, "finish_responses", counted)
        keeping = saver(get_hub())
        endings = [Ending(pk, Response.State.DONE, "said") for pk in ids]
        await asyncio.gather(*map(keeping.save, [*endings, *endings, *endings]))
        assert sum(batches) == 3 * len(ids)
        assert len(batches) <= 2
        states = Response.objects.filter(pk__in=ids).values_list("state", "text")
        assert {row async for row in states} == {("done", "said")}

    async def test_one_that_cannot_be_saved_does_not_take_the_others_with_it(
        self, arena: Arena
    ) -> None:
        ids = await self.pending(arena)
        keeping = saver(get_hub())
        outcomes = await asyncio.gather(
            keeping.save(Ending(ids[0], Response.State.DONE, "said")),
            keeping.save(Ending(ids[1], Response.State.DONE, "said", tokens=object())),  # type: ignore[arg-type]
            return_exceptions=True,
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], TypeError)
        assert (await Response.objects.aget(pk=ids[0])).state == Response.State.DONE

    async def pending(self, arena: Arena) -> list[int]:
        battle = await arena.start("echo", "fast")
        await arena.finished(battle["id"])
        rows = Response.objects.filter(turn__battle=battle["id"])
        await rows.aupdate(state=Response.State.PENDING, text="")
        return [pk async for pk in rows.values_list("pk", flat=True)]


class Pen:
    """A response by what a pace knows of it."""

    def __init__(self) -> None:
        self.length = self.shown = 0
        self.has_text = False
        self.writing = True
        self.heard_at = 0.0

    def show(self, count: int) -> None:
        self.shown += max(0, min(count, self.length - self.shown))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=60))
def test_while_both_write_neither_is_ahead_of_the_other(grown: list[tuple[int, int]]) -> None:
    async def run() -> None:
        pace, pens, clock = Pace(150), (Pen(), Pen()), Clock()
        pace._loop = clock  # type: ignore[assignment]
        for pen in pens:
            pace.join(pen)
        for more in grown:
            clock.now += TICK_S
            for pen, added in zip(pens, more, strict=True):
                pen.length += added
                pen.has_text = pen.has_text or added > 0
                pen.heard_at = clock.now
            pace._level = pace._reached(clock.now)
            for pen in pens:
                pen.show(int(pace._level) - pen.shown)
            assert pens[0].shown == pens[1].shown

    asyncio.run(run())
