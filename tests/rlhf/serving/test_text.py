"""Tokens become text: whole characters, and nothing of a stop text."""

from hypothesis import given
from hypothesis import strategies as st

from rlhf.serving.text import TextStream


class Bytes:
    """A tokenizer with one token per byte of UTF-8."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str:
        return bytes(token_ids).decode(errors="replace")


def pieces(text: str, *stops: str) -> tuple[list[str], bool]:
    stream = TextStream(Bytes(), stops)
    out = []
    for token in text.encode():
        out.append(stream.push(token))
        if stream.stopped:
            break
    return [*out, stream.flush()], stream.stopped


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufffd")))
def test_nothing_is_lost_or_changed(text: str) -> None:
    assert "".join(pieces(text)[0]) == text


def test_a_character_of_several_tokens_comes_whole() -> None:
    assert pieces("é🙂")[0] == ["", "é", "", "", "", "🙂", ""]


def test_half_a_character_at_the_end_is_not_shown() -> None:
    stream = TextStream(Bytes())
    text = "".join(stream.push(token) for token in "كلام 🙂".encode()[:-2]) + stream.flush()
    assert text == "كلام "


@given(st.text("abc", max_size=30), st.lists(st.text("abc", min_size=1, max_size=3), max_size=3))
def test_text_ends_before_the_first_stop_text(text: str, stops: list[str]) -> None:
    shown, stopped = pieces(text, *stops)
    ends = [text.find(stop) for stop in stops if stop in text]
    assert stopped == bool(ends)
    whole = "".join(shown)
    assert text.startswith(whole)
    assert not any(stop in whole for stop in stops)
    if not ends:
        assert whole == text


def test_what_may_begin_a_stop_text_waits() -> None:
    assert pieces("one EN two", "END")[0] == [*"one ", "", "", "EN ", *"two", ""]


def test_broken_bytes_do_not_hold_the_stream_up() -> None:
    stream = TextStream(Bytes())
    text = "".join(stream.push(255) for _ in range(40)) + stream.flush()
    assert text == "\ufffd" * 40
