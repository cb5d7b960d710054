"""Votes taken out of online Elo: the tape gives what playing all the others gives, bit for bit."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ranking.counting import Ballot, Counts
from ranking.tape import Recorded, look, without

MOMENT = datetime(2025, 1, 1, tzinfo=UTC)


@st.composite
def ballots(draw: st.DrawFn) -> list[Ballot]:
    made = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        lineup = draw(st.permutations(range(1, 7)))[: draw(st.integers(2, 3))]
        made.append(
            Ballot(
                vote=number,
                rater=1,
                population=draw(st.sampled_from(["people", "simulated"])),
                categories=tuple(
                    draw(st.lists(st.sampled_from(["coding", "german"]), unique=True))
                ),
                cast_at=MOMENT,
                lineup=tuple(lineup),
                ranks=tuple(draw(st.integers(1, 3)) for _ in lineup),
            )
        )
    return made


@given(ballots(), st.data())
def test_the_tape_gives_what_playing_the_others_gives(
    votes: list[Ballot], data: st.DataObject
) -> None:
    out = set(data.draw(st.lists(st.sampled_from([vote.vote for vote in votes]), min_size=1)))
    counts, tape = Counts(), []
    for vote in votes:
        tape.append(Recorded(vote, look(counts.elo, vote)))
        counts.play(vote)
    fresh = Counts()
    for vote in votes:
        if vote.vote not in out:
            fresh.play(vote)
    rewound = without(out, tape[min(out) - 1 :])
    known = {key: score for key, score in (counts.elo | rewound.elo).items() if score.votes}
    assert known == fresh.elo


@given(ballots())
def test_what_the_later_votes_find_is_recorded_anew(votes: list[Ballot]) -> None:
    counts, tape = Counts(), []
    for vote in votes:
        tape.append(Recorded(vote, look(counts.elo, vote)))
        counts.play(vote)
    found = without([1], tape).found
    fresh = Counts()
    for vote in votes[1:]:
        assert found[vote.vote] == look(fresh.elo, vote)
        fresh.play(vote)
