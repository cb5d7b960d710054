"""Stage `dpo`: direct preference optimisation on raters' rankings or on its own samples."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf.training import settings
from rlhf.training.contrast import Pair, pairs_from_samples, prefer
from rlhf.training.data import Ranking, read_rankings, split_of
from rlhf.training.errors import DeadEnd, InputError
from rlhf.training.selection import draw_scored, selection_gain
from rlhf.training.update import close_update, open_update

PHASES = {"sampling": 0.35, "scoring": 0.07, "training": 0.45}
OF_RANKINGS = {"training": 0.87}


def main(config: settings.Dpo) -> None:
    """Make the pairs, optimise, then evaluate and publish."""
    if not config.rankings and not config.reward_model:
        raise InputError(
            "Neither rankings nor reward_model is given.", "Name one of them in the config."
        )
    update = open_update(config, OF_RANKINGS if config.rankings else PHASES)
    metrics: dict[str, float] = {}
    if config.rankings:
        pairs = pairs_from_rankings(split_of(read_rankings(config.rankings), "train"))
    else:
        scored = draw_scored(update, config)
        metrics["selection_gain"] = selection_gain(scored)
        pairs = pairs_from_samples(scored, config.pairs)
    if len(pairs) < 2:
        raise DeadEnd("There are fewer than two preferences.", "Collect more votes.")
    with update.output.phase("training") as report:
        together = 1 if config.rankings else config.pairs
        prefer(update, pairs, config, report, together=together)
    close_update(update, "dpo", {**metrics, "pairs": len(pairs)})


def pairs_from_rankings(rankings: Sequence[Ranking]) -> list[Pair]:
    """The best against the worst response of each ranking that has both."""
    pairs: list[Pair] = []
    for row in rankings:
        places = range(len(row.ranks))
        best = min(places, key=row.ranks.__getitem__)
        worst = max(places, key=row.ranks.__getitem__)
        if row.ranks[best] < row.ranks[worst]:
            pairs.append(Pair(row.prompt, row.responses[best], row.responses[worst]))
    return pairs
