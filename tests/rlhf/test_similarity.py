"""Near copies among prompts."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.exporting.similarity import THRESHOLD, copied, overlap, shingles

LONG = "please write a short story about a small robot that learns to paint in an old town"


def test_case_punctuation_and_a_changed_word_make_near_copies() -> None:
    changed = LONG.replace("old town", "old village")
    assert copied([LONG, "name a tree"], [changed]) == {0}
    assert copied([LONG.upper() + "!", changed, "name a tree"], [LONG, "a bush"]) == {0, 1}


def test_different_prompts_of_one_pattern_are_no_copies() -> None:
    assert copied(["What is the capital of France?"], ["What is the capital of Peru?"]) == set()


def test_overlap_is_jaccard_s_index() -> None:
    assert overlap(shingles("a b c d"), shingles("a b c e")) == 1 / 3


def test_texts_without_words_are_no_copies() -> None:
    assert copied(["", "!!!"], ["", "?"]) == set()


texts = st.lists(st.text(alphabet="abc ", min_size=3, max_size=40), max_size=12)


@settings(deadline=None, max_examples=100)
@given(texts, texts)
def test_what_is_found_is_what_a_look_at_all_pairs_finds(
    ours: list[str], others: list[str]
) -> None:
    nearly = {
        place
        for place, text in enumerate(ours)
        for other in others
        if shingles(text) and overlap(shingles(text), shingles(other)) >= THRESHOLD
    }
    assert copied(ours, others) == nearly


def test_prompts_of_one_template_do_not_take_all_pairs() -> None:
    told = (
        "write a short story about the thing number {} in the style of the old masters of our time"
    )
    begun = time.process_time()
    assert not copied(
        [told.format(n) + f" and {n} {n}" * 5 for n in range(200)],
        (told.format(n) + f" and {n} {n}" * 5 for n in range(200, 20_000)),
    )
    assert time.process_time() - begun < 5
