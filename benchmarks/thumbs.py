"""Do thumbs beside the rankings make a better reward model, and with which weight?

`python -m benchmarks.thumbs --work DIR` draws four responses to each prompt of the library. Raters
with a hidden preference, 80 % consistent, rank three responses each to the first prompts, and give
a thumb to every response of some other prompts: up where they like it above the median. For each
weight it prints how many pairs of held-out responses the reward model puts in the order of the
hidden preference itself. Only the head is fitted, as in the default reward model, so that the texts
are encoded once for all.
"""

import argparse
import random
import statistics
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import torch

from benchmarks.preferences import CONSISTENCY, PREFERENCES, Preference, noisy_ranks
from benchmarks.update_methods import HELD_OUT, TOKENS, Bench
from rlhf.serving.weights import prepare
from rlhf.training import reward
from rlhf.training.chats import as_messages
from rlhf.training.data import Ranking, Thumb
from rlhf.training.policies import pick_device
from rlhf.training.reward_model import Group, RewardSettings, new_reward_model
from rlhf.training.thumbs import beside

WEIGHTS = (0.0, 0.1, 0.3, 0.5, 1.0)
# How many rankings of three, and how many prompts with a thumb on each of four responses.
AMOUNTS = ((20, 20), (20, 100), (50, 100), (100, 50), (100, 5))
SEEDS = range(3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.thumbs", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="keeps the drawn responses")
    work: Path = parser.parse_args().work
    torch.set_num_threads(1)
    trial = Trial(work)
    print("| rankings | thumbs | " + " | ".join(f"weight {weight:g}" for weight in WEIGHTS) + " |")
    print("|--:" * (2 + len(WEIGHTS)) + "|")
    for rankings, thumbed in AMOUNTS:
        found = [
            list(trial.accuracies(judge, seed, rankings, thumbed))
            for judge in PREFERENCES.values()
            for seed in SEEDS
        ]
        without, *others = zip(*found, strict=True)
        cells = [_cell(values, without) for values in (without, *others)]
        print(f"| {rankings} | {4 * thumbed} | " + " | ".join(cells) + " |", flush=True)


def _cell(values: Sequence[float], without: Sequence[float]) -> str:
    """Mean accuracy, and by how much more than without thumbs, with the standard error of that."""
    gains = [value - base for value, base in zip(values, without, strict=True)]
    if not any(gains):
        return f"{100 * statistics.fmean(values):.1f}"
    error = statistics.stdev(gains) / len(gains) ** 0.5
    mean, gain = 100 * statistics.fmean(values), 100 * statistics.fmean(gains)
    return f"{mean:.1f} ({gain:+.1f} ± {100 * error:.1f})"


class Trial:
    """The responses of the arena and their features, which all fits share."""

    def __init__(self, work: Path) -> None:
        model = str(prepare(work / "weights"))
        options = argparse.Namespace(style="counted", layers=0)
        bench = Bench(model, work, next(iter(PREFERENCES)), options)
        self.prompts = bench.prompts()
        self.texts = [[one.text or "…" for one in row] for row in bench.arena()]
        self.model = new_reward_model(
            model, pick_device("auto"), 0, RewardSettings(max_response_tokens=TOKENS, style=True)
        )
        path = work / "thumbs-features.pt"
        if not path.exists():
            asked = [as_messages(prompt) for prompt in self.prompts]
            torch.save(self.model.all_features(list(zip(asked, self.texts, strict=True))), path)
        self.features = torch.load(path).view(len(self.prompts), 4, -1)

    def accuracies(
        self, judge: Preference, seed: int, ranked: int, thumbed: int
    ) -> Iterator[float]:
        """The share of held-out pairs in the right order, for each weight."""
        dice = random.Random(seed)
        places = list(range(len(self.prompts) - HELD_OUT))
        dice.shuffle(places)
        liked = [
            [judge(prompt, text) for text in row]
            for prompt, row in zip(self.prompts, self.texts, strict=True)
        ]
        median = statistics.median(value for row in liked for value in row)
        some, others = places[:ranked], places[ranked : ranked + thumbed]
        rankings = [
            Ranking(
                as_messages(self.prompts[at]),
                tuple(self.texts[at][:3]),
                tuple(noisy_ranks(liked[at][:3], dice)),
            )
            for at in some
        ]
        thumbs = [
            Thumb(
                as_messages(self.prompts[at]),
                text,
                (liked[at][place] > median) == (dice.random() < CONSISTENCY),
            )
            for at in others
            for place, text in enumerate(self.texts[at])
        ]
        own = self.features[some, :3].flatten(0, 1)
        for weight in WEIGHTS:
            features, term = own, beside(rankings, [], thumbs if weight else [], weight)
            if weight:
                features = torch.cat([own, *self._of_groups(term.groups)])
            reward.fit_head(self.model, rankings, features, term)
            yield self._accuracy(liked)

    def _of_groups(self, groups: Sequence[Group]) -> Iterator[torch.Tensor]:
        """Features of the responses that only thumbs are on, as `fit_head` numbers them."""
        numbers = {prompt: number for number, prompt in enumerate(self.prompts)}
        for prompt, texts in groups:
            at = numbers[prompt[-1]["content"]]
            yield self.features[at, [self.texts[at].index(text) for text in texts]]

    @torch.no_grad()
    def _accuracy(self, liked: list[list[float]]) -> float:
        right, whole = 0, 0
        for at in range(len(self.prompts) - HELD_OUT, len(self.prompts)):
            scores = self.model.raw_members(self.features[at]).mean(-1).tolist()
            for one, other in combinations(range(4), 2):
                if liked[at][one] != liked[at][other]:
                    whole += 1
                    right += (scores[one] > scores[other]) == (liked[at][one] > liked[at][other])
        return right / whole


if __name__ == "__main__":
    main()
