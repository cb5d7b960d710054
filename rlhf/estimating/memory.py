"""What a stage holds at its peak, in bytes. Rough, and rather too much than too little."""

from rlhf.estimating.machines import Machine
from rlhf.estimating.shapes import Shape
from rlhf.estimating.work import REWARD_DEPTH, Examples
from rlhf.training import settings

RUNTIME = 900 * 1024**2  # Python with torch, transformers and TRL loaded
OPTIMISER = 12  # bytes beside each trained weight: its gradient and AdamW's two moments
KEPT = 34  # numbers of the hidden width that a layer keeps for each token's gradient
LOGITS = 4  # copies of a token's logits, in float32, while its gradient is taken
MARGIN = 1.1


def peak_bytes(config: settings.Run, shape: Shape, examples: Examples, machine: Machine) -> int:
    """The largest amount of memory that the training process needs on its device."""
    small = 2 if machine.bfloat16 else 4
    if isinstance(config, settings.Reward):
        whole = _reward(config, shape, examples, small)
    else:
        assert isinstance(config, settings.Policy)
        whole = _policy(config, shape, examples, small)
    return round(RUNTIME + MARGIN * whole)


def _reward(config: settings.Reward, shape: Shape, examples: Examples, small: int) -> float:
    share = config.layers / shape.layers if config.layers else REWARD_DEPTH
    tokens = config.batch_rows * (
        min(config.max_response_tokens, 2 * examples.response_tokens)
        + min(config.max_prompt_tokens, 2 * examples.row_prompt_tokens)
    )
    kept = KEPT if config.lora_rank else 4
    layers = max(1.0, share * shape.layers) if config.lora_rank else 1.0
    weights = 4 * shape.parameters  # loaded whole before the upper layers are dropped
    return weights + tokens * shape.hidden * kept * layers * small


def _policy(config: settings.Policy, shape: Shape, examples: Examples, small: int) -> float:
    weights = 4.0 * shape.parameters
    fast_copy = small * shape.parameters if small == 2 else 0
    reward = 4 * REWARD_DEPTH * shape.parameters if config.reward_model else 0.0
    trained: float
    if config.lora_rank:
        adapters = config.lora_rank * shape.hidden * 20 * shape.layers  # seven matrices a layer
        trained = (4 + OPTIMISER) * adapters
    else:
        trained = OPTIMISER * shape.parameters + weights  # and the base, loaded to compare with
    used = max(_training(config, shape, examples, small), _sampling(config, shape, examples, small))
    return weights + fast_copy + reward + trained + used


def _training(config: settings.Policy, shape: Shape, examples: Examples, small: int) -> float:
    """Activations and logits of one part of a step."""
    response = config.max_new_tokens
    if isinstance(config, settings.Pretrain):
        rows, tokens = min(config.batch_size, config.part_size), config.block_tokens
        predicted = float(tokens)
    elif isinstance(config, settings.Sft | settings.Kto):
        # A batch is as long as its longest row: twice the mean.
        rows, tokens = (
            config.batch_size,
            round(2 * (examples.row_prompt_tokens + examples.response_tokens)),
        )
        predicted = float(tokens)
    elif isinstance(config, settings.Contrast) and config.reward_model:
        rows, tokens = config.batch_size, round(2 * examples.prompt_tokens + 2 * response)
        predicted = 2.0 * response
    elif isinstance(config, settings.Contrast):  # on votes: their own responses, of any length
        predicted = 2 * examples.response_tokens  # without what fills rows up
        rows, tokens = config.batch_size, round(2 * (examples.row_prompt_tokens + predicted))
    else:
        rows, tokens = config.batch_size, round(2 * examples.prompt_tokens + response)
        predicted = 2.0 * response  # the reference's logits too
    activations = tokens * shape.hidden * KEPT * shape.layers * small
    return rows * (activations + predicted * shape.vocabulary * 4 * LOGITS)


def _sampling(config: settings.Policy, shape: Shape, examples: Examples, small: int) -> float:
    """The cache and the logits of the responses that are sampled at the same time."""
    if isinstance(config, settings.Grpo):
        rows = config.prompts_per_step * config.n
    elif isinstance(config, settings.Contrast) and config.reward_model:
        rows = min(config.sample_batch, config.n * config.train_prompts)
    else:
        rows = min(config.sample_batch, config.evaluation_prompts)
    tokens = 2 * examples.prompt_tokens + config.max_new_tokens
    cache = 2 * tokens * shape.layers * shape.kv_width * small
    return rows * (cache + shape.vocabulary * 4 * LOGITS)
