"""Reward training on rankings of three against TRL's RewardTrainer on the same votes as pairs.

`python -m benchmarks.reward [--work DIR] [--votes 100] [--seeds 0 1 2]`. A hidden preference ranks
three responses to each prompt, every pair following it with 80 %. Both train LoRA adapters of the
same rank on all layers of the same model, for one epoch, with the same batch (12 responses) and
learning rate; ours reads each response once per ranking and each prompt once, TRL's reads them in
every pair. Beside them the default, which trains a head on frozen features and counted style.
Seconds are of training alone, CPU seconds beside them: the share of a busy machine does not matter
to the second.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import transformers
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerBase
from trl import RewardConfig, RewardTrainer

from benchmarks.update_methods import Bench
from rlhf.serving.weights import prepare
from rlhf.training import reward, settings
from rlhf.training.chats import encode_prompt
from rlhf.training.data import Ranking, read_rankings, split_of
from rlhf.training.evaluation import pairwise_accuracy
from rlhf.training.policies import load_tokenizer, pick_device, pick_dtype
from rlhf.training.reward_model import (
    RewardModel,
    RewardSettings,
    new_reward_model,
    right_padded,
)

PREFERENCE = "brief_and_concrete"
SIZE, RANK, RATE, ROWS = 3, 16, 5e-4, 12
Method = Callable[[str, list[Ranking], list[Ranking], int], "Trained"]


@dataclass
class Trained:
    """How long training took and which scores it gives the held-out responses."""

    seconds: float = 0.0
    cpu: float = 0.0
    scores: Sequence[Sequence[float]] = ()


@contextmanager
def timed(found: Trained) -> Iterator[None]:
    """Measure the block in wall and in CPU seconds."""
    wall, cpu = time.monotonic(), _cpu_seconds()
    yield
    found.seconds, found.cpu = time.monotonic() - wall, _cpu_seconds() - cpu


def ours(model: str, train: list[Ranking], test: list[Ranking], seed: int) -> Trained:
    """The K-wise loss with adapters on all layers; text alone, as TRL's model has it."""
    depth = AutoConfig.from_pretrained(model).num_hidden_layers
    limits = RewardSettings(max_response_tokens=64)
    scorer = new_reward_model(model, pick_device("auto"), depth, limits)
    config = settings.Reward(
        output="",
        model=model,
        rankings="",
        lora_rank=RANK,
        learning_rate=RATE,
        batch_rows=ROWS,
        seed=seed,
    )
    found = Trained()
    with timed(found):
        features = scorer.all_features(reward.as_groups(train), rows=ROWS)
        with reward.one_thread():
            reward.fit_head(scorer, train, features)
        reward.train_adapters(scorer, train, config, lambda *_, **__: None)
    return replace(found, scores=scored(scorer, test))


def default(model: str, train: list[Ranking], test: list[Ranking], seed: int) -> Trained:
    """A head on frozen features and counted style, as the stage does unless told otherwise."""
    limits = RewardSettings(max_response_tokens=64, style=True)
    scorer = new_reward_model(model, pick_device("auto"), 0, limits)
    found = Trained()
    with timed(found):
        features = scorer.all_features(reward.as_groups(train), rows=ROWS)
        with reward.one_thread():
            reward.fit_head(scorer, train, features)
    return replace(found, scores=scored(scorer, test))


def scored(model: RewardModel, rankings: list[Ranking]) -> list[list[float]]:
    """Scores of the rankings' responses."""
    return model.score(reward.as_groups(rankings))


def trl(model: str, train: list[Ranking], test: list[Ranking], seed: int) -> Trained:
    """TRL's RewardTrainer on the rankings' pairs."""
    tokenizer = load_tokenizer(model)
    device = pick_device("auto")
    scorer = AutoModelForSequenceClassification.from_pretrained(
        model, num_labels=1, dtype=torch.float32
    )
    scorer.config.pad_token_id = tokenizer.pad_token_id
    with tempfile.TemporaryDirectory(prefix="trl-") as folder:
        trainer = RewardTrainer(
            model=scorer,
            args=RewardConfig(
                output_dir=folder,
                num_train_epochs=1,
                per_device_train_batch_size=ROWS // 2,
                learning_rate=RATE,
                seed=seed,
                bf16=pick_dtype(device) == torch.bfloat16,
                use_cpu=device.type == "cpu",
                gradient_checkpointing=False,
                max_length=None,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=device.type == "cuda",
            ),
            train_dataset=Dataset.from_list(as_pairs(train)),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=RANK,
                lora_alpha=2 * RANK,
                target_modules="all-linear",
                task_type="SEQ_CLS",
                modules_to_save=["score"],
            ),
        )
        found = Trained()
        with timed(found):
            trainer.train()
        return replace(found, scores=classified(trainer.model, tokenizer, test))


def as_pairs(rankings: list[Ranking]) -> list[dict[str, Any]]:
    """Every untied pair of the rankings in TRL's conversational form."""
    rows = []
    for row in rankings:
        for better, first in zip(row.responses, row.ranks, strict=True):
            for worse, second in zip(row.responses, row.ranks, strict=True):
                if first < second:
                    answers = {"chosen": better, "rejected": worse}
                    rows.append(
                        {
                            side: [*row.prompt, {"role": "assistant", "content": text}]
                            for side, text in answers.items()
                        }
                    )
    return rows


@torch.inference_mode()
def classified(
    model: Any, tokenizer: PreTrainedTokenizerBase, rankings: list[Ranking]
) -> list[list[float]]:
    """Scores of TRL's model, from the same text that it was trained on."""
    model.eval()
    found = []
    for row in rankings:
        prompt = encode_prompt(tokenizer, row.prompt)
        whole = [
            [*prompt, *tokenizer(f"{text}<|im_end|>\n", add_special_tokens=False)["input_ids"]]
            for text in row.responses
        ]
        ids, mask = right_padded(whole, model.device)
        ids = ids.masked_fill(mask == 0, tokenizer.pad_token_id)
        found.append(model(input_ids=ids, attention_mask=mask).logits[:, 0].float().tolist())
    return found


METHODS: dict[str, Method] = {
    "ours, rankings of three, LoRA": ours,
    "TRL RewardTrainer, pairs, LoRA": trl,
    "ours, default (frozen features + style)": default,
}


def main() -> None:
    """Draw responses, vote, train each way on every seed, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reward", description=__doc__)
    parser.add_argument("--work", type=Path, help="keeps the weights and the drawn responses")
    parser.add_argument("--votes", type=int, default=100, help="training rankings, at most 150")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory(prefix="arena-reward-") as name:
        compare(options.work or Path(name), options.votes, options.seeds)


def compare(work: Path, votes: int, seeds: Sequence[int]) -> None:
    """Every method on every seed."""
    model = str(prepare(work / "weights"))
    bench = Bench(model, work, PREFERENCE, argparse.Namespace(style="counted"))
    print(f"{'':<42}{'votes/s':>9}{'votes/CPU s':>13}   held-out accuracy, by seed and mean")
    for name, method in METHODS.items():
        runs, rates = [], []
        for seed in seeds:
            rankings = [first(row) for row in read_rankings(str(bench.votes(seed) / FILE))]
            train, test = split_of(rankings, "train")[:votes], split_of(rankings, "test")
            transformers.set_seed(seed)
            runs.append(method(model, train, test, seed))
            rates.append(pairwise_accuracy(test, runs[-1].scores).rate)
        count = votes * len(runs)
        wall, cpu = sum(run.seconds for run in runs), sum(run.cpu for run in runs)
        shares = "  ".join(f"{rate:.1%}" for rate in [*rates, mean(rates)])
        print(f"{name:<42}{count / wall:>9.2f}{count / cpu:>13.2f}   {shares}", flush=True)


FILE = "rankings.jsonl"


def first(row: Ranking) -> Ranking:
    """The ranking of a row's first SIZE responses."""
    return replace(row, responses=row.responses[:SIZE], ranks=row.ranks[:SIZE])


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
