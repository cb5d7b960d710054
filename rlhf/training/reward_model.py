"""A reward model: the lower layers of a language model, counted style, one linear value head."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModel, PreTrainedTokenizerBase
from transformers.cache_utils import DynamicCache

from rlhf.training.chats import Messages, encode_prompt
from rlhf.training.errors import InputError
from rlhf.training.pieces import Pieces
from rlhf.training.policies import load_tokenizer, pick_dtype
from rlhf.training.sampling import left_padded
from rlhf.training.style import WIDTH, style

DEFAULT_DEPTH = 1 / 3  # measured: docs/decisions/0004-default-update.md
HEAD_FILE = "value_head.safetensors"
SETTINGS_FILE = "reward.json"
Group = tuple[Messages, Sequence[str]]
"""A prompt and the responses to it that are scored together."""


@dataclass(frozen=True)
class RewardSettings:
    """How much of a text is read, in tokens: a prompt's end and a response's beginning.

    style: whether countable style is read beside the language model's features. ensemble: members,
    each with a head of its own. Reward models of before have no such settings: they read no style
    and have one head.
    """

    max_prompt_tokens: int = 192
    max_response_tokens: int = 128
    style: bool = False
    ensemble: int = 1


class RewardModel(nn.Module):
    """Scores responses to a prompt; higher is better; only differences have a meaning.

    A response's features are the mean over its tokens of the last hidden state, beside the hidden
    state of its end token, beside its countable style (`style.style`) where the settings say so;
    the head is linear on standardised features. Each prompt is encoded once for all its responses.
    The score is the mean over the ensemble's members, which share the features: encoding is what
    costs. Over the training responses scores have mean 0 and deviation 1.
    """

    center: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    spread: torch.Tensor

    def __init__(
        self, backbone: Any, tokenizer: PreTrainedTokenizerBase, settings: RewardSettings
    ) -> None:
        super().__init__()
        self.blocks = [2 * backbone.config.hidden_size, *([WIDTH] if settings.style else [])]
        width = sum(self.blocks)
        self.backbone = backbone
        self.tokenizer = tokenizer
        self.settings = settings
        self.head = nn.Linear(width, settings.ensemble)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("shift", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        self.to(backbone.device)

    def features(self, groups: Sequence[Group]) -> torch.Tensor:
        """Features of all responses, group by group: (number of responses, width)."""
        device = self.backbone.device
        prompts = [self._prompt_tokens(messages) for messages, _ in groups]
        answers = [self._answer_tokens(text) for _, texts in groups for text in texts]
        counts = torch.tensor([len(texts) for _, texts in groups], device=device)
        prompt_ids, prompt_mask = left_padded(prompts, device)  # (G, P)
        answer_ids, answer_mask = right_padded(answers, device)  # (R, A)
        cache = DynamicCache()
        positions = (prompt_mask.cumsum(1) - 1).clamp(min=0)
        with torch.autocast(device.type, torch.bfloat16, pick_dtype(device) == torch.bfloat16):
            self.backbone(
                input_ids=prompt_ids,
                attention_mask=prompt_mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
            )
            cache.batch_repeat_interleave(counts)
            lengths = prompt_mask.sum(1).repeat_interleave(counts)
            steps = torch.arange(answer_ids.shape[1], device=device)
            hidden = self.backbone(
                input_ids=answer_ids,
                attention_mask=torch.cat(
                    [prompt_mask.repeat_interleave(counts, 0), answer_mask], dim=1
                ),
                position_ids=lengths[:, None] + steps[None],
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state.float()  # (R, A, H)
        weights = answer_mask / answer_mask.sum(1, keepdim=True)
        mean = (hidden * weights[..., None]).sum(1)
        last = hidden[torch.arange(len(hidden), device=device), answer_mask.sum(1) - 1]
        found = [mean, last]
        if self.settings.style:
            counted = [style(text) for _, texts in groups for text in texts]
            found.append(torch.tensor(counted, device=device))
        return torch.cat(found, dim=1)

    def standardise_features(self, features: torch.Tensor) -> None:
        """Take each feature's mean and deviation, such that every block's variances sum to 1.

        So the L2 penalty means the same for any number of features, and a few counts weigh as much
        as a thousand hidden states.
        """
        sizes = torch.tensor([float(size) for size in self.blocks for _ in range(size)])
        self.center.copy_(features.mean(0))
        self.scale.copy_(features.std(0).clamp(min=1e-4) * sizes.sqrt().to(features.device))

    def raw_members(self, features: torch.Tensor) -> torch.Tensor:
        """Each member's scores, (R, members), before they are put on the common scale."""
        scores: torch.Tensor = self.head((features - self.center) / self.scale)
        return scores

    def raw_scores(self, features: torch.Tensor) -> torch.Tensor:
        """Scores (R,) before they are put on the training responses' scale."""
        return self.raw_members(features).mean(-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Scores (R,) of features (R, width)."""
        return (self.raw_scores(features) - self.shift) / self.spread

    @torch.inference_mode()
    def all_features(
        self,
        groups: Sequence[Group],
        *,
        rows: int = 64,
        on_progress: Callable[[int, int], None] | None = None,
        pieces: Pieces | None = None,
    ) -> torch.Tensor:
        """`features` in batches of about `rows` responses of like length, in the given order.

        `pieces` keeps each batch: those that it holds already are not computed again.
        """
        order = sorted(range(len(groups)), key=lambda index: _size(groups[index]))
        blocks: list[torch.Tensor | None] = [None] * len(groups)
        kept = [] if pieces is None else list(pieces.done)
        if on_progress and not kept:
            on_progress(0, len(groups))  # the first batch may take long
        for number, batch in enumerate(batches(order, [len(texts) for _, texts in groups], rows)):
            fresh = number >= len(kept)
            found = self.features([groups[index] for index in batch]) if fresh else kept[number]
            parts = torch.split(found, [len(groups[index][1]) for index in batch])
            for index, block in zip(batch, parts, strict=True):
                blocks[index] = block
            if fresh and on_progress:
                on_progress(sum(block is not None for block in blocks), len(groups))
            if fresh and pieces is not None:
                pieces.add(found)
        if pieces is not None:
            pieces.save()
        return torch.cat([block for block in blocks if block is not None])

    @torch.inference_mode()
    def score(
        self,
        groups: Sequence[Group],
        *,
        rows: int = 64,
        on_progress: Callable[[int, int], None] | None = None,
        pieces: Pieces | None = None,
    ) -> list[list[float]]:
        """Scores of every group's responses, in order; `pieces` keeps their features."""
        if not groups:
            return []
        self.eval()
        scores = self(self.all_features(groups, rows=rows, on_progress=on_progress, pieces=pieces))
        return [part.tolist() for part in torch.split(scores, [len(texts) for _, texts in groups])]

    @torch.inference_mode()
    def score_by_member(self, groups: Sequence[Group], *, rows: int = 64) -> list[torch.Tensor]:
        """Every group's scores by each member, (responses, members), on the scale of `score`."""
        if not groups:
            return []
        self.eval()
        raw = self.raw_members(self.all_features(groups, rows=rows))
        scores = (raw - self.shift) / self.spread
        return list(torch.split(scores, [len(texts) for _, texts in groups]))

    def save(self, folder: Path) -> None:
        """Write the backbone, the tokenizer, the head and the settings."""
        self.backbone.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        kept = {name: value.contiguous() for name, value in self.state_dict().items()}
        head = {name: value for name, value in kept.items() if not name.startswith("backbone.")}
        save_file(head, folder / HEAD_FILE)
        (folder / SETTINGS_FILE).write_text(json.dumps(asdict(self.settings)), encoding="utf-8")

    def _prompt_tokens(self, messages: Messages) -> list[int]:
        return encode_prompt(self.tokenizer, messages)[-self.settings.max_prompt_tokens :]

    def _answer_tokens(self, text: str) -> list[int]:
        tokens = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        kept: list[int] = list(tokens[: self.settings.max_response_tokens])
        return [*kept, int(self.tokenizer.eos_token_id)]


def new_reward_model(
    model: str, device: torch.device, layers: int, settings: RewardSettings
) -> RewardModel:
    """An untrained reward model on the first `layers` layers of a language model (0: a third)."""
    tokenizer = load_tokenizer(model)
    backbone = AutoModel.from_pretrained(model, dtype=torch.float32)
    depth = backbone.config.num_hidden_layers
    if layers > depth:
        raise InputError(
            f"layers is {layers}, but {model} has {depth}.", "Use fewer, or 0 for a third."
        )
    kept = layers or math.ceil(depth * DEFAULT_DEPTH)
    backbone.layers = backbone.layers[:kept]
    backbone.config.num_hidden_layers = kept
    backbone.requires_grad_(False)
    return RewardModel(backbone.to(device), tokenizer, settings)


def load_reward_model(folder: str | Path, device: torch.device | str = "cpu") -> RewardModel:
    """Load what `RewardModel.save` wrote; raises InputError if the folder is no reward model."""
    folder = Path(folder)
    if not (folder / HEAD_FILE).is_file() or not (folder / SETTINGS_FILE).is_file():
        raise InputError(f"{folder} is not a reward model.", "Train one with the stage 'reward'.")
    settings = RewardSettings(**json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8")))
    backbone = AutoModel.from_pretrained(folder, dtype=torch.float32).to(device)
    backbone.requires_grad_(False)
    model = RewardModel(backbone, load_tokenizer(str(folder)), settings)
    found = model.load_state_dict(load_file(folder / HEAD_FILE, device=str(device)), strict=False)
    if found.unexpected_keys or any(not key.startswith("backbone.") for key in found.missing_keys):
        raise InputError(f"{folder / HEAD_FILE} does not fit.", "Train the reward model again.")
    return model.eval()


def batches(order: Sequence[int], sizes: Sequence[int], rows: int) -> list[list[int]]:
    """Cut an order of groups into batches of at most `rows` responses (at least one group)."""
    cut: list[list[int]] = []
    filled = rows
    for index in order:
        if not cut or filled + sizes[index] > rows:
            cut.append([])
            filled = 0
        cut[-1].append(index)
        filled += sizes[index]
    return cut


def right_padded(
    encoded: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, both (B, longest), padded on the right with id 0."""
    width = max(map(len, encoded))
    ids = torch.zeros((len(encoded), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(encoded):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids.to(device), mask.to(device)


def _size(group: Group) -> int:
    return max(map(len, group[1]))
