"""What a stage computes, phase by phase, counted in floating-point operations.

A token that is read costs two operations for each parameter that it meets. A token that is trained
on costs four with adapters (no gradient of frozen weights), six with all weights: Kaplan et al.
2020, arXiv:2001.08361. A token that is sampled costs as much as one that is read, but each step
also waits for the weights, which is told in rows: at 135M on two cores 1 row took 22 ms, 8 took
33 ms, 128 took 211 ms (DESIGN), so a step costs as much as 14 more rows would.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rlhf.estimating.machines import Kind
from rlhf.estimating.shapes import Shape
from rlhf.training import settings

STEP_ROWS = 14
LOOKED = 16  # responses in a look at a policy while it is trained
HELD_OUT = 0.2  # of the prompts of the library
TEST_SHARE = 0.1  # of datasets
REWARD_DEPTH = 1 / 3


@dataclass(frozen=True, slots=True)
class Examples:
    """What there is to learn from, in numbers and mean tokens.

    prompts, prompt_tokens: of the library. rows: rankings, thumbs or documents of the dataset, the
    held-out ones among them; each has `responses` of `response_tokens` to a prompt of
    `row_prompt_tokens`. text_tokens: of all documents. thumbs: on responses that no ranking holds,
    which a reward model learns from besides. longest_prompt: of the library; longest_row: a prompt
    of the dataset with one response; both are twice the mean where nothing is known of them.
    """

    prompts: int = 200
    prompt_tokens: float = 40
    rows: int = 0
    responses: float = 2
    row_prompt_tokens: float = 40
    response_tokens: float = 64
    text_tokens: float = 0
    thumbs: int = 0
    longest_prompt: float = 0
    longest_row: float = 0

    @property
    def prompt_width(self) -> float:
        """Tokens to which the library's prompts are filled up where they are read together."""
        return self.longest_prompt or 2 * self.prompt_tokens

    @property
    def row_width(self) -> float:
        """Tokens to which the dataset's rows are filled up."""
        return self.longest_row or 2 * (self.row_prompt_tokens + self.response_tokens)


@dataclass(frozen=True, slots=True)
class Load:
    """Operations of one kind in one phase."""

    phase: str
    kind: Kind
    operations: float


def work_of(config: settings.Run, shape: Shape, examples: Examples) -> list[Load]:
    """The loads of a stage with these settings."""
    if isinstance(config, settings.Reward):
        return _reward(config, shape, examples)
    assert isinstance(config, settings.Policy)
    found = _STAGES[type(config)](config, shape, examples)
    return [*found, *_evaluation(config, shape, examples)]


def sampling(shape: Shape, *, count: float, tokens: float, rows: int, prompt: float) -> float:
    """Operations to sample `count` responses of `tokens`, `rows` at a time."""
    batches = max(1.0, count / rows)
    steps = batches * tokens
    return 2 * shape.multiplied * (steps * (min(count, rows) + STEP_ROWS) + count * prompt / 4)


def trained(config: settings.Policy, shape: Shape, tokens: float) -> float:
    """Operations to train on tokens."""
    return (4 if config.lora_rank else 6) * shape.multiplied * tokens


def read(shape: Shape, tokens: float) -> float:
    """Operations to read tokens."""
    return 2 * shape.multiplied * tokens


def scored(shape: Shape, tokens: float, depth: float = REWARD_DEPTH) -> float:
    """Operations of a reward model, which is the lower layers of the same model."""
    return 2 * shape.blocks * depth * tokens


def _evaluation(config: settings.Policy, shape: Shape, examples: Examples) -> list[Load]:
    count = min(config.evaluation_prompts, max(1, round(HELD_OUT * examples.prompts)))
    whole = count * (examples.prompt_tokens + config.max_new_tokens)
    drawn = sampling(
        shape,
        count=count,
        tokens=config.max_new_tokens,
        rows=config.sample_batch,
        prompt=4 * examples.prompt_tokens,
    )
    judged = scored(shape, 2 * whole) if config.reward_model else 0.0
    # Looks during training: sixteen responses each, read by the policy and by its base.
    seen = LOOKED * (examples.prompt_tokens + config.max_new_tokens)
    once = sampling(
        shape,
        count=LOOKED,
        tokens=config.max_new_tokens,
        rows=config.sample_batch,
        prompt=4 * examples.prompt_tokens,
    )
    rounds = config.rounds if isinstance(config, settings.BestOfN) else 1
    looks = rounds * config.checkpoints + 1
    return [
        Load("evaluation", "sample", 2 * drawn),
        Load("evaluation", "read", read(shape, 4 * whole) + judged),
        Load("checkpoints", "sample", looks * once),
        Load("checkpoints", "read", looks * (read(shape, 2 * seen) + scored(shape, seen))),
    ]


def _reward(config: settings.Reward, shape: Shape, examples: Examples) -> list[Load]:
    depth = config.layers / shape.layers if config.layers else REWARD_DEPTH
    prompt = min(examples.row_prompt_tokens, config.max_prompt_tokens)
    response = min(examples.response_tokens, config.max_response_tokens)
    rankings = examples.rows * (prompt + examples.responses * response)
    # Thumbs on held-out prompts are not learnt from, and so not encoded.
    thumbs = 0.0
    if config.thumbs_weight:
        thumbs = (1 - TEST_SHARE) * examples.thumbs * (prompt + response)
    once = scored(shape, rankings + thumbs, min(1.0, depth))
    if not config.lora_rank:
        return [Load("features", "read", once)]
    learnt = scored(shape, (1 - TEST_SHARE) * rankings + thumbs, min(1.0, depth))
    return [
        Load("features", "read", once),
        Load("training", "read", once),
        Load("training", "train", 2 * config.epochs * learnt),
    ]


def _pretrain(config: settings.Pretrain, shape: Shape, examples: Examples) -> list[Load]:
    there = (1 - TEST_SHARE) * examples.text_tokens
    tokens = min(there, config.train_tokens) if config.train_tokens else there
    held_out = min(TEST_SHARE * examples.text_tokens, config.test_tokens)
    return [
        Load("measuring", "read", 2 * read(shape, held_out)),
        Load("training", "train", config.epochs * trained(config, shape, tokens)),
    ]


def _sft(config: settings.Sft, shape: Shape, examples: Examples) -> list[Load]:
    rows = (1 - TEST_SHARE) * examples.rows
    tokens = config.epochs * rows * (examples.row_prompt_tokens + examples.response_tokens)
    return [Load("training", "train", trained(config, shape, tokens))]


def _pairs(config: settings.Contrast, shape: Shape, prompts: float, tokens: float) -> Load:
    """Training on pairs; a prompt and the responses of its pairs have `tokens` together."""
    whole = prompts * tokens
    operations = config.epochs * trained(config, shape, whole) + read(shape, whole)
    return Load("training", "train", operations)


def _contrast(config: settings.Contrast, shape: Shape, examples: Examples) -> list[Load]:
    """Own samples, scored, and the best of them against the worst."""
    there = (1 - HELD_OUT) * examples.prompts
    prompts = min(config.train_prompts, there)
    count = config.n * prompts
    responses = count * config.max_new_tokens
    drawn = sampling(
        shape,
        count=count,
        tokens=config.max_new_tokens,
        rows=config.sample_batch,
        prompt=4 * examples.prompt_tokens / config.n,
    )
    judged = scored(shape, responses + prompts * examples.prompt_tokens)
    pairs = min(config.pairs, config.n // 2)
    of_prompt = examples.prompt_tokens + 2 * pairs * config.max_new_tokens
    return [
        Load("sampling", "sample", drawn),
        Load("scoring", "read", judged),
        _pairs(config, shape, prompts, of_prompt),
    ]


def _best_of_n(config: settings.BestOfN, shape: Shape, examples: Examples) -> list[Load]:
    return [
        Load(load.phase, load.kind, config.rounds * load.operations)
        for load in _contrast(config, shape, examples)
    ]


def samples(config: settings.Policy) -> bool:
    """Whether it chooses among its own samples; DPO does if it is given no rankings."""
    ranked = isinstance(config, settings.Dpo) and bool(config.rankings)
    return isinstance(config, settings.Contrast) and bool(config.reward_model) and not ranked


def _dpo(config: settings.Dpo, shape: Shape, examples: Examples) -> list[Load]:
    if samples(config):
        return _contrast(config, shape, examples)
    pair = examples.row_prompt_tokens + 2 * examples.response_tokens
    return [_pairs(config, shape, (1 - TEST_SHARE) * examples.rows, pair)]


def _grpo(config: settings.Grpo, shape: Shape, examples: Examples) -> list[Load]:
    rows = config.prompts_per_step * config.n
    whole = rows * (examples.prompt_tokens + config.max_new_tokens)
    drawn = sampling(
        shape,
        count=rows,
        tokens=config.max_new_tokens,
        rows=rows,
        prompt=4 * examples.prompt_tokens,
    )
    again = read(shape, 2 * whole) if config.beta else read(shape, whole)
    return [
        Load("training", "sample", config.steps * drawn),
        Load("training", "read", config.steps * (again + scored(shape, whole))),
        Load("training", "train", config.steps * trained(config, shape, whole)),
    ]


def _kto(config: settings.Kto, shape: Shape, examples: Examples) -> list[Load]:
    """TRL reads each thumb under the reference too, and a mismatched response under both."""
    rows = (1 - TEST_SHARE) * examples.rows
    tokens = config.epochs * rows * (examples.row_prompt_tokens + examples.response_tokens)
    return [
        Load("training", "read", read(shape, 3 * tokens)),
        Load("training", "train", trained(config, shape, tokens)),
    ]


_STAGES: dict[type, Callable[..., list[Load]]] = {
    settings.Pretrain: _pretrain,
    settings.Sft: _sft,
    settings.BestOfN: _best_of_n,
    settings.Dpo: _dpo,
    settings.Grpo: _grpo,
    settings.Kto: _kto,
}
