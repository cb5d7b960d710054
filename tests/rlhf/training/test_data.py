"""Input files: what is read, and how a bad line is reported."""

from __future__ import annotations

import pytest

from rlhf.training.data import read_demonstrations, read_prompts, read_rankings, split_of
from rlhf.training.errors import InputError
from tests.rlhf.training.conftest import WriteLines


def test_rankings_keep_order_ranks_weight_and_split(write_lines: WriteLines) -> None:
    path = write_lines(
        "r.jsonl",
        [
            {"prompt": "a", "responses": ["x", "y"], "ranks": [1, 2]},
            {
                "prompt": [{"role": "user", "content": "b"}],
                "responses": ["x", "y", "z"],
                "ranks": [1, 1, 3],
                "weight": 2,
                "split": "test",
            },
        ],
    )
    first, second = read_rankings(path)
    assert first.prompt == [{"role": "user", "content": "a"}]
    assert (second.ranks, second.weight) == ((1, 1, 3), 2.0)
    assert split_of([first, second], "test") == [second]


def test_a_system_prompt_comes_first(write_lines: WriteLines) -> None:
    (prompt,) = read_prompts(write_lines("p.jsonl", [{"prompt": "hi", "system": "be kind"}]))
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    assert prompt.text == "hi"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "a", "responses": ["x"], "ranks": [1]}, "two or more"),
        ({"prompt": "a", "responses": ["x", "y"], "ranks": [1]}, "one number per response"),
        ({"prompt": "a", "responses": ["x", "y"], "ranks": [0, 1]}, "from 1"),
        ({"prompt": "a", "responses": ["x", 2], "ranks": [1, 2]}, "must be texts"),
        ({"prompt": "", "responses": ["x", "y"], "ranks": [1, 2]}, "prompt must be"),
        ({"prompt": "a", "responses": ["x", "y"], "ranks": [1, 2], "weight": -1}, "above 0"),
        ({"prompt": "a", "responses": ["x", "y"], "ranks": [1, 2], "split": "dev"}, "'dev'"),
        ({"prompt": "a", "responses": ["x", "y"], "rank": [1, 2]}, "unknown key 'rank'"),
        ({"prompt": [{"role": "bot", "content": "a"}], "responses": ["x", "y"]}, "list|ranks|role"),
    ],
)
def test_a_bad_ranking_names_file_line_and_reason(
    write_lines: WriteLines, row: dict[str, object], words: str
) -> None:
    good = {"prompt": "a", "responses": ["x", "y"], "ranks": [1, 2]}
    path = write_lines("r.jsonl", [good, row])
    with pytest.raises(InputError, match=words) as caught:
        read_rankings(path)
    assert f"{path} line 2" in str(caught.value)


def test_an_empty_demonstration_is_refused(write_lines: WriteLines) -> None:
    path = write_lines("d.jsonl", [{"prompt": "a", "response": " "}])
    with pytest.raises(InputError, match="response must be a text"):
        read_demonstrations(path)


def test_an_empty_or_missing_file_is_refused(write_lines: WriteLines) -> None:
    with pytest.raises(InputError, match="no rows"):
        read_prompts(write_lines("p.jsonl", []))
    with pytest.raises(InputError, match="Cannot read"):
        read_prompts("/nowhere/p.jsonl")
