"""What a vote was about is told from its texts by rules that anybody can check."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.categories import EXPLAINED, LANGUAGES, categories_of, label, language_of
from arena.selectors import DecidedVote, RatedResponse

MT_BENCH = Path(__file__).parents[3] / "shared" / "data" / "prompts" / "mt_bench_question.jsonl"


def vote(*prompts: str, answers: Sequence[str] = ("Because.", "So."), **fields: Any) -> DecidedVote:
    values: dict[str, Any] = {
        "vote_id": 1,
        "battle_id": UUID(int=1),
        "rater_id": 1,
        "population": "people",
        "category": "",
        "cast_at": datetime(2031, 1, 1, tzinfo=UTC),
        "all_bad": False,
        "prompts": prompts,
        "responses": tuple(
            RatedResponse(number, f"c{number}", f"C{number}", 1, (text,))
            for number, text in enumerate(answers)
        ),
    }
    return DecidedVote(**values | fields)


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a Python function that reverses a list.",
        "What is wrong here?\n```\nx = = 1\n```",
        "Fix this:\n~~~js\nlet a\n~~~\nThanks",
        "Why does my unit test fail only on Windows?",
        "Explain templates in C++ to me.",
    ],
)
def test_programming_is_coding(prompt: str) -> None:
    assert "coding" in categories_of(vote(prompt))


def test_code_in_an_answer_makes_it_coding() -> None:
    assert "coding" in categories_of(vote("Show me.", answers=["Look:\n```\nx\n```", "No."]))


@pytest.mark.parametrize(
    "prompt",
    [
        "What is 12 * 7?",
        "Solve x^2 = 9 for x.",
        r"Show that $\frac{a}{b} = c$.",
        "What is 15% of 80 euros?",
        "State the central limit theorem.",
    ],
)
def test_sums_and_terms_are_maths(prompt: str) -> None:
    assert "maths" in categories_of(vote(prompt))


@pytest.mark.parametrize(
    "prompt",
    [
        "Write a poem about the moon in 3-5 lines.",
        "What happened on 2031-07-15?",
        "Plan a dinner for 4 people.",
        "My favourite class at school was art.",
    ],
)
def test_everyday_prompts_are_neither(prompt: str) -> None:
    assert not {"coding", "maths"} & set(categories_of(vote(prompt)))


def test_a_formula_inside_a_code_block_is_no_maths() -> None:
    assert "maths" not in categories_of(vote("What does this print?\n```\n3 * 4\n```"))


def test_the_librarys_category_and_tags_count_too() -> None:
    found = categories_of(vote("Hm?", category="roleplay", tags=("pilot-1",)))
    assert {"roleplay", "tag-pilot-1"} <= set(found)


def test_two_turns_are_multi_turn_and_their_words_add_up() -> None:
    assert "multi-turn" not in categories_of(vote("word " * 199))
    assert "long-prompt" not in categories_of(vote("word " * 199))
    assert {"multi-turn", "long-prompt"} <= set(categories_of(vote("word " * 100, "word " * 100)))


def test_raters_with_and_without_an_account() -> None:
    assert "signed-in" in categories_of(vote("Hm?", signed_in=True))
    assert "anonymous" in categories_of(vote("Hm?", signed_in=False))
    assert not {"signed-in", "anonymous"} & set(categories_of(vote("Hm?")))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Why is the sky blue?", "en"),
        ("Erkläre mir die Relativitätstheorie.", "de"),
        ("Напиши вірш про осінь", "uk"),
        ("请写一首诗", "zh"),
        ("مرحبا كيف حالك", "ar"),
        ("ok", ""),
        ("2 + 2", ""),
        ("", ""),
    ],
)
def test_the_language_is_told_or_left_open(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("German", "language-de"),
        ("german", "language-de"),
        ("de", "language-de"),
        ("pt-BR", "language-pt"),
        ("zh_Hant", "language-zh"),
        ("unknown", "language-en"),
        ("", "language-en"),
    ],
)
def test_a_file_names_the_language_or_it_is_detected(said: str, category: str) -> None:
    found = categories_of(vote("What should I see in Lisbon in a day?", language=said))
    assert [name for name in found if name.startswith("language-")] == [category]


def test_code_does_not_blur_the_language() -> None:
    prompt = "Was gibt dieses Programm aus?\n```python\nfor item in the_list:\n    print(item)\n```"
    assert "language-de" in categories_of(vote(prompt))


@given(st.lists(st.text(max_size=80), min_size=1, max_size=3))
def test_any_text_has_sorted_categories_without_spaces(prompts: list[str]) -> None:
    found = categories_of(vote(*prompts))
    assert list(found) == sorted(set(found))
    assert all(name and " " not in name and label(name) for name in found)


@pytest.mark.skipif(not MT_BENCH.exists(), reason=f"needs the data set in {MT_BENCH.parent}")
def test_the_rules_agree_with_the_authors_of_mt_bench() -> None:
    """80 questions of two turns that the rules were not written for (twice looked at since)."""
    rows = [json.loads(line) for line in MT_BENCH.read_text(encoding="utf-8").splitlines()]
    for theirs, ours, least_found, most_wrong in (
        ("coding", "coding", 10, 2),
        ("math", "maths", 7, 6),
    ):
        found = [row["category"] for row in rows if ours in categories_of(vote(*row["turns"]))]
        assert found.count(theirs) >= least_found
        assert len(found) - found.count(theirs) <= most_wrong
    english = [row for row in rows if "language-en" in categories_of(vote(*row["turns"]))]
    assert len(rows) - len(english) <= 1  # one is a bare formula


def test_labels_are_words() -> None:
    assert [label(name) for name in ("language-de", "tag-pilot-1", "long-prompt")] == [
        "German",
        "#pilot-1",
        "Long prompt",
    ]
    assert all(len(code) == 2 for code in LANGUAGES)
    assert all(text.endswith(".") for text in EXPLAINED.values())
