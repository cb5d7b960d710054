"""From the click that starts a run to its page, its first step and its first figure there.

    python -m benchmarks.first_metric [--stages reward sft] [--rounds 3]

A whole arena in a folder of its own: web process, worker, Redis, 200 votes on made-up texts, and
SmolLM2-135M as the base. Nothing of a run is warm: its votes are frozen to a dataset, its process
starts Python, torch and the model. This process holds the clock and listens on the run's socket.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Sequence

import aiohttp
from asgiref.sync import sync_to_async

from benchmarks.running import Running, percentile, running_arena

VOTES, WORDS = 200, [f"word{number}" for number in range(500)]
GIVE_UP_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", nargs="+", default=["reward", "sft"])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(measure(options.stages, options.rounds))


async def measure(stages: Sequence[str], rounds: int) -> None:
    async with running_arena(tokens=1, worker=True, queues="default,training") as arena:
        token, cookies = await asyncio.to_thread(_furnish)
        headers = {"Authorization": f"Bearer {token}"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(
            headers=headers, cookies=cookies, cookie_jar=jar
        ) as operator:
            print(f"Seconds after the click, the median of {rounds}")
            print(f"{'stage':<12}{'its page':>10}{'first step':>12}{'first figure':>14}")
            for stage in stages:
                found = [await _run(operator, arena, stage) for _ in range(rounds)]
                page, step, figure = (percentile(list(one), 50) for one in zip(*found, strict=True))
                print(f"{stage:<12}{page:>10.2f}{step:>12.2f}{figure:>14.2f}", flush=True)


async def _run(
    operator: aiohttp.ClientSession, arena: Running, stage: str
) -> tuple[float, float, float]:
    """Starts a run, follows it up to its first figure, and cancels it."""
    begun = time.monotonic()
    body = {"stage": stage} if stage == "reward" else {"stage": stage, "base": "smol"}
    async with operator.post(f"{arena.base}/api/v1/runs", json=body) as answer:
        if answer.status != 201:
            raise RuntimeError(await answer.text())
        pk = (await answer.json())["id"]
    async with operator.get(f"{arena.base}/lab/runs/{pk}/") as page:
        if f'data-run="{pk}"' not in await page.text():
            raise RuntimeError(f"No page of the run: {page.status}, {page.url}")
    opened, stepped = time.monotonic() - begun, 0.0
    async with asyncio.timeout(GIVE_UP_S), operator.ws_connect(f"{arena.base}/ws/runs/{pk}/") as ws:
        async for message in ws:
            event = message.json()
            if event["state"] not in {"queued", "running"}:
                raise RuntimeError(f"The run is {event['state']}: see its log.")
            if event["total"] and not stepped:
                stepped = time.monotonic() - begun
            if await sync_to_async(_has_figure)(pk):
                break
    shown = time.monotonic() - begun
    async with operator.post(f"{arena.base}/api/v1/runs/{pk}/cancel") as answer:
        answer.raise_for_status()
    await _ended(operator, arena, pk)
    return opened, stepped, shown


async def _ended(operator: aiohttp.ClientSession, arena: Running, pk: int) -> None:
    """Returns when the run has stopped, so that the next one has the machine for itself."""
    async with operator.ws_connect(f"{arena.base}/ws/runs/{pk}/") as socket:
        async for message in socket:
            if message.json()["state"] not in {"queued", "running"}:
                return


def _has_figure(pk: int) -> bool:
    """Whether the run's page has a curve to begin."""
    from rlhf.models import Metric

    return Metric.objects.filter(run=pk).exists()


def _furnish() -> tuple[str, dict[str, str]]:
    """Weights, a contender that answers from them, votes; API token and cookies of an operator."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from arena.models import Battle, Contender, Placement, Rater, Response, Turn
    from arena.services import cast_vote, create_token
    from arena.starter import load_prompt_library
    from rlhf.serving import weights

    load_prompt_library()
    weights.prepare(settings.MODELS_DIR / weights.NAME)
    Contender.objects.create(slug="smol", name="Smol", backend="local", model=weights.NAME)
    sides = list(Contender.objects.exclude(slug="smol"))
    rater, dice = Rater.objects.create(), random.Random(0)
    for number in range(VOTES):
        battle = Battle.objects.create(rater=rater)
        turn = Turn.objects.create(battle=battle, number=1, prompt=f"{number} {_text(dice, 10)}")
        for position, side in enumerate(sides):
            place = Placement.objects.create(battle=battle, position=position, contender=side)
            text = _text(dice, 60)
            Response.objects.create(turn=turn, placement=place, state="done", text=text)
        cast_vote(battle=battle, ranks=dice.choice([[1, 2], [2, 1]]))
    user, browser = User.objects.create_user("operator", is_staff=True), Client()
    browser.force_login(user)
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    return create_token(user=user), cookies


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(WORDS, k=words))


if __name__ == "__main__":
    main()
