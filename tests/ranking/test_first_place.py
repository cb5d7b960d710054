"""How sure the first place is."""

import re
from collections import Counter

import pytest
from django.test import Client

from ranking.counting import SliceCounts, Who
from ranking.first_place import first_place
from ranking.tallies import Tallies
from ranking.views.plots import PLOTS
from tests.ranking.ballots import cast
from tests.ranking.pages import nothing_kept  # noqa: F401 - a fixture

WHO = {1: Who("a", "Ann"), 2: Who("b", "Bob"), 3: Who("c", "Cid")}


def counts(wins: dict[tuple[int, int], int]) -> SliceCounts:
    """Votes of two by (winner, loser)."""
    tallies = Counter(
        {
            (tuple(sorted(pair)), (1, 2) if pair[0] < pair[1] else (2, 1)): count
            for pair, count in wins.items()
        }
    )
    return SliceCounts(Tallies.of(tallies))


def test_a_narrow_lead_hangs_on_few_votes() -> None:
    """51 to 49: without three of its wins the leader has fewer than the other."""
    found = first_place(counts({(1, 2): 51, (2, 1): 49}), WHO)
    assert found is not None
    assert (found.leader, found.successor, found.votes) == ("Ann", "Bob", 3)
    assert found.share == pytest.approx(0.03)
    (best, chance), (other, rest) = found.chances
    assert (best, other) == ("Ann", "Bob")
    assert 0.5 < chance < 0.7
    assert chance + rest == pytest.approx(1)


def test_a_clear_lead_hangs_on_many_and_is_nearly_certain() -> None:
    found = first_place(counts({(1, 2): 90, (2, 1): 10, (2, 3): 50, (3, 2): 50}), WHO)
    assert found is not None
    assert found.votes > 40
    assert found.chances[0][0] == "Ann"
    assert found.chances[0][1] > 0.99
    assert len(found.chances) == 1  # the others' are not worth telling


def test_who_is_not_connected_is_not_in_the_race() -> None:
    """One win among strangers is no claim to the first place of a board of many votes."""
    who = WHO | {8: Who("x", "Xen"), 9: Who("y", "Yul")}
    alone = counts({(1, 2): 51, (2, 1): 49})
    joined = counts({(1, 2): 51, (2, 1): 49, (8, 9): 1})
    found, plain = first_place(joined, who), first_place(alone, WHO)
    assert found is not None
    assert (found.left_out, found._replace(left_out=0)) == (2, plain)


def test_nobody_to_compare_with() -> None:
    assert first_place(counts({}), WHO) is None


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_kept")
def test_the_page_says_it_for_bradley_terry(client: Client) -> None:
    for _ in range(3):
        cast("ab", [1, 2])
        cast("ab", [2, 1])
    cast("ab", [1, 2])
    page = client.get("/leaderboard/").content.decode()
    assert "Chance of being the best, by 7 votes: <bdi><strong>A</strong>" in page
    assert "B would be first instead of A" in page
    assert "left out" not in page
    assert "How sure" not in client.get("/leaderboard/?method=elo").content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("nothing_kept")
def test_table_and_figures_say_of_which_votes_they_are(client: Client) -> None:
    def digests(target: str) -> list[str]:
        answer = client.get("/leaderboard/", headers={"HX-Target": target}).content.decode()
        return re.findall(r'data-of="([0-9a-f]+)"', answer)

    (empty,) = digests("figures")
    assert digests("standings") == [empty]
    cast("ab", [1, 2])
    PLOTS.clear()  # what time does outside of a test
    (table,) = digests("standings")
    assert table != empty
    assert digests("figures") == [table]
    assert f"&amp;of={table[:12]}" in client.get("/leaderboard/").content.decode()
    cast("ab", [1, 2])
    assert digests("standings") != [table]
    assert digests("figures") == [table]  # for some seconds; the page asks again
    PLOTS.clear()
    assert digests("figures") == digests("standings")
