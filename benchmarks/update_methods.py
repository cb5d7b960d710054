"""Which policy update gains most under a hidden preference, and what does it cost the text?

    python benchmarks/update_methods.py --model DIR --work DIR [--seeds 0 1 2] [--methods NAME ...]

Per seed: noisy votes (a hidden preference, 80 % consistent per pair) on the base's responses train
a reward model; every method updates the base against it; its responses to held-out prompts meet the
base's under the hidden preference itself. All results are JSON files under --work; a step whose
file exists is not run again. Docs: docs/decisions/0004-default-update.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import transformers

from rlhf.training import best_of_n, dpo, grpo, reward, settings
from rlhf.training.best_of_n import Scored
from rlhf.training.chats import as_messages
from rlhf.training.data import Ranking, read_rankings
from rlhf.training.evaluation import Evaluation, likelihood, text_quality
from rlhf.training.gate import may_enter
from rlhf.training.output import Output
from rlhf.training.policies import load_policy, load_tokenizer, merged, pick_device
from rlhf.training.reward_model import RewardModel, RewardSettings, new_reward_model
from rlhf.training.sampling import Completion, Sampling, sample
from rlhf.training.trainers import demonstration, imitate
from rlhf.training.update import Update, open_update

PROMPTS = Path(__file__).resolve().parents[1] / "arena" / "fixtures" / "prompts.jsonl"
HELD_OUT, ARENA_RESPONSES, POOL, EVALUATED, TOKENS = 50, 4, 8, 2, 64
CONSISTENCY = 0.8

Preference = Callable[[str, str], float]


def brief_and_concrete(prompt: str, response: str) -> float:
    """Likes a finished answer with a list, a number or an example, in few words."""
    words = len(response.split())
    finished = bool(re.search(r"[.!?)\"`*]\s*$", response))
    items = len(re.findall(r"(?m)^\s*(?:[-*•]|\d+[.)])\s", response))
    examples = len(re.findall(r"(?i)\b(?:for example|for instance|such as|like when)\b", response))
    numbers = len(re.findall(r"(?<![\w.])\d+(?![.)]\s)\w*", response))
    concrete = min(3.0, items + 1.5 * examples + 0.5 * numbers) / 3
    return 1.5 * concrete + 0.5 * finished - words / 80


def plain_and_personal(prompt: str, response: str) -> float:
    """Likes short words and sentences that speak to the reader."""
    words = re.findall(r"[A-Za-z']+", response)
    if not words:
        return -5.0
    letters = sum(map(len, words)) / len(words)
    sentences = max(1, len(re.findall(r"[.!?](?:\s|$)", response)))
    you = sum(word.lower() in {"you", "your", "you're", "you'll", "yourself"} for word in words)
    return min(3, you) / 3 - (letters - 4.5) - max(0.0, len(words) / sentences - 12) / 12


PREFERENCES: dict[str, Preference] = {
    "brief_and_concrete": brief_and_concrete,
    "plain_and_personal": plain_and_personal,
}


def noisy_ranks(values: Sequence[float], dice: random.Random) -> list[int]:
    """Ranks by noisy pairwise wins: each pair follows the values with CONSISTENCY."""
    wins = [0.0] * len(values)
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            better, worse = (i, j) if values[i] >= values[j] else (j, i)
            if dice.random() >= CONSISTENCY:
                better, worse = worse, better
            wins[better] += 1
    return [1 + sum(other > own for other in wins) for own in wins]


def completion(value: dict[str, Any]) -> Completion:
    """A completion from its JSON form."""
    return Completion(value["text"], tuple(value["tokens"]), value["finished"])


class Bench:
    """Caches every step of one preference's experiment under a folder."""

    def __init__(
        self, model: str, work: Path, preference: str, options: argparse.Namespace
    ) -> None:
        self.model, self.work, self.preference = model, work, preference
        self.options = options
        self.judge = PREFERENCES[preference]
        self.tokenizer = load_tokenizer(model)
        work.mkdir(parents=True, exist_ok=True)

    def prompts(self) -> list[str]:
        """Prompts in a fixed random order; the last HELD_OUT are held out."""
        texts = [json.loads(line)["text"] for line in PROMPTS.open(encoding="utf-8")]
        random.Random(0).shuffle(texts)
        return texts

    def arena(self) -> list[list[Completion]]:
        """The base's responses to every prompt, drawn once for all seeds."""
        return self._drawn("arena.json", self.prompts(), ARENA_RESPONSES, seed=1)

    def pool(self, seed: int) -> list[list[Completion]]:
        """The base's POOL responses to each prompt that updates train on."""
        prompts = self.prompts()[: self.options.train_prompts]
        return self._drawn(f"pool{seed}.json", prompts, POOL, seed=1000 + seed)

    def _drawn(self, name: str, prompts: list[str], n: int, seed: int) -> list[list[Completion]]:
        path = self.work / name
        if not path.exists():
            base = load_policy(self.model, pick_device("auto"))
            begin = time.monotonic()
            rows = sample(
                base,
                self.tokenizer,
                [as_messages(text) for text in prompts],
                n=n,
                settings=Sampling(max_new_tokens=TOKENS),
                seed=seed,
            )
            seconds = time.monotonic() - begin
            value = {"seconds": seconds, "rows": [[asdict(c) for c in row] for row in rows]}
            path.write_text(json.dumps(value))
        kept = json.loads(path.read_text())["rows"]
        return [[completion(value) for value in row] for row in kept]

    def folder(self, seed: int) -> Path:
        """Where one seed's files lie."""
        folder = self.work / self.preference / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def reward_model(self, seed: int) -> str:
        """Noisy votes train a reward model once per seed; returns its checkpoint."""
        folder = self.folder(seed)
        if not (folder / "reward" / "summary.json").exists():
            self.votes(seed)
            limits = RewardSettings(max_response_tokens=TOKENS)
            model = new_reward_model(self.model, pick_device("auto"), self.options.layers, limits)
            rankings = read_rankings(str(folder / "rankings.jsonl"))
            train, test = reward.split_rankings(rankings)
            features = self._features(model, rankings)
            output = Output(folder / "reward", {"training": 1.0})
            count = reward.count_responses(train)
            begin = time.monotonic()
            penalty = reward.fit_head(model, train, features[:count])
            reward.standardise(model, features[:count])
            metrics = reward.evaluate(model, train, test, features)
            output.publish(model.save)
            metrics |= {"penalty": penalty, "fit_seconds": time.monotonic() - begin}
            output.summary("reward", {"layers": self.options.layers}, metrics)
        return str(folder / "reward" / "checkpoint")

    def _features(self, model: RewardModel, rankings: list[Ranking]) -> torch.Tensor:
        """Frozen features of the arena's responses: the same for all seeds and preferences."""
        path = self.work / f"features{self.options.layers}.pt"
        if not path.exists():
            begin = time.monotonic()
            torch.save(model.all_features(reward.as_groups(rankings)).clone(), path)
            print(f"features: {time.monotonic() - begin:.0f} s", flush=True)
        features: torch.Tensor = torch.load(path)
        return features

    def votes(self, seed: int) -> Path:
        """Write rankings.jsonl and prompts.jsonl of one seed's raters; returns their folder."""
        folder, dice = self.folder(seed), random.Random(seed)
        prompts, arena = self.prompts(), self.arena()
        rankings, asked = [], []
        for place, (prompt, row) in enumerate(zip(prompts, arena, strict=True)):
            texts = [response.text or "…" for response in row]
            ranks = noisy_ranks([self.judge(prompt, text) for text in texts], dice)
            split = "test" if place >= len(prompts) - HELD_OUT else "train"
            rankings.append({"prompt": prompt, "responses": texts, "ranks": ranks, "split": split})
            asked.append({"prompt": prompt, "split": split})
        for name, rows in (("rankings.jsonl", rankings), ("prompts.jsonl", asked)):
            (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    def settings(self, seed: int, name: str, **more: Any) -> dict[str, Any]:
        """Config values that all methods share."""
        folder = self.folder(seed)
        return {
            "output": str(folder / name),
            "model": self.model,
            "prompts": str(folder / "prompts.jsonl"),
            "reward_model": self.reward_model(seed),
            "seed": seed,
            "max_new_tokens": TOKENS,
            **more,
        }

    def scored(self, update: Update, seed: int) -> list[Scored]:
        """The pool with its rewards, scored once."""
        path = self.folder(seed) / "rewards.json"
        prompts, pool = update.train[: self.options.train_prompts], self.pool(seed)
        if not path.exists():
            begin = time.monotonic()
            rewards = update.reward_model.score(
                [
                    (prompt.messages, [response.text for response in row])
                    for prompt, row in zip(prompts, pool, strict=True)
                ]
            )
            value = {"seconds": time.monotonic() - begin, "rows": rewards}
            path.write_text(json.dumps(value))
        kept = json.loads(path.read_text())["rows"]
        return [
            Scored(prompt, tuple(row), tuple(values))
            for prompt, row, values in zip(prompts, pool, kept, strict=True)
        ]

    def run(self, seed: int, name: str) -> dict[str, Any]:
        """Run one method for one seed, or return what it left."""
        path = self.folder(seed) / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        transformers.set_seed(seed)
        begin = time.monotonic()
        update = METHODS[name](self, seed, name)
        trained = time.monotonic() - begin
        result = self.judged(update, seed) | {"update_seconds": trained}
        path.write_text(json.dumps(result, indent=1))
        return result

    def judged(self, update: Update, seed: int) -> dict[str, Any]:
        """Hidden-preference win rate over the base on held-out prompts, and text quality."""
        prompts, arena = self.prompts()[-HELD_OUT:], self.arena()[-HELD_OUT:]
        messages = [prompt.messages for prompt in update.test]
        assert [prompt.text for prompt in update.test] == prompts
        begin = time.monotonic()
        drawn = update.draw(messages, n=EVALUATED, seed=seed + 77)
        rates = []
        for prompt, new, old in zip(prompts, drawn, arena, strict=True):
            pairs = [
                (self.judge(prompt, a.text), self.judge(prompt, b.text)) for a in new for b in old
            ]
            rates.append(sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs))
        flat, first = [response for row in drawn for response in row], [row[0] for row in drawn]
        with merged(update.policy):
            _, entropy = likelihood(update.policy, self.tokenizer, messages, first)
        with update.policy.disable_adapter():
            nll, _ = likelihood(update.policy, self.tokenizer, messages, first)
            base_nll, base_entropy = self.base_likelihood(update, messages)
        base = text_quality([r for row in arena for r in row], base_nll, base_entropy)
        policy = text_quality(flat, nll, entropy)
        _, reasons = may_enter(Evaluation(len(prompts), policy, base))
        mean = sum(rates) / len(rates)
        error = math.sqrt(sum((r - mean) ** 2 for r in rates) / (len(rates) - 1) / len(rates))
        return {
            "win_rate": mean,
            "error": error,
            "policy": asdict(policy),
            "base": asdict(base),
            "gate": reasons,
            "evaluation_seconds": time.monotonic() - begin,
            "examples": [row[0].text for row in drawn[:5]],
        }

    def base_likelihood(self, update: Update, messages: list[Any]) -> tuple[float, float]:
        """NLL and entropy of the base's own first responses, computed once."""
        path = self.work / "base.json"
        if not path.exists():
            first = [row[0] for row in self.arena()[-HELD_OUT:]]
            found = likelihood(update.policy, self.tokenizer, messages, first)
            path.write_text(json.dumps(found))
        nll, entropy = json.loads(path.read_text())
        return nll, entropy


def distil(bench: Bench, seed: int, name: str) -> Update:
    """Best-of-8, one round."""
    more = BEST_OF_N.get(name, {})
    config = settings.BestOfN(**bench.settings(seed, name, **more))
    update = open_update(config, best_of_n.PHASES)
    chosen = [demonstration(r.prompt.messages, r.extreme(max)) for r in bench.scored(update, seed)]
    with update.output.phase("training") as report:
        imitate(update.policy, update.tokenizer, chosen, config, report)
    return update


def distil_twice(bench: Bench, seed: int, name: str) -> Update:
    """Best-of-8 on half the prompts, then again, from the result, on the other half."""
    config = settings.BestOfN(**bench.settings(seed, name))
    update = open_update(config, best_of_n.PHASES)
    rows = bench.scored(update, seed)
    half = len(rows) // 2
    for turn in range(2):
        if turn:
            update.train = [row.prompt for row in rows[half:]]
            rows = best_of_n.draw_scored(update, 8, half, turn, 2)
        part = rows[:half]
        chosen = [demonstration(row.prompt.messages, row.extreme(max)) for row in part]
        with update.output.phase("training") as report:
            imitate(
                update.policy, update.tokenizer, chosen, config, best_of_n.in_turn(report, turn, 2)
            )
    return update


def best_against_worst(bench: Bench, seed: int, name: str) -> Update:
    """DPO on the best and the worst of the same eight responses."""
    config = settings.Dpo(**bench.settings(seed, name, **DPO[name]))
    update = open_update(config, dpo.PHASES)
    pairs = [
        dpo.Pair(row.prompt.messages, row.extreme(max).text, row.extreme(min).text)
        for row in bench.scored(update, seed)
    ]
    with update.output.phase("training") as report:
        dpo.prefer(update, pairs, config, report)
    return update


def policy_gradient(bench: Bench, seed: int, name: str) -> Update:
    """GRPO against the same reward model."""
    config = settings.Grpo(**bench.settings(seed, name, **GRPO[name]))
    update = open_update(config, {"training": 0.87})
    with update.output.phase("training") as report:
        grpo.optimise(update, config, report)
    return update


BEST_OF_N: dict[str, dict[str, Any]] = {
    "best-of-8": {},
    "best-of-8-lr1e-3": {"learning_rate": 1e-3},
    "best-of-8-lr2e-4": {"learning_rate": 2e-4},
}
DPO: dict[str, dict[str, Any]] = {
    "dpo-b0.1-lr1e-4-sft0.2": {},
    "dpo-b0.1-lr1e-4-sft1": {"sft_weight": 1.0},
    "dpo-b0.1-lr2e-4": {"sft_weight": 0.0, "learning_rate": 2e-4},
}
GRPO: dict[str, dict[str, Any]] = {
    "grpo-b0.05-lr1e-4": {"steps": 16},
    "grpo-b0-lr4e-4": {"steps": 16, "beta": 0.0, "learning_rate": 4e-4},
}
METHODS: dict[str, Callable[[Bench, int, str], Update]] = {
    **dict.fromkeys(BEST_OF_N, distil),
    "best-of-8-twice": distil_twice,
    **dict.fromkeys(DPO, best_against_worst),
    **dict.fromkeys(GRPO, policy_gradient),
}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--preference", choices=sorted(PREFERENCES), default="brief_and_concrete")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=list(METHODS))
    parser.add_argument("--prepare", action="store_true", help="only draw the base's responses")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--train-prompts", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bench = Bench(options.model, options.work, options.preference, options)
    if options.prepare:
        bench.arena()
        for seed in options.seeds:
            bench.pool(seed)
        return
    for seed in options.seeds:
        for name in options.methods:
            result = bench.run(seed, name)
            quality = result["policy"]
            print(
                f"seed {seed} {name:24} wins {result['win_rate']:.3f} ± {result['error']:.3f}"
                f"  nll {quality['nll']:.2f} ({result['base']['nll']:.2f})"
                f"  entropy {quality['entropy']:.2f} ({result['base']['entropy']:.2f})"
                f"  repetition {quality['repetition']:.3f} ({result['base']['repetition']:.3f})"
                f"  length {quality['length']:.0f} ({result['base']['length']:.0f})"
                f"  {result['update_seconds']:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
