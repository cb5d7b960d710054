"""The next token of each request, with its own temperature, top-p and random stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

# The nucleus of a language model is nearly always within this many tokens; sorting the whole
# vocabulary at every step costs more than the attention.
NUCLEUS_FIRST_TRY = 512


def _seeded(seed: int | None) -> torch.Generator:
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


@dataclass
class Sampler:
    """How one request draws its tokens. `temperature` 0 is greedy; `seed` None is unpredictable."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    generator: torch.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.generator = _seeded(self.seed)

    def draw(self, logits: torch.Tensor) -> int:
        """One token from `logits` (V,) in float32 on the CPU."""
        if self.temperature == 0:
            return int(logits.argmax())
        probabilities = torch.softmax(logits / self.temperature, dim=-1)
        # One uniform number per token, whatever the batch: the stream depends on the seed alone.
        uniform = float(torch.rand((), generator=self.generator, dtype=torch.float64))
        if self.top_p >= 1:
            return _inverse(probabilities, uniform)
        kept, tokens = nucleus(probabilities, self.top_p)
        return int(tokens[_inverse(kept, uniform)])


def nucleus(probabilities: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The smallest set of likeliest tokens whose mass reaches `top_p`: (K,) masses and tokens.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration". At least one is kept.
    """
    size = probabilities.numel()
    masses, tokens = probabilities.topk(min(NUCLEUS_FIRST_TRY, size))
    if len(masses) < size and float(masses.sum()) < top_p:
        masses, tokens = probabilities.sort(descending=True)
    before = masses.cumsum(0) - masses
    count = max(1, int((before < top_p).sum()))
    return masses[:count], tokens[:count]


def _inverse(masses: torch.Tensor, uniform: float) -> int:
    """The index at which the cumulated masses pass `uniform` of their sum."""
    cumulated = masses.double().cumsum(0)
    index = torch.searchsorted(cumulated, uniform * cumulated[-1], right=True)
    return min(int(index), len(masses) - 1)


def draw_each(logits: torch.Tensor, samplers: Sequence[Sampler]) -> list[int]:
    """One token per row of `logits` (B, V)."""
    rows = logits.float().cpu()
    return [sampler.draw(row) for sampler, row in zip(samplers, rows, strict=True)]
