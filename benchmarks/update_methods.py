"""Which policy update gains most under a hidden preference, and what does it cost the text?

    python benchmarks/update_methods.py --model DIR --work DIR [--preferences NAME ...]
        [--seeds 0 1 2] [--methods NAME ...]

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
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import transformers

from benchmarks.preferences import CONSISTENCY, PREFERENCES, noisy_ranks
from rlhf.training import best_of_n, dpo, grpo, kto, reward, settings
from rlhf.training.chats import as_messages
from rlhf.training.contrast import prefer
from rlhf.training.data import Demonstration, Ranking, Thumb, read_rankings, split_of
from rlhf.training.evaluation import Evaluation, likelihood, text_quality
from rlhf.training.gate import may_enter
from rlhf.training.looks import keep_best
from rlhf.training.output import Output
from rlhf.training.policies import load_policy, load_tokenizer, pick_device
from rlhf.training.reward_model import RewardModel, RewardSettings, new_reward_model
from rlhf.training.sampling import Completion, Sampling, sample
from rlhf.training.selection import Scored, penalised
from rlhf.training.settings import Contrast
from rlhf.training.trainers import imitate
from rlhf.training.update import Update, open_update

PROMPTS = Path(__file__).resolve().parents[1] / "arena" / "fixtures" / "prompts.jsonl"
HELD_OUT, ARENA_RESPONSES, EVALUATED, TOKENS = 50, 4, 4, 64


def completion(value: dict[str, Any]) -> Completion:
    """A completion from its JSON form."""
    return Completion(value["text"], tuple(value["tokens"]), value["finished"], value["nll"])


def cpu_seconds() -> float:
    """CPU time of this process so far: what a step costs whoever else uses the machine."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


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
        """The base's responses to each prompt that updates train on."""
        prompts = self.prompts()[: self.options.train_prompts]
        return self._drawn(f"pool{seed}.json", prompts, self.options.pool, seed=1000 + seed)

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
        folder: Path = self.work / self.preference / self.options.style / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def reward_model(self, seed: int) -> str:
        """Noisy votes train a reward model once per seed; returns its checkpoint."""
        folder = self.folder(seed)
        if not (folder / "reward" / "summary.json").exists():
            self.votes(seed)
            style = self.options.style == "counted"
            limits = RewardSettings(max_response_tokens=TOKENS, style=style)
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
        path = self.work / f"features{self.options.layers}-{self.options.style}.pt"
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

    def training_votes(self, seed: int) -> list[Ranking]:
        """The votes on prompts that are not held out."""
        return split_of(read_rankings(str(self.folder(seed) / "rankings.jsonl")), "train")

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
            "checkpoints": 1,  # the last step is judged
            **more,
        }

    def scored(self, update: Update, seed: int, config: Contrast) -> list[Scored]:
        """The first n of the pool with their rewards, which are computed once."""
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
        n = config.n
        return [
            Scored(prompt, tuple(row[:n]), penalised(row[:n], values[:n], config))
            for prompt, row, values in zip(prompts, pool, kept, strict=True)
        ]

    def run(self, seed: int, name: str) -> dict[str, Any]:
        """Run one method for one seed, or return what it left."""
        path = self.folder(seed) / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            return found
        transformers.set_seed(seed)
        begin, used = time.monotonic(), cpu_seconds()
        update = METHODS[name](self, seed, name)
        keep_best(update)
        spent = {"update_seconds": time.monotonic() - begin}
        spent["update_cpu_seconds"] = cpu_seconds() - used
        result = self.judged(update, seed) | spent
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


def selected(bench: Bench, seed: int, name: str) -> Update:
    """Learn from the best of n, one round: against the worst, or the best alone."""
    config = settings.BestOfN(**bench.settings(seed, name, **BEST_OF_N[name]))
    update = open_update(config, best_of_n.PHASES)
    with update.output.phase("training") as report:
        best_of_n.learn(update, bench.scored(update, seed, config), config, report)
    return update


def policy_gradient(bench: Bench, seed: int, name: str) -> Update:
    """GRPO against the same reward model."""
    config = settings.Grpo(**bench.settings(seed, name, **GRPO[name]))
    update = open_update(config, {"training": 0.87})
    with update.output.phase("training") as report:
        grpo.optimise(update, config, report)
    return update


def imitated(bench: Bench, seed: int, name: str) -> Update:
    """Supervised finetuning on the responses that the votes put first."""
    config = settings.Sft(**bench.settings(seed, name, demonstrations=""))
    update = open_update(config, {"training": 0.87})
    rows = [
        Demonstration(row.prompt, text)
        for row in bench.training_votes(seed)
        if len(set(row.ranks)) > 1
        for text, rank in zip(row.responses, row.ranks, strict=True)
        if rank == 1
    ]
    with update.output.phase("training") as report:
        imitate(update, rows, config, report)
    return update


def preferred(bench: Bench, seed: int, name: str) -> Update:
    """DPO on the votes' own best and worst, without the reward model."""
    config = settings.Dpo(**bench.settings(seed, name))
    update = open_update(config, dpo.PHASES)
    pairs = dpo.pairs_from_rankings(bench.training_votes(seed))
    with update.output.phase("training") as report:
        prefer(update, pairs, config, report)
    return update


def heeded(bench: Bench, seed: int, name: str) -> Update:
    """KTO on a thumb for every response: up above the median, four in five as they were meant."""
    config = settings.Kto(**bench.settings(seed, name, thumbs=""))
    update = open_update(config, {"training": 0.87})
    dice, votes = random.Random(seed), bench.training_votes(seed)
    liked = [
        [bench.judge(row.prompt[-1]["content"], text) for text in row.responses] for row in votes
    ]
    median = statistics.median(value for row in liked for value in row)
    thumbs = [
        Thumb(row.prompt, text, (value > median) == (dice.random() < CONSISTENCY))
        for row, values in zip(votes, liked, strict=True)
        for text, value in zip(row.responses, values, strict=True)
    ]
    with update.output.phase("training") as report:
        kto.heed(update, thumbs, config, report)
    return update


FREE: dict[str, Any] = {"repetition_penalty": 0.0, "nll_penalty": 0.0}
IMITATE: dict[str, Any] = {"learn": "imitate", "epochs": 2.0}
BEST_OF_N: dict[str, dict[str, Any]] = {
    "contrast": {},
    "contrast-1-pair": {"pairs": 1},
    "contrast-1-pair-repetition15": {"pairs": 1, "repetition_penalty": 15.0},
    "contrast-1-pair-30-0.75": {"pairs": 1, "repetition_penalty": 30.0, "nll_penalty": 0.75},
    "contrast-1-pair-40-0.5": {"pairs": 1, "nll_penalty": 0.5},
    "contrast-1-pair-40-0.5-lr3e-4": {"pairs": 1, "nll_penalty": 0.5, "learning_rate": 3e-4},
    "contrast-n8": {"n": 8},
    "contrast-no-penalties": FREE,
    "contrast-no-nll-penalty": {"nll_penalty": 0.0},
    "contrast-sft0": {"sft_weight": 0.0},
    "contrast-sft1": {"sft_weight": 1.0},
    "contrast-lr2e-4": {"learning_rate": 2e-4},
    "contrast-lr1e-3": {"learning_rate": 1e-3},
    "contrast-2-epochs": {"epochs": 2.0},
    "imitate": IMITATE,
    "imitate-n8": {"n": 8, **IMITATE},
    "imitate-no-penalties": {**FREE, **IMITATE},
}
GRPO: dict[str, dict[str, Any]] = {
    "grpo-b0.05-lr1e-4": {"steps": 16},
    "grpo-b0-lr4e-4": {"steps": 16, "beta": 0.0, "learning_rate": 4e-4},
    "grpo": {},
    "rloo": {"baseline": "leave-one-out"},
}
METHODS: dict[str, Callable[[Bench, int, str], Update]] = {
    **dict.fromkeys(BEST_OF_N, selected),
    **dict.fromkeys(GRPO, policy_gradient),
    "sft": imitated,
    "dpo-votes": preferred,
    "kto": heeded,
}


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--preferences", nargs="+", choices=sorted(PREFERENCES), default=list(PREFERENCES)
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--methods", nargs="+", choices=sorted(METHODS), default=["contrast", "imitate"]
    )
    parser.add_argument("--prepare", action="store_true", help="only draw the base's responses")
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--style", choices=["counted", "ignored"], default="counted")
    parser.add_argument("--train-prompts", type=int, default=128)
    parser.add_argument("--pool", type=int, default=12, help="responses drawn per prompt")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for preference in options.preferences:
        bench = Bench(options.model, options.work, preference, options)
        for seed in options.seeds:
            if options.prepare:
                bench.pool(seed)
                continue
            for name in options.methods:
                print(
                    f"{preference:22} seed {seed} {name:18} {line(bench.run(seed, name))}",
                    flush=True,
                )


def line(result: dict[str, Any]) -> str:
    """One result on one line, the base's figures in brackets."""
    policy, base = result["policy"], result["base"]
    parts = [f"wins {result['win_rate']:.3f} ± {result['error']:.3f}"]
    for name, digits in (("nll", 2), ("entropy", 2), ("repetition", 3), ("length", 0)):
        parts.append(f"{name} {policy[name]:.{digits}f} ({base[name]:.{digits}f})")
    seconds, used = result["update_seconds"], result["update_cpu_seconds"]
    return "  ".join([*parts, f"{seconds:.0f} s, CPU {used:.0f} s"])


if __name__ == "__main__":
    main()
