"""Near copies among prompts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.exporting.similarity import near_copies, overlap, shingles

LONG = "please write a short story about a small robot that learns to paint in an old town"


def test_case_punctuation_and_a_changed_word_make_near_copies() -> None:
    texts = [LONG, LONG.upper() + "!", LONG.replace("old town", "old village"), "name a tree"]
    assert near_copies(texts) == {(0, 1), (0, 2), (1, 2)}


def test_different_prompts_of_one_pattern_are_no_copies() -> None:
    assert near_copies(["What is the capital of France?", "What is the capital of Peru?"]) == set()


def test_overlap_is_jaccard_s_index() -> None:
    assert overlap(shingles("a b c d"), shingles("a b c e")) == 1 / 3


def test_texts_without_words_are_no_copies() -> None:
    assert near_copies(["", "!!!", "?"]) == set()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(alphabet="ab ", min_size=3, max_size=30), max_size=12))
def test_what_is_found_is_what_a_look_at_all_pairs_finds_equal(texts: list[str]) -> None:
    sets = [shingles(text) for text in texts]
    found = near_copies(texts)
    for i in range(len(texts)):
        for j in range(i + 1, len(texts)):
            if sets[i] == sets[j] and sets[i]:
                assert (i, j) in found
            elif overlap(sets[i], sets[j]) < 0.7:
                assert (i, j) not in found
