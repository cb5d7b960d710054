"""What each stage can be told, with its defaults and limits. Imports no torch: the web reads it.

Fields without a `knob` are files and folders, which the caller chooses and not a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.training.config import Knob, knob, knobs

SHARDED = ("fsdp", "deepspeed-zero3")  # no process holds all weights
LAUNCHES = ("none", "ddp", "deepspeed-zero2", *SHARDED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What every stage needs: the folder of a model, and the folder that the run leaves."""

    output: str
    model: str
    seed: int = knob(0, "The same seed on the same device gives the same result.", at_least=0)
    threads: int = knob(0, "CPU threads; 0 takes all cores.", at_least=0, at_most=1024)
    device: str = knob("auto", "auto takes a GPU if there is one.", choices=("auto", "cpu", "cuda"))
    save_seconds: float = knob(
        60.0,
        "How often a run keeps what it needs to go on after it was killed; 0: never.",
        at_least=0,
    )


@dataclass(frozen=True, kw_only=True)
class Reward(Run):
    """rankings: JSONL; without a 'test' split every fifth prompt is held out.

    thumbs: JSONL of thumbs to learn from besides, or '' for none.
    """

    rankings: str
    thumbs: str = ""
    thumbs_weight: float = knob(
        0.3,
        "How much a thumb, where there are thumbs, counts beside a vote; 0 leaves them out.",
        at_least=0,
        at_most=100,
    )
    layers: int = knob(0, "Lower layers of the language model to use; 0 uses a third.", at_least=0)
    lora_rank: int = knob(
        0, "Adapters trained besides the head; 0 trains none.", at_least=0, at_most=512
    )
    style: str = knob(
        "counted",
        "counted: length, lists and punctuation are read beside the text; ignored: they are not.",
        choices=("counted", "ignored"),
    )
    ensemble: int = knob(
        1,
        "Members, each trained on prompts drawn anew: their mean is the score, their spread tells "
        "how sure it is. They share the encoded texts (and adapters, where these are trained), so "
        "ten cost hardly more than one.",
        at_least=1,
        at_most=32,
    )
    learning_rate: float = knob(2e-4, "Step size for the adapters.", above=0, at_most=1)
    epochs: int = knob(1, "How often the adapters see each ranking.", above=0, at_most=100)
    batch_rows: int = knob(32, "Responses encoded at the same time.", at_least=2)
    max_prompt_tokens: int = knob(192, "How much of a prompt's end is read.", at_least=8)
    max_response_tokens: int = knob(128, "How much of a response's beginning is read.", at_least=1)
    minimum: int = knob(8, "Fewest training rankings.", at_least=2)


@dataclass(frozen=True, kw_only=True)
class Policy(Run):
    """What every stage that changes a policy needs.

    prompts: JSONL of prompts; those of the split 'test' (or, without any, every tenth) are held
    out for the evaluation. reward_model: a checkpoint of the stage 'reward', or '' for none.
    """

    prompts: str
    reward_model: str = ""
    lora_rank: int = knob(
        16,
        "Size of the low-rank adapters that are trained; 0 trains all weights, which needs a "
        "smaller learning_rate and more memory.",
        at_least=0,
        at_most=512,
    )
    learning_rate: float = knob(5e-4, "Step size of the optimiser.", above=0, at_most=1)
    epochs: float = knob(2.0, "How often each example is seen.", above=0, at_most=100)
    batch_size: int = knob(8, "Examples per optimiser step.", at_least=1)
    max_new_tokens: int = knob(
        64, "Longest response that is sampled, in tokens.", at_least=1, at_most=4096
    )
    temperature: float = knob(0.8, "Randomness of the sampled responses.", at_least=0.01, at_most=5)
    top_k: int = knob(50, "Sample from the k likeliest tokens; 0 from all.", at_least=0)
    top_p: float = knob(
        0.95, "Sample from the likeliest tokens with this total share.", at_least=0.01, at_most=1
    )
    sample_batch: int = knob(256, "Responses sampled at the same time.", at_least=1)
    evaluation_prompts: int = knob(32, "Held-out prompts on which it meets its base.", at_least=1)
    enter: str = knob(
        "gate",
        "gate: a result that passes enters battles by itself; operator: it waits for a person.",
        choices=("gate", "operator"),
    )
    gate_prompts: int = knob(
        16, "Gate: fewest held-out prompts on which it was judged.", at_least=1
    )
    gate_nll_rise: float = knob(
        0.3, "Gate: nats per token by which its text may be unlikelier than its base's.", at_least=0
    )
    gate_repetition_rise: float = knob(
        0.05, "Gate: rise of the share of repeated 4-grams.", at_least=0, at_most=1
    )
    gate_length_low: float = knob(0.3, "Gate: least length over its base's.", at_least=0)
    gate_length_high: float = knob(2.0, "Gate: greatest length over its base's.", at_least=0)
    gate_entropy_low: float = knob(0.4, "Gate: least entropy over its base's.", at_least=0)
    gate_win_rate: float = knob(
        0.5, "Gate: least share of wins by the reward model.", at_least=0, at_most=1
    )
    gate_reward_errors: float = knob(
        1.64,
        "Gate: standard errors by which its mean reward exceeds its base's.",
        at_least=0,
        at_most=10,
    )
    gate_distinct_low: float = knob(
        0.6, "Gate: least share of distinct word pairs over its base's.", at_least=0, at_most=1
    )
    gate_spread_high: float = knob(
        1.5,
        "Gate: greatest spread among an ensemble's members over that for its base's responses.",
        at_least=1,
    )
    checkpoints: int = knob(
        3,
        "How often it is measured beside its base while it is trained, the end included; the "
        "best of these becomes the result.",
        at_least=1,
        at_most=100,
    )
    launch: str = knob(
        "none",
        "Several processes by accelerate's configuration of that name; none starts one.",
        choices=LAUNCHES,
    )
    processes: int = knob(
        0, "How many processes; 0 takes one for each GPU.", at_least=0, at_most=64
    )


@dataclass(frozen=True, kw_only=True)
class Pretrain(Policy):
    """texts: JSONL of documents; without a 'test' split every tenth is held out.

    `prompts` serves only the evaluation: does it still answer as a chat model does?
    """

    texts: str
    block_tokens: int = knob(
        256, "Tokens that are read together; documents are packed into such blocks.",
        at_least=16, at_most=131_072,
    )  # fmt: skip
    train_tokens: int = knob(
        65_536, "Tokens of text to train on, drawn by document; 0 takes all.", at_least=0
    )
    test_tokens: int = knob(
        16_384, "Most tokens of held-out text on which perplexity is measured.", at_least=64
    )
    epochs: float = knob(1.0, "How often each block is seen.", above=0, at_most=100)
    batch_size: int = knob(4, "Blocks per optimiser step.", at_least=1)
    part_size: int = knob(
        4, "Blocks whose gradient is taken at the same time: fewer need less memory.", at_least=1
    )
    learning_rate: float = knob(2e-4, "Step size of the optimiser.", above=0, at_most=1)


@dataclass(frozen=True, kw_only=True)
class Sft(Policy):
    """demonstrations: JSONL to imitate; `prompts` serves only the evaluation."""

    demonstrations: str
    max_tokens: int = knob(
        1024, "Demonstrations of more tokens, the prompt included, are left out.", at_least=16
    )
    minimum: int = knob(2, "Fewest demonstrations.", at_least=2)


@dataclass(frozen=True, kw_only=True)
class Contrast(Policy):
    """Settings of the stages that choose among their own samples by a reward model."""

    n: int = knob(12, "Responses sampled for each prompt.", at_least=2, at_most=256)
    train_prompts: int = knob(128, "Prompts sampled from in each round.", at_least=2)
    pairs: int = knob(
        2,
        "Pairs of each prompt: the best against the worst, the second best against the second "
        "worst and so on.",
        at_least=1,
        at_most=128,
    )
    repetition_penalty: float = knob(
        40.0,
        "Reward that a response would lose if all of its 4-grams were repeated.",
        at_least=0,
        at_most=1000,
    )
    nll_penalty: float = knob(
        1.0,
        "Reward that a response loses for each nat by which its mean token is unlikely.",
        at_least=0,
        at_most=1000,
    )
    epochs: float = knob(1.0, "How often each example is seen.", above=0, at_most=100)
    beta: float = knob(0.1, "How strongly it is held to its base.", at_least=0.0001, at_most=100)
    sft_weight: float = knob(
        0.5, "Weight of imitating the chosen response.", at_least=0, at_most=100
    )


@dataclass(frozen=True, kw_only=True)
class BestOfN(Contrast):
    """Settings of the stage `best-of-n`."""

    learn: str = knob(
        "contrast",
        "contrast: towards the best and away from the worst; imitate: the best alone.",
        choices=("contrast", "imitate"),
    )
    rounds: int = knob(1, "How often sampling and training are repeated.", at_least=1, at_most=20)


@dataclass(frozen=True, kw_only=True)
class Dpo(Contrast):
    """rankings: JSONL, the best against the worst of each; or '' to sample and score instead."""

    rankings: str = ""


@dataclass(frozen=True, kw_only=True)
class Grpo(Policy):
    """Settings of the stage `grpo`."""

    n: int = knob(
        8,
        "Responses in a group: they are scored against each other.",
        at_least=2,
        at_most=256,
    )
    baseline: str = knob(
        "group",
        "What a reward is held against. group: its group's mean, and over the group's deviation "
        "(GRPO); leave-one-out: the mean of the group's other responses (RLOO).",
        choices=("group", "leave-one-out"),
    )
    prompts_per_step: int = knob(4, "Prompts, each with a group, per step.", at_least=1)
    batch_size: int = knob(
        8, "Responses whose gradient is taken at the same time: fewer need less memory.", at_least=1
    )
    steps: int = knob(24, "Optimiser steps.", at_least=1)
    rollouts: str = knob(
        "own",
        "Who samples: own, or vllm beside the training on the same GPUs.",
        choices=("own", "vllm"),
    )
    learning_rate: float = knob(1e-4, "Step size of the optimiser.", above=0, at_most=1)
    beta: float = knob(0.05, "How strongly it is held to its base.", at_least=0, at_most=100)


@dataclass(frozen=True, kw_only=True)
class Kto(Policy):
    """thumbs: JSONL of responses with a thumb up or down."""

    thumbs: str
    learning_rate: float = knob(2e-4, "Step size of the optimiser.", above=0, at_most=1)
    epochs: float = knob(1.0, "How often each thumb is seen.", above=0, at_most=100)
    batch_size: int = knob(8, "Thumbs per optimiser step.", at_least=2)
    beta: float = knob(0.1, "How strongly it is held to its base.", at_least=0.0001, at_most=100)
    minimum: int = knob(8, "Fewest training thumbs.", at_least=2)


def gate_knobs() -> dict[str, Knob]:
    """The settings that are limits of the gate."""
    return {name: one for name, one in knobs(Policy).items() if name.startswith("gate_")}


STAGES: dict[str, type[Run]] = {
    "pretrain": Pretrain,
    "sft": Sft,
    "reward": Reward,
    "best-of-n": BestOfN,
    "dpo": Dpo,
    "kto": Kto,
    "grpo": Grpo,
}
