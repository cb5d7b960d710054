"""What was made of what."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.formats import date_format
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.models import Contender
from arena.services import register_contender
from rlhf import selectors
from rlhf.lineage import ACROSS, DOWN, HEIGHT, WIDTH, Node, draw
from rlhf.models import Dataset, Job, Run
from rlhf.services.trials import open_trial, settle_trial

pytestmark = pytest.mark.django_db


def node(key: str, *made_of: str) -> Node:
    return Node(key, "kind", key, f"/{key}/", made_of)


def places(*nodes: Node) -> dict[str, tuple[int, int]]:
    """Column and row of each."""
    return {
        box.node.key: (box.x // (WIDTH + ACROSS), box.y // (HEIGHT + DOWN))
        for box in draw(nodes).boxes
    }


def test_everything_stands_right_of_what_it_was_made_of() -> None:
    found = places(node("c", "b", "a"), node("b", "a"), node("a"), node("d", "c"))
    assert found == {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (3, 0)}


def test_no_two_boxes_lie_on_each_other() -> None:
    nodes = [node("a"), node("b"), *(node(f"n{i}", "ab"[i % 2]) for i in range(9))]
    found = places(*nodes)
    assert len(set(found.values())) == len(nodes)


def points(path: str) -> list[tuple[float, float]]:
    """Points along a path of one curve, and of a straight line after it."""
    x0, y0, x1, y1, x2, y2, x, y, *across = map(int, re.findall(r"-?\d+", path))
    curve = [
        tuple(
            (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
            for a, b, c, d in ((x0, x1, x2, x), (y0, y1, y2, y))
        )
        for t in (i / 40 for i in range(41))
    ]
    return [*curve, *((x + i, y) for i in range(0, sum(across) + 1, 8))]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_line_runs_behind_a_box_or_along_one_of_another_source(data: st.DataObject) -> None:
    names = [f"n{i}" for i in range(data.draw(st.integers(2, 14)))]
    sources = [
        data.draw(st.sets(st.sampled_from(names[:place]), max_size=3)) if place else set()
        for place in range(len(names))
    ]
    picture = draw([node(name, *made_of) for name, made_of in zip(names, sources, strict=True)])
    for path in picture.paths:
        for x, y in points(path):
            assert 0 <= x <= picture.width
            assert 0 <= y <= picture.height
            for box in picture.boxes:
                assert not (box.x < x < box.x + WIDTH and box.y < y < box.y + HEIGHT)
    lanes = [points(path)[-1] for path in picture.paths if "h" in path]
    assert len(lanes) == len(set(lanes))


def test_a_link_over_a_layer_goes_round_what_stands_there() -> None:
    picture = draw([node("a"), node("b", "a"), node("c", "b", "a")])
    row = HEIGHT + DOWN
    straight, lane = HEIGHT // 2, row + HEIGHT // 2
    ends = [(points(path)[0][1], points(path)[-1][1]) for path in picture.paths]
    assert ends == [(straight, straight), (straight, lane), (straight, straight), (lane, straight)]


def test_links_to_what_is_not_shown_are_left_out() -> None:
    picture = draw([node("a", "gone"), node("b", "a")])
    assert len(picture.paths) == 1
    assert (picture.width, picture.height) == (2 * WIDTH + ACROSS, HEIGHT)


def test_a_long_name_keeps_its_end() -> None:
    names = ["Amber", "SmolLM2 135M plain · best-of-n 12", "A name that goes on " * 3 + "· dpo 2"]
    boxes = draw([Node(name, "kind", name, "/") for name in names]).boxes
    assert [box.lines for box in boxes] == [
        ("Amber",),
        ("SmolLM2 135M plain ·", "best-of-n 12"),
        ("A name that goes on A", "… that goes on · dpo 2"),
    ]


def test_nothing_is_an_empty_picture() -> None:
    assert draw([]).boxes == ()


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="made of itself"):
        draw([node("a", "b"), node("b", "a")])


@pytest.fixture
def family(base: Contender) -> Contender:
    """A dataset, its reward model, an update, its contender on trial, and a failed run."""
    dataset = Dataset.objects.create(format="ranking", state=Job.State.SUCCEEDED, votes=150)
    made = {"base": base, "state": Job.State.SUCCEEDED}
    reward = Run.objects.create(stage="reward", name="reward-1", dataset=dataset, **made)
    child = register_contender(name="Amber tuned", model="best-of-n-2", parent=base)
    Run.objects.create(
        stage="best-of-n", name="best-of-n-2", reward_run=reward, contender=child, **made
    )
    Run.objects.create(stage="dpo", name="dpo-3", base=base, state=Job.State.FAILED)
    open_trial(child=child)
    return child


def test_the_lineage_goes_from_votes_to_the_trial(family: Contender) -> None:
    nodes = {one.label: one for one in selectors.lineage()}
    labels = {one.key: one.label for one in nodes.values()}
    made_of = {label: {labels[key] for key in one.made_of} for label, one in nodes.items()}
    assert made_of == {
        "150 votes": set(),
        "reward-1": {"150 votes"},
        "Amber": set(),
        "best-of-n-2": {"Amber", "reward-1"},
        "Amber tuned": {"best-of-n-2"},
        "on trial": {"Amber tuned"},
    }


@pytest.mark.parametrize(
    ("kind", "state", "count", "label"),
    [
        ("trl-unpaired", Job.State.SUCCEEDED, 40, "40 thumbs"),
        ("text", Job.State.SUCCEEDED, 7, "7 documents"),
        ("ranking", Job.State.QUEUED, None, "queued"),
    ],
)
def test_a_dataset_says_what_it_holds(
    base: Contender, kind: str, state: str, count: int | None, label: str
) -> None:
    dataset = Dataset.objects.create(format=kind, state=state, votes=count)
    Run.objects.create(stage="kto", name="kto-1", dataset=dataset, base=base)
    assert label in {one.label for one in selectors.lineage()}


def test_what_was_imported_is_not_said_to_be_votes(base: Contender) -> None:
    state = Job.State.SUCCEEDED
    dataset = Dataset.objects.create(format="ranking", state=state, votes=7, source="pairs.jsonl")
    Run.objects.create(stage="dpo", name="dpo-1", dataset=dataset, base=base)
    assert "7 preferences" in {one.label for one in selectors.lineage()}


def test_the_page_links_every_box(operator_client: Client, family: Contender) -> None:
    page = operator_client.get("/lab/lineage/").content.decode()
    links: list[Any] = re.findall(r'href="([^"]+)"', page)
    for one in selectors.lineage():
        assert one.href in links
        assert operator_client.get(one.href).status_code == 200


def remarks() -> dict[str, str]:
    return {one.label: one.remark for one in selectors.lineage() if one.remark}


@pytest.mark.parametrize(
    ("entered", "against", "reason", "said"),
    [
        (
            True,
            True,
            "I want to see it.",
            "let in against the gate by zoe on {}: I want to see it.",
        ),
        (True, False, "", "let in by zoe on {}"),
        (False, True, "It rambles.", "kept out against the gate by zoe on {}: It rambles."),
        (False, False, "Too bold.", "kept out by zoe on {}: Too bold."),
    ],
)
def test_it_says_what_an_operator_decided_and_why(
    operator_client: Client,
    family: Contender,
    entered: bool,
    against: bool,
    reason: str,
    said: str,
) -> None:
    run = Run.objects.get(stage="best-of-n")
    decision = run.decisions.create(
        decided_by=User.objects.create_user("zoe"),
        entered=entered,
        against_gate=against,
        reason=reason,
    )
    said = said.format(date_format(decision.decided_at, "DATE_FORMAT"))
    assert remarks() == {"Amber tuned" if entered else "best-of-n-2": said}
    page = operator_client.get("/lab/lineage/").content.decode()
    assert page.count(said) == 2  # in the picture and in the list


def test_it_says_that_a_trial_was_settled_by_hand(family: Contender, operator: User) -> None:
    settle_trial(trial=family.trial, keep=True, by=operator, reason="Worth it.")
    assert remarks() == {"kept": "by hand (operator: Worth it.)"}


def test_names_that_are_cut_can_be_read(operator_client: Client, family: Contender) -> None:
    name = "A name that goes on and on and on · best-of-n 12"
    Contender.objects.filter(pk=family.pk).update(name=name)
    assert f"<title>{name}</title>" in operator_client.get("/lab/lineage/").content.decode()


def test_the_page_says_when_there_is_nothing(operator_client: Client) -> None:
    assert "Nothing has been made yet" in operator_client.get("/lab/lineage/").content.decode()
