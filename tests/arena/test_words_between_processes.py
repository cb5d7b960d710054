"""What one web process tells the others arrives in the order in which it was said."""

from hypothesis import given
from hypothesis import strategies as st

from arena.live.hub import gathered

CHANNELS = (None, "one", "two", "three")


@given(st.lists(st.sampled_from(CHANNELS)))
def test_every_process_hears_its_own_and_those_to_all_in_order(channels: list[str | None]) -> None:
    waiting = [(channel, {"number": number}) for number, channel in enumerate(channels)]
    sent = [(channel, one["number"]) for channel, many in gathered(waiting) for one in many]
    for mine in CHANNELS[1:]:
        heard = [number for channel, number in sent if channel in {None, mine}]
        assert heard == [n for n, channel in enumerate(channels) if channel in {None, mine}]


def test_what_waits_for_one_process_is_one_message() -> None:
    waiting = [(channel, {"number": n}) for n in range(100) for channel in ("one", "two")]
    assert [(channel, len(many)) for channel, many in gathered(waiting)] == [
        ("one", 100),
        ("two", 100),
    ]


def test_what_is_said_to_all_is_a_message_of_its_own() -> None:
    waiting = [(None, {"number": 0}), (None, {"number": 1})]
    assert gathered(waiting) == [(None, [{"number": 0}]), (None, [{"number": 1}])]
