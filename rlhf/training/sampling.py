"""Fast batched sampling of responses from a causal language model.

Four things make it fast on a CPU without changing what is sampled: a prompt is encoded once and
its cache repeated for its n responses; prompts are batched by length; the cache grows by blocks
instead of by a copy per token; finished rows leave the batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import astuple, dataclass

import numpy as np
import torch
from accelerate.utils import extract_model_from_parallel
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache, DynamicLayer

from rlhf.training.chats import Messages, encode_prompt
from rlhf.training.errors import TrainingError
from rlhf.training.losses import token_log_probs
from rlhf.training.pieces import Pieces
from rlhf.training.policies import adapted, merged, pick_dtype

KEEP_SHARE = 0.8  # finished rows are dropped once fewer than this share of the batch still runs
ROOM = 32  # tokens by which a cache layer grows


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn. `batch_size` counts responses decoded at the same time."""

    max_new_tokens: int = 64
    temperature: float = 0.8
    top_k: int = 50
    top_p: float = 0.95
    batch_size: int = 256


@dataclass(frozen=True)
class Completion:
    """One sampled response: its text, its token ids without the end token, whether it ended.

    nll: nats per token under the model that drew it, at temperature 1 and with the whole
    vocabulary.
    """

    text: str
    tokens: tuple[int, ...]
    finished: bool
    nll: float = 0.0


Progress = Callable[[int, int], None]
"""Called with (responses done, responses in all)."""


def sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    *,
    n: int = 1,
    settings: Sampling | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
    pieces: Pieces | None = None,
) -> list[list[Completion]]:
    """Draw n responses to each prompt; the answer is in the order of the prompts.

    The same seed, device and settings draw the same responses. `pieces` keeps each batch: those
    that it holds already are not drawn again.
    """
    settings = settings or Sampling()
    encoded = [encode_prompt(tokenizer, messages) for messages in prompts]
    order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
    results: list[list[Completion]] = [[] for _ in prompts]
    done, total = 0, n * len(prompts)
    per_batch = max(1, settings.batch_size // n)
    starts = range(0, len(order), per_batch)
    kept = [] if pieces is None else [as_completions(piece) for piece in pieces.done]
    if on_progress and starts and not kept:
        on_progress(0, total)  # the first batch may take long
    was_training = model.training
    model.eval()
    with as_fast(model) if len(kept) < len(starts) else nullcontext(model) as runner:
        for number, start in enumerate(starts):
            batch = order[start : start + per_batch]
            if number < len(kept):
                rows = kept[number]
            else:
                asked = [encoded[i] for i in batch]
                dice = batch_generator(model.device, seed, number)
                rows = _sample_batch(runner, tokenizer, asked, n, settings, dice)
            for position, index in enumerate(batch):
                results[index] = rows[position * n : (position + 1) * n]
            done += len(rows)
            if number < len(kept):
                continue
            if on_progress:
                on_progress(done, total)
            if pieces is not None:
                pieces.add([astuple(row) for row in rows])
    model.train(was_training)
    if pieces is not None:
        pieces.save()
    return results


def batch_generator(device: torch.device, seed: int, number: int) -> torch.Generator:
    """The dice of one batch: they depend on no batch before it, which need not be drawn again."""
    mixed = np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0]
    return torch.Generator(device=device).manual_seed(int(mixed) >> 1)


def as_completions(piece: Sequence[tuple[str, Sequence[int], bool, float]]) -> list[Completion]:
    """A kept batch of responses."""
    return [Completion(text, tuple(tokens), finished, nll) for text, tokens, finished, nll in piece]


@contextmanager
def as_fast(model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The model as it samples fastest; itself it stays as it was, to the last bit.

    Its adapters are folded into the weights, and these are in the precision that its device
    multiplies fastest: in a copy, since autocast casts every weight again at each token where no
    gradient is kept.
    """
    dtype, has_adapters = pick_dtype(model.device), bool(adapted(model))
    if model.dtype != dtype:
        # Without what accelerate wraps around the forward pass of a model under training.
        copied = extract_model_from_parallel(copy.deepcopy(model), keep_fp32_wrapper=False)
        yield (copied.merge_and_unload() if has_adapters else copied).to(dtype)
    elif has_adapters:
        with merged(model) as folded:
            yield folded
    else:
        yield model


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token ids that end a response, from the generation settings and the tokenizer."""
    configured = getattr(model, "generation_config", None)
    eos = configured.eos_token_id if configured is not None else None
    ids = {eos} if isinstance(eos, int) else set(eos or ())
    if tokenizer.eos_token_id is not None:
        ids.add(tokenizer.eos_token_id)
    return sorted(ids)


@torch.inference_mode()
def _sample_batch(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Sequence[Sequence[int]],
    n: int,
    settings: Sampling,
    generator: torch.Generator,
) -> list[Completion]:
    ends = end_tokens(model, tokenizer)
    drawn: list[list[int]] = [[] for _ in range(len(encoded) * n)]
    surprise = [0.0] * len(drawn)
    finished = [False] * len(drawn)
    stream = _decode(model, encoded, n, settings, generator, torch.tensor(ends))
    for rows, tokens, log_probs in stream:
        for row, token, log_prob in zip(
            rows.tolist(), tokens.tolist(), log_probs.tolist(), strict=True
        ):
            if finished[row]:
                continue
            if token in ends:
                finished[row] = True
            else:
                drawn[row].append(token)
                surprise[row] -= log_prob
    texts = tokenizer.batch_decode(drawn, skip_special_tokens=True)
    return [
        Completion(text.strip(), tuple(tokens), ended, nats / max(1, len(tokens)))
        for text, tokens, ended, nats in zip(texts, drawn, finished, surprise, strict=True)
    ]


def _decode(
    model: PreTrainedModel,
    encoded: Sequence[Sequence[int]],
    n: int,
    settings: Sampling,
    generator: torch.Generator,
    ends: torch.Tensor,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield (row numbers, their next tokens, those tokens' log-probabilities) per step.

    Rows that have finished are dropped.
    """
    device = model.device
    ends = ends.to(device)
    cache, logits, mask, position = _encode(model, encoded, n)
    rows = torch.arange(len(logits), device=device)
    running = torch.ones(len(logits), dtype=torch.bool, device=device)
    for step in range(settings.max_new_tokens):
        tokens = draw(logits, settings, generator)  # (rows,)
        yield rows, tokens, token_log_probs(logits, tokens)
        running = running & ~torch.isin(tokens, ends)
        alive = int(running.sum())
        if alive == 0 or step == settings.max_new_tokens - 1:
            return
        if alive < KEEP_SHARE * len(running):
            keep = running.nonzero().squeeze(1)
            cache.batch_select_indices(keep)
            rows, tokens, mask = rows[keep], tokens[keep], mask[keep]
            position, running = position[keep], running[keep]
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        out = model(
            input_ids=tokens[:, None],
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
        )
        logits, position = out.logits[:, -1], position + 1


def _encode(
    model: PreTrainedModel, encoded: Sequence[Sequence[int]], n: int
) -> tuple[Cache, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Encode each prompt once, repeat it n times; the next logits, mask and positions with it."""
    ids, mask = left_padded(encoded, model.device)  # (B, T)
    cache = Cache(layers=[_RoomyLayer() for _ in range(model.config.num_hidden_layers)])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    cache.batch_repeat_interleave(n)
    logits = out.logits[:, -1].repeat_interleave(n, 0)  # (B·n, vocabulary)
    position = positions[:, -1:].repeat_interleave(n, 0) + 1  # (B·n, 1)
    return cache, logits, mask.repeat_interleave(n, 0), position


def draw(logits: torch.Tensor, settings: Sampling, generator: torch.Generator) -> torch.Tensor:
    """One token per row of (rows, vocabulary) logits: top-k first, then top-p among those."""
    if settings.temperature == 0:
        return logits.argmax(-1)
    k = min(settings.top_k or logits.shape[-1], logits.shape[-1])
    values, indices = torch.topk(logits.float(), k)
    if not torch.isfinite(values[:, 0]).all():
        raise TrainingError(
            "The model's scores for the next token became nan.",
            "Lower the learning rate. If nothing was trained yet, the base's weights are broken.",
        )
    shares = torch.softmax(values / settings.temperature, -1)
    before = shares.cumsum(-1) - shares
    shares = shares.masked_fill(before >= settings.top_p, 0.0)
    choice = torch.multinomial(shares, 1, generator=generator)
    return indices.gather(1, choice).squeeze(1)


def left_padded(
    encoded: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (B, longest), padded on the left with id 0."""
    width = max(map(len, encoded))
    ids = torch.zeros((len(encoded), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(encoded):
        ids[row, width - len(tokens) :] = torch.tensor(tokens)
        mask[row, width - len(tokens) :] = 1
    return ids.to(device), mask.to(device)


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A cache layer that grows by blocks, so that a new token copies only itself."""

    _room: tuple[torch.Tensor, torch.Tensor] | None = None
    _owner: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append (B, heads, new, dim) and return views on everything so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states, value_states
            return self.keys, self.values
        used, length = self.keys.shape[2], self.keys.shape[2] + key_states.shape[2]
        # Selecting or repeating rows replaces keys: the room then no longer belongs to them.
        if self._room is None or self._owner is not self.keys or self._room[0].shape[2] < length:
            self._room = _with_room(self.keys, length), _with_room(self.values, length)
        keys, values = self._room
        keys[:, :, used:length], values[:, :, used:length] = key_states, value_states
        self.keys, self.values = keys[:, :, :length], values[:, :, :length]
        self._owner = self.keys
        return self.keys, self.values


def _with_room(states: torch.Tensor, length: int) -> torch.Tensor:
    batch, heads, used, dim = states.shape
    room = states.new_empty((batch, heads, length + ROOM, dim))
    room[:, :, :used] = states
    return room
