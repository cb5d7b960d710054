"""What a new arena starts with: a library of prompts and contenders that really answer."""

import json
from pathlib import Path

from django.conf import settings

from arena.models import Contender, Prompt

PROMPTS_FILE = Path(__file__).parent / "fixtures" / "prompts.jsonl"

# One set of weights, five characters. Each has a system prompt: without one, the model's chat
# template says who made it, and the answers would repeat that to a blind rater.
DEFAULT_CONTENDERS = [
    {
        "slug": "smol-plain",
        "name": "Smol Plain",
        "description": "The plain instruction-tuned model.",
        "system_prompt": "You are a helpful assistant.",
        "temperature": 0.7,
        "top_p": 0.95,
    },
    {
        "slug": "smol-concise",
        "name": "Smol Concise",
        "description": "Asked to be brief, sampled with little randomness.",
        "system_prompt": "You are a helpful assistant. Answer in one to three short sentences.",
        "temperature": 0.4,
        "top_p": 0.9,
    },
    {
        "slug": "smol-teacher",
        "name": "Smol Teacher",
        "description": "Asked to explain step by step, with an example.",
        "system_prompt": (
            "You are a patient teacher. Explain in simple words, step by step, "
            "and give one concrete example."
        ),
        "temperature": 0.6,
        "top_p": 0.95,
    },
    {
        "slug": "smol-lists",
        "name": "Smol Lists",
        "description": "Asked to answer as a short list.",
        "system_prompt": "You are a helpful assistant. Answer with a short bulleted list.",
        "temperature": 0.7,
        "top_p": 0.95,
    },
    {
        "slug": "smol-lively",
        "name": "Smol Lively",
        "description": "Asked to be warm and vivid, sampled with much randomness.",
        "system_prompt": "You are a warm, lively conversation partner with vivid language.",
        "temperature": 1.0,
        "top_p": 0.95,
    },
]


def load_prompt_library() -> int:
    """Adds the library's prompts that are not there yet; returns how many."""
    with PROMPTS_FILE.open(encoding="utf-8") as file:
        prompts = [Prompt(**json.loads(line)) for line in file]
    before = Prompt.objects.count()
    Prompt.objects.bulk_create(prompts, ignore_conflicts=True)
    return Prompt.objects.count() - before


def register_default_contenders() -> int:
    """Adds the default contenders to an arena that has none; returns how many."""
    if Contender.objects.filter(external=False).exists():
        return 0
    for fields in DEFAULT_CONTENDERS:
        Contender.objects.create(
            backend="local", model=settings.DEFAULT_MODEL, max_tokens=200, **fields
        )
    return len(DEFAULT_CONTENDERS)
