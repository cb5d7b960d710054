"""A vote is taken back in an arena with many votes: by its mark, and by playing all votes again.

The first is what a rater's "Take it back" costs, the second what it would cost without marks and
what staff pay for excluding an older vote.
SQLite in a folder of its own; no web server.

    python -m benchmarks.taking_back [--votes 100000] [--contenders 20] [--repeats 20]
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from statistics import median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=100_000)
    parser.add_argument("--contenders", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["ARENA_HOME"] = home
        os.environ["ARENA_LOG_LEVEL"] = "ERROR"  # without Redis there are warnings
        os.environ.pop("DATABASE_URL", None)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        _prepare(options.votes, options.contenders)
        _measure(options)


def _prepare(votes: int, contenders: int) -> None:
    from django.core.management import call_command

    from arena.models import Contender

    dice = random.Random(1)
    call_command("migrate", verbosity=0)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("model_a,model_b,winner\n")
        for _ in range(votes):
            a, b = dice.sample(range(contenders), 2)
            file.write(f"m{a},m{b},{dice.choice(['model_a', 'model_b', 'tie'])}\n")
        file.flush()
        call_command("import_votes", file.name, format="csv", verbosity=0)
    Contender.objects.update(external=False, active=True)


def _measure(options: argparse.Namespace) -> None:
    from arena import services
    from arena.models import Battle, Rater, Response
    from ranking import tasks
    from ranking.models import EloMark

    # The refit that a vote queues is measured by benchmarks.ranking.
    tasks.queue_refresh = lambda: None
    rater = Rater.objects.create()

    def battle() -> Battle:
        made = services.start_battle(rater=rater, prompt="Why is the sky blue?", size=2)
        responses = Response.objects.filter(turn__battle=made)
        responses.update(state=Response.State.DONE, text="Because air scatters blue light.")
        return made

    def vote(made: Battle) -> None:
        services.cast_vote(battle=made, ranks=[1, 2])

    rows: dict[str, list[float]] = {}
    for _ in range(options.repeats):
        others = [battle() for _ in range(5)]
        made = battle()
        rows.setdefault("cast a vote", []).append(_seconds(lambda made=made: vote(made)))
        for other in others:
            vote(other)
        back = _seconds(lambda made=made: services.take_back_vote(battle=made))
        rows.setdefault("take back, five votes since", []).append(back)
    for _ in range(3):
        made = battle()
        vote(made)
        EloMark.objects.all().delete()
        back = _seconds(lambda made=made: services.take_back_vote(battle=made))
        rows.setdefault("take back, all votes played again", []).append(back)
    print(f"Milliseconds with {options.votes:,} votes and {options.contenders} contenders.")
    print(f"{'':36}{'median':>9}{'worst':>9}")
    for name, times in rows.items():
        print(f"{name:36}{1000 * median(times):9.1f}{1000 * max(times):9.1f}")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
