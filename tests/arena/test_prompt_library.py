"""The starter library of prompts keeps its promises: size, balance, variety and clean text."""

import itertools
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "arena" / "fixtures" / "prompts.jsonl"
CATEGORIES = {
    "writing",
    "roleplay",
    "reasoning",
    "maths",
    "coding",
    "extraction",
    "science",
    "everyday",
}
# Chinese and Japanese write no spaces: there, one character counts as one word.
CJK_CHARACTER = "[\u3040-\u30ff\u3400-\u9fff]"
DIACRITICS = "\u0900-\u0903\u093a-\u094f\u064b-\u0652"
WORD = re.compile(rf"{CJK_CHARACTER}|(?:(?!{CJK_CHARACTER})[\w'’{DIACRITICS}])+")
SCRIPTS_AND_SIGNS = {
    "Arabic": r"[\u0600-\u06ff]{3}",
    "Chinese": r"[请从们这找]",
    "French": r"\bune\b",
    "German": r"\bwarum\b",
    "Hindi": r"[\u0900-\u097f]{3}",
    "Japanese": r"[\u3040-\u30ff]{2}",
    "Portuguese": r"\bfeijão\b",
    "Russian": r"[\u0400-\u04ff]{3}",
    "Spanish": r"[¿«]",
    "Swahili": r"\bkuliko\b",
}


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, in order."""
    return WORD.findall(text.lower())


@pytest.fixture(scope="module")
def prompts() -> list[dict[str, str]]:
    lines = LIBRARY.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_line_has_exactly_the_three_text_fields(prompts: list[dict[str, str]]) -> None:
    for prompt in prompts:
        assert set(prompt) == {"category", "text", "slug"}
        assert all(isinstance(value, str) and value for value in prompt.values()), prompt


def test_eight_categories_hold_25_prompts_each(prompts: list[dict[str, str]]) -> None:
    assert Counter(prompt["category"] for prompt in prompts) == dict.fromkeys(CATEGORIES, 25)


def test_slugs_are_unique_and_kebab_case(prompts: list[dict[str, str]]) -> None:
    slugs = [prompt["slug"] for prompt in prompts]
    assert [slug for slug, count in Counter(slugs).items() if count > 1] == []
    # 50 characters is the default length of a Django SlugField.
    wrong = [s for s in slugs if len(s) > 50 or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", s)]
    assert wrong == []


def test_prompts_have_between_8_and_80_words(prompts: list[dict[str, str]]) -> None:
    lengths = {prompt["slug"]: len(words(prompt["text"])) for prompt in prompts}
    assert {slug: n for slug, n in lengths.items() if not 8 <= n <= 80} == {}


def test_texts_carry_no_stray_spaces_or_control_characters(prompts: list[dict[str, str]]) -> None:
    for prompt in prompts:
        text = prompt["text"]
        assert text == text.strip(), prompt["slug"]
        assert text == unicodedata.normalize("NFC", text), prompt["slug"]
        controls = {c for c in text if unicodedata.category(c) == "Cc"} - {"\n"}
        assert not controls, prompt["slug"]


def test_no_two_prompts_are_near_duplicates(prompts: list[dict[str, str]]) -> None:
    sets = [(prompt["slug"], set(words(prompt["text"]))) for prompt in prompts]
    close = [
        (one, other)
        for (one, left), (other, right) in itertools.combinations(sets, 2)
        if len(left & right) >= 0.6 * len(left | right)
    ]
    assert close == []


@pytest.mark.parametrize("language", sorted(SCRIPTS_AND_SIGNS))
def test_the_library_speaks(language: str, prompts: list[dict[str, str]]) -> None:
    sign = re.compile(SCRIPTS_AND_SIGNS[language])
    assert any(sign.search(prompt["text"]) for prompt in prompts)
