"""Reward-model accuracy on real people's pairs, beside length alone and a bag of words.

`python -m benchmarks.real_pairs [--data FILE] [--work DIR]`. FILE holds one {"chosen", "rejected"}
a line: dialogues as Anthropic's hh-rlhf has them (Bai et al. 2022, arXiv:2204.05862, MIT licence).
Five folds, so every pair is held out once. Prints shares only, never a text: many offend.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from rlhf.serving.weights import prepare
from rlhf.training import reward
from rlhf.training.chats import Messages
from rlhf.training.data import Ranking
from rlhf.training.evaluation import Accuracy, wilson
from rlhf.training.policies import pick_device
from rlhf.training.reward_model import RewardSettings, new_reward_model
from rlhf.training.style import WIDTH

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "hh_rlhf" / "harmless_half.jsonl"
FOLDS, RARE = 5, 3
TURN = re.compile(r"\n\n(Human|Assistant): ?")
ROLES = {"Human": "user", "Assistant": "assistant"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_pairs", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, help="keeps the weights")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    if not options.data.is_file():
        print(f"There are no pairs at {options.data}: nothing measured.")
        return
    torch.set_num_threads(options.threads)
    pairs = read_pairs(options.data)
    with tempfile.TemporaryDirectory(prefix="arena-pairs-") as name:
        model = str(prepare((options.work or Path(name)) / "weights"))
        began = time.monotonic()
        hidden = model_features(model, pairs)
        seconds = time.monotonic() - began
    print(f"{len(pairs)} pairs, {FOLDS} folds; features in {seconds:.0f} s")
    counted, width = hidden[:, -WIDTH:], hidden.shape[1] - WIDTH
    table: dict[str, Callable[[], Accuracy]] = {
        "length alone": lambda: cross_validated(pairs, lengths(pairs)),
        "counted style alone": lambda: cross_validated(pairs, counted),
        "bag of words": lambda: cross_validated(pairs, bag_of_words(pairs)),
        "frozen features alone": lambda: cross_validated(pairs, hidden[:, :width]),
        "frozen features + counted style (default)": lambda: cross_validated(
            pairs, hidden, [width, WIDTH]
        ),
    }
    for label, measure in table.items():
        found = measure()
        print(f"{label:<44}{found.rate:.1%}  [{found.lower:.1%}, {found.upper:.1%}]", flush=True)


def read_pairs(path: Path) -> list[Ranking]:
    """The pairs as rankings of two, the chosen response first."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    pairs = []
    for row in rows:
        chosen, rejected = dialogue(row["chosen"]), dialogue(row["rejected"])
        answers = (chosen[-1]["content"], rejected[-1]["content"])
        pairs.append(Ranking(chosen[:-1], answers, (1, 2)))
    return pairs


def dialogue(text: str) -> Messages:
    """The messages of a dialogue whose turns begin with 'Human:' and 'Assistant:'."""
    parts = TURN.split(text)[1:]
    return [
        {"role": ROLES[who], "content": said.strip()}
        for who, said in zip(parts[::2], parts[1::2], strict=True)
    ]


def model_features(model: str, pairs: Sequence[Ranking]) -> torch.Tensor:
    """What the default reward model reads of each response, style last."""
    scorer = new_reward_model(model, pick_device("auto"), 0, RewardSettings(style=True))
    return scorer.all_features(reward.as_groups(pairs), rows=32).clone()


def lengths(pairs: Sequence[Ranking]) -> torch.Tensor:
    """Number of characters of each response: (responses, 1)."""
    return torch.tensor([[float(len(text))] for row in pairs for text in row.responses])


def bag_of_words(pairs: Sequence[Ranking]) -> torch.Tensor:
    """log(1 + count) of each word that occurs in RARE responses or more: (responses, words)."""
    bags = [
        Counter(re.findall(r"[a-z']+", text.lower())) for row in pairs for text in row.responses
    ]
    spread = Counter(word for bag in bags for word in bag)
    words = sorted(word for word, count in spread.items() if count >= RARE)
    return torch.tensor([[float(bag[word]) for word in words] for bag in bags]).log1p()


def cross_validated(
    pairs: Sequence[Ranking], features: torch.Tensor, blocks: Sequence[int] = ()
) -> Accuracy:
    """Held-out accuracy of a linear score, its penalty picked inside each training part."""
    sizes = torch.tensor(
        [float(size) for size in blocks or [features.shape[1]] for _ in range(size)]
    )
    right = 0.0
    with reward.one_thread():
        for fold in range(FOLDS):
            held = [place for place in range(len(pairs)) if place % FOLDS == fold]
            kept = [place for place in range(len(pairs)) if place % FOLDS != fold]
            seen = features[rows_of(kept)]
            scale = seen.std(0).clamp(min=1e-4) * sizes.sqrt()
            standard = (features - seen.mean(0)) / scale
            train = [pairs[place] for place in kept]
            inside = standard[rows_of(kept)]
            penalty = reward.pick_penalty(train, inside)
            weights, _ = reward.fit_weights(inside, reward.all_pairs(train), penalty)
            scores = (standard[rows_of(held)] @ weights).view(-1, 2)
            gaps = scores[:, 0] - scores[:, 1]
            right += float((gaps > 0).sum() + 0.5 * (gaps == 0).sum())
    lower, upper = wilson(right / len(pairs), len(pairs))
    return Accuracy(right / len(pairs), lower, upper, len(pairs))


def rows_of(places: Sequence[int]) -> list[int]:
    """Feature rows of some pairs: two each."""
    return [2 * place + side for place in places for side in (0, 1)]


if __name__ == "__main__":
    main()
