"""Stage `pretrain`: go on pretraining a chat model on text, next-token loss on every token.

Documents are packed into blocks (`packing.pack`). Held-out documents tell what was learnt, by
perplexity before and after; held-out prompts tell what it cost. Adapters learn less than all
weights would, and forget less (Biderman et al. 2024, arXiv:2405.09673), so they are the default.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl import SFTConfig

from rlhf.training import settings
from rlhf.training.data import Document, need, read_documents, split_of
from rlhf.training.distributed import is_first, share
from rlhf.training.looks import keep_best
from rlhf.training.packing import gain, pack, surprise
from rlhf.training.resumable import ResumableSFT
from rlhf.training.text_gate import Learnt, text_checks, text_reasons
from rlhf.training.trainers import (
    TEXT_NAMES,
    ProgressCallback,
    Report,
    largest_part,
    trainer_arguments,
)
from rlhf.training.update import HELD_OUT_EVERY, Update, close_update, open_update

PHASES = {"measuring": 0.07, "training": 0.8}
TOKENISED = 64  # documents at the same time


def main(config: settings.Pretrain) -> None:
    """Measure held-out text, train, measure again, then evaluate and publish."""
    update = open_update(config, PHASES)
    train, test = split_documents(read_documents(config.texts))
    need(train, 1, "training documents", config.texts)
    need(test, 1, "held-out documents", config.texts)
    blocks = packed(update.tokenizer, train, config, config.train_tokens)
    held_out = packed(update.tokenizer, test, config, config.test_tokens)
    with update.output.phase("measuring") as report:
        before = surprise(update.policy, held_out, rows=config.part_size, on_progress=report)
        report(1, 1, held_out_perplexity=before.perplexity)
    with update.output.phase("training") as report:
        go_on(update, blocks, config, report)
    update.output.count("training", round(config.epochs * sum(map(len, blocks))))
    if not is_first():
        return
    keep_best(update)  # what is measured is what is published
    with update.output.phase("measuring") as report:
        after = surprise(update.policy, held_out, rows=config.part_size)
        report(1, 1, held_out_perplexity=after.perplexity)
    nats, error = gain(before, after)
    learnt = Learnt(len(held_out), before.perplexity, after.perplexity, nats, error)
    metrics = {
        "held_out_perplexity_base": learnt.base,
        "held_out_perplexity": learnt.new,
        "held_out_gain": nats,
        "held_out_gain_error": error,
        "held_out_tokens": sum(after.tokens),
        "train_tokens": sum(map(len, blocks)),
        "train_documents": len(train),
        "test_documents": len(test),
    }
    close_update(
        update,
        "pretrain",
        metrics,
        lambda found: (text_checks(learnt, found), text_reasons(learnt, found)),
    )


def split_documents(rows: Sequence[Document]) -> tuple[list[Document], list[Document]]:
    """Training and held-out documents; without a test split every tenth, or the last, is held out.

    A single document cannot be parted: then there is no held-out one.
    """
    test = split_of(rows, "test")
    if test:
        return split_of(rows, "train"), test
    places = range(len(rows))
    held = [place for place in places if place % HELD_OUT_EVERY == HELD_OUT_EVERY - 1]
    held = held or list(places[1:][-1:])
    return [rows[i] for i in places if i not in set(held)], [rows[i] for i in held]


def packed(
    tokenizer: PreTrainedTokenizerBase,
    documents: Sequence[Document],
    config: settings.Pretrain,
    tokens: int,
) -> list[list[int]]:
    """Blocks of about `tokens` tokens (0: of all), documents drawn by the seed.

    A rest that fills no block is left out unless it is all there is.
    """
    order = random.Random(config.seed).sample(documents, len(documents))
    found: list[list[int]] = []
    read = 0
    rows = iter(order)
    while texts := [row.text for row in islice(rows, TOKENISED)]:
        for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]:
            found.append(ids)
            read += len(ids) + 1
            if tokens and read >= tokens:
                break
        if tokens and read >= tokens:
            break
    blocks = pack(found, end=tokenizer.eos_token_id, size=config.block_tokens)
    whole = [block for block in blocks if len(block) == config.block_tokens]
    most = max(1, tokens // config.block_tokens) if tokens else len(whole)
    return whole[:most] or blocks


def go_on(
    update: Update, blocks: Sequence[list[int]], config: settings.Pretrain, report: Report
) -> None:
    """Next-token loss on all tokens of all blocks, by TRL's SFTTrainer."""
    with trainer_arguments(config, update.policy.device) as shared:
        rows = share(config.batch_size, "batch_size")
        part = largest_part(rows, config.part_size)
        shared |= {"per_device_train_batch_size": part}
        trainer = ResumableSFT(
            model=update.policy,
            args=SFTConfig(
                **shared,
                gradient_accumulation_steps=rows // part,
                max_length=None,
                completion_only_loss=False,
            ),
            train_dataset=Dataset.from_dict({"input_ids": list(blocks)}),
            processing_class=update.tokenizer,
            callbacks=[ProgressCallback(report, TEXT_NAMES)],
        )
        trainer.train_update(update)
