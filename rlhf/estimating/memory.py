"""What a stage holds at its peak, in bytes: term by term, and rather too much than too little.

A run has three moments that may be its largest: one part of a training step, drawing responses, and
reading them again for their likelihoods. Each holds the weights besides.
"""

from rlhf.estimating.machines import Machine
from rlhf.estimating.shapes import Shape
from rlhf.estimating.work import REWARD_DEPTH, Examples, samples
from rlhf.training import settings

RUNTIME = 700 * 1024**2  # Python with torch, transformers and TRL loaded
WHOLE = 4  # bytes of a weight as it is trained, in float32
GRADIENT, MOMENTS = 4, 8  # bytes beside each trained weight: its gradient, and AdamW's two moments
MARGIN = 1.1
# What a layer keeps is many blocks of changing sizes, and between them room is left that nothing
# fits into. In a CPU's heap half as much again, where batches differ in length.
HOLES = {"cpu": 1.5, "cuda": 1.1}
TEMPLATE = 30  # tokens that a chat template adds to a prompt
ROOM = 32  # tokens by which a cache grows
READ_TOGETHER = 16  # responses read again at the same time, for their likelihoods
FEATURES = 6  # copies of all responses' features, while a reward model's head is fitted to them

# TRL's head computes the loss in tiles of at most so many tokens and words of the vocabulary. A
# GPU holds one number of each tile, in bfloat16. A CPU scores prompts and padding too, and holds
# some ten numbers in float32 while it takes the gradient.
TILE_TOKENS, TILE_WORDS = 4096, 32_768
TILE_BYTES = {"cpu": 42, "cuda": 2}


def peak_bytes(config: settings.Run, shape: Shape, examples: Examples, machine: Machine) -> int:
    """The largest amount of memory that the training process needs on its device."""
    small = 2 if machine.bfloat16 else 4
    if isinstance(config, settings.Reward):
        whole = _reward(config, shape, examples, machine, small)
    else:
        assert isinstance(config, settings.Policy)
        whole = _policy(config, shape, examples, machine, small)
    return round(RUNTIME + MARGIN * whole)


def _reward(
    config: settings.Reward, shape: Shape, examples: Examples, machine: Machine, small: int
) -> float:
    depth = config.layers / shape.layers if config.layers else REWARD_DEPTH
    layers = max(1.0, depth * shape.layers)
    tokens = config.batch_rows * (
        min(config.max_response_tokens, 2 * examples.response_tokens)
        + min(config.max_prompt_tokens, 2 * examples.row_prompt_tokens + TEMPLATE)
    )
    # Loaded whole before the upper layers are dropped, beside the file that it is read from.
    loading = (WHOLE + small) * shape.parameters
    responses = examples.rows * examples.responses
    if config.thumbs_weight:
        responses += examples.thumbs
    features = FEATURES * responses * 2 * shape.hidden * WHOLE
    reading = _reward_weights(shape, depth) + features + _read(shape, tokens, layers, small)
    if config.lora_rank:
        copies = layers * small * shape.blocks / shape.layers
        kept = tokens * layers * _kept(shape, small, adapters=True)
        reading += HOLES[machine.kind] * (copies + kept)
    return max(loading, reading)


def _policy(
    config: settings.Policy, shape: Shape, examples: Examples, machine: Machine, small: int
) -> float:
    weights = WHOLE * shape.parameters
    held = weights + (_reward_weights(shape, REWARD_DEPTH) if config.reward_model else 0.0)
    before = 0.0  # what the policy was: without adapters it is loaded again to compare with
    trained = float(shape.parameters)
    if config.lora_rank:
        trained = config.lora_rank * shape.hidden * 20 * shape.layers  # seven matrices a layer
        held += WHOLE * trained
    else:
        before = weights
        if isinstance(config, settings.Kto) or (isinstance(config, settings.Grpo) and config.beta):
            held += weights  # and TRL keeps one of its own
    moments = MOMENTS * trained
    step = GRADIENT * trained + _training(config, shape, examples, machine, small)
    return held + moments + max(step, before + _looking(config, shape, examples, small))


def _training(
    config: settings.Policy, shape: Shape, examples: Examples, machine: Machine, small: int
) -> float:
    """One part of a step: what it keeps for the gradient, and the loss."""
    copies = small * shape.parameters if small == 2 else 0  # of the weights, for the products
    if _contrasts(config):
        tokens, said = _pair_tokens(config, examples)
        loss = said * shape.vocabulary * 2 * small  # logits and their gradient
        copies *= 2  # prompts are read before the responses
    else:
        tokens = _row_tokens(config, examples)
        tile = min(tokens, TILE_TOKENS) * min(shape.vocabulary, TILE_WORDS)
        loss = tile * TILE_BYTES[machine.kind]
    kept = tokens * shape.layers * _kept(shape, small, adapters=bool(config.lora_rank))
    return HOLES[machine.kind] * (kept + copies) + loss


def _row_tokens(config: settings.Policy, examples: Examples) -> float:
    """Tokens of a batch of rows, filled up to the longest."""
    if isinstance(config, settings.Pretrain):
        return min(config.batch_size, config.part_size) * config.block_tokens
    if isinstance(config, settings.Kto):
        return config.batch_size * (examples.row_width + TEMPLATE)
    if isinstance(config, settings.Sft):  # longer ones are left out
        return config.batch_size * min(examples.row_width + TEMPLATE, config.max_tokens)
    return config.batch_size * (examples.prompt_width + TEMPLATE + config.max_new_tokens)


def _pair_tokens(config: settings.Policy, examples: Examples) -> tuple[float, float]:
    """Tokens of a batch of pairs, filled up to the longest; and of its responses, which are not."""
    assert isinstance(config, settings.Contrast)
    responses = 2 * config.batch_size
    if not samples(config):  # on votes; a batch may say half as much again as the mean one
        said = 1.5 * responses * examples.response_tokens
        return responses * (examples.row_width + TEMPLATE), said
    said = float(responses * config.max_new_tokens)
    prompts = config.batch_size / min(config.pairs, config.batch_size)  # read once for all pairs
    # Each response has the prompt's keys and values besides, an eighth of what a token keeps.
    return said + (prompts + responses / 8) * (examples.prompt_width + TEMPLATE), said


def _contrasts(config: settings.Policy) -> bool:
    """Whether it learns by our own loss, from pairs."""
    imitates = isinstance(config, settings.BestOfN) and config.learn == "imitate"
    return isinstance(config, settings.Contrast) and not imitates


def _looking(config: settings.Policy, shape: Shape, examples: Examples, small: int) -> float:
    """Drawing responses or reading them again, whichever is larger."""
    width = examples.prompt_width + TEMPLATE + config.max_new_tokens
    if isinstance(config, settings.Grpo):
        rows = config.prompts_per_step * config.n
    elif isinstance(config, settings.Contrast) and samples(config):
        rows = min(config.sample_batch, config.n * config.train_prompts)
    else:
        rows = min(config.sample_batch, config.evaluation_prompts)
    # Twice: responses that go on are copied before the cache of all of them is let go.
    cache = 2 * rows * (width + ROOM) * 2 * shape.layers * shape.kv_width * small
    logits = rows * shape.vocabulary * (small + 2 * WHOLE)
    # It draws from a copy in the fast precision, which is made from one in float32.
    copied = WHOLE * shape.parameters
    drawing = max(copied, small * shape.parameters + cache + logits)
    reading = READ_TOGETHER * width * shape.vocabulary * 2 * small
    return max(drawing, reading)


def _reward_weights(shape: Shape, depth: float) -> float:
    return WHOLE * (shape.head + depth * shape.blocks)


def _read(shape: Shape, tokens: float, layers: float, small: int) -> float:
    """Reading without a gradient: one layer's numbers, and the keys and values of all."""
    numbers = 4 * WHOLE * shape.hidden + 3 * small * shape.intermediate
    return tokens * (numbers + layers * 2 * shape.kv_width * WHOLE)


def _kept(shape: Shape, small: int, *, adapters: bool) -> float:
    """Bytes that a layer keeps of each token for the gradient."""
    return small * ((14 if adapters else 18) * shape.hidden + 4 * shape.intermediate)
