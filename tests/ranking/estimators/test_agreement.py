import json

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ranking.estimators import (
    Judgements,
    agreement_with_crowd,
    cohen_kappas,
    krippendorff_alpha,
)

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section D: four observers.
WORKED = {
    "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
}
TABLE = st.lists(
    st.lists(st.sampled_from([None, 1, 2, 3]), min_size=4, max_size=4), min_size=1, max_size=8
)


def judged(table: dict[str, list[int | None]]) -> Judgements:
    """From each rater's values, unit by unit."""
    rows = [(unit, rater, v) for rater, row in table.items() for unit, v in enumerate(row)]
    return Judgements.from_rows(*zip(*rows, strict=True))


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_krippendorffs_worked_example(level, alpha):
    assert krippendorff_alpha(judged(WORKED), level) == pytest.approx(alpha, abs=5e-4)


@given(TABLE, st.sampled_from(["nominal", "ordinal"]))
@settings(deadline=None)
def test_alpha_agrees_with_evalica(table, level):
    judgements = judged(dict(zip("abcdefgh", table, strict=False)))
    found = krippendorff_alpha(judgements, level)
    assume(found is not None)
    data = pd.DataFrame([[np.nan if v is None else v for v in row] for row in table])

    assert found == pytest.approx(evalica.alpha(data, distance=level).alpha)


@given(TABLE)
def test_alpha_is_one_where_all_agree_and_knows_no_order_of_rows(table):
    judgements = judged(dict(zip("abcdefgh", table, strict=False)))
    rows = judgements.unit[::-1], judgements.rater[::-1], judgements.value[::-1]
    alike = Judgements.from_rows(*rows[:2], np.asarray(rows[0]) % 2)

    assert krippendorff_alpha(Judgements.from_rows(*rows)) == pytest.approx(
        krippendorff_alpha(judgements)
    )
    assert krippendorff_alpha(alike) in (None, pytest.approx(1))


@pytest.mark.parametrize(
    "table",
    [
        {"a": [1, 2, None], "b": [None, None, 3]},
        {"a": [1, 1, 1], "b": [1, 1, 1]},
        {"a": [], "b": []},
    ],
)
def test_alpha_without_shared_units_or_variation_is_not_defined(table):
    rows = [(unit, rater, v) for rater, row in table.items() for unit, v in enumerate(row)]
    judgements = Judgements.from_rows(*(zip(*rows, strict=True) if rows else ([], [], [])))

    assert krippendorff_alpha(judgements) is None


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="unknown level 'ratio'; use 'nominal' or 'ordinal'"):
        krippendorff_alpha(judged(WORKED), "ratio")


def test_a_worked_example_of_cohens_kappa():
    """Wikipedia, "Cohen's kappa", simple example: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    (pair,) = cohen_kappas(judged({"a": first, "b": second}))

    assert pair == ("a", "b", 50, pytest.approx(0.7), pytest.approx(0.4))


def test_the_published_kappas_of_pandalm(pandalm):
    """Wang et al. (2023), PandaLM: 0.85, 0.86 and 0.88 between its three annotators."""
    found = {
        (pair.rater, pair.other): round(pair.kappa, 2) for pair in cohen_kappas(judged(pandalm))
    }

    assert sorted(found) == [(1, 2), (1, 3), (2, 3)]
    assert sorted(found.values()) == [0.85, 0.86, 0.88]


def test_only_shared_units_count_and_raters_without_any_have_no_kappa():
    table = {"a": [1, 2, 1, None], "b": [1, 1, None, None], "c": [None, None, None, 2]}

    assert cohen_kappas(judged(table)) == [("a", "b", 2, 0.5, 0.0)]


def test_two_who_always_give_the_same_one_value_have_no_kappa():
    assert cohen_kappas(judged({"a": [1, 1], "b": [1, 1]})) == [("a", "b", 2, 1.0, None)]


@given(TABLE)
def test_kappas_are_what_counting_gives(table):
    data = dict(zip("abcdefgh", table, strict=False))
    for pair in cohen_kappas(judged(data)):
        both = [
            (x, y)
            for x, y in zip(data[pair.rater], data[pair.other], strict=True)
            if x is not None and y is not None
        ]
        observed = np.mean([x == y for x, y in both])
        chance = np.mean([x == y for x, _ in both for _, y in both])

        assert (pair.units, pair.agreement) == (len(both), pytest.approx(observed))
        if chance < 1:
            assert pair.kappa == pytest.approx((observed - chance) / (1 - chance), abs=1e-9)


def test_each_rater_is_compared_with_the_majority_of_the_others():
    table = {"a": [1, 1, 1, 1], "b": [1, 2, 1, None], "c": [1, 2, 2, None]}

    assert agreement_with_crowd(judged(table)) == [
        # With both; against both; against one of two that disagree; alone.
        ("a", 3, pytest.approx((1 + 0 + 0.5) / 3)),
        ("b", 3, pytest.approx((1 + 0.5 + 0.5) / 3)),
        ("c", 3, pytest.approx((1 + 0.5 + 0) / 3)),
    ]


def test_a_rater_without_company_has_no_share():
    assert agreement_with_crowd(judged({"a": [1, None], "b": [None, 1]})) == [
        ("a", 0, None),
        ("b", 0, None),
    ]


def test_a_random_rater_stands_out():
    generator = np.random.default_rng(1)
    truth = generator.integers(3, size=300)
    table = {
        f"rater {i}": np.where(generator.random(300) < 0.9, truth, (truth + 1) % 3).tolist()
        for i in range(6)
    } | {"random": generator.integers(3, size=300).tolist()}
    shares = {found.rater: found.share for found in agreement_with_crowd(judged(table))}

    assert min(shares, key=shares.get) == "random"
    assert shares["random"] == pytest.approx(1 / 3, abs=0.1)
    assert shares["rater 0"] > 0.8


def test_no_rows_have_no_agreement():
    empty = Judgements.from_rows([], [], [])

    assert cohen_kappas(empty) == []
    assert agreement_with_crowd(empty) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([1, 1], ["a", "a"], [1, 2]), "'a' judges the unit 1 more than once"),
        (([1], ["a", "b"], [1, 2]), r"have \[1, 2, 2\] entries"),
        (([None], ["a"], [1]), "position 0 is missing"),
    ],
)
def test_impossible_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        Judgements.from_rows(*rows)


def test_a_value_that_is_not_in_the_order_is_refused():
    with pytest.raises(ValueError, match="'maybe' at position 1 is not among the labels"):
        Judgements.from_rows([1, 2], "ab", ["no", "maybe"], order=["no", "yes"])


def test_the_order_of_values_can_be_given():
    rows = [*range(6)] * 2, ["a"] * 6 + ["b"] * 6, [*"LMSLMS", *"MMSLSS"]
    words = Judgements.from_rows(*rows, order="SML")
    numbers = Judgements.from_rows(*rows[:2], ["SML".index(v) for v in rows[2]])

    assert krippendorff_alpha(words, "ordinal") == krippendorff_alpha(numbers, "ordinal")


def test_missing_votes_of_real_raters_leave_alpha_as_evalica_has_it(llmfao_judgements):
    rows = llmfao_judgements
    wide = pd.DataFrame(
        {"unit": rows.unit, "rater": rows.rater, "value": rows.value.astype(float)}
    ).pivot(index="rater", columns="unit", values="value")

    assert krippendorff_alpha(rows) == pytest.approx(evalica.alpha(wide).alpha)


@pytest.fixture(scope="session")
def pandalm(data_folder):
    rows = json.loads((data_folder("pandalm") / "testset-v1.json").read_text(encoding="utf-8"))
    return {i: [row[f"annotator{i}"] for row in rows] for i in (1, 2, 3)}


@pytest.fixture(scope="session")
def llmfao_judgements(llmfao_rows):
    """Units are pairs of answers, values the winners; the first verdict of each rater counts."""
    first = {
        ((row["prompt"], *sorted((row["left"], row["right"]))), row["worker"]): row.get(
            row["winner"], "tie"
        )
        for row in reversed(llmfao_rows)
    }
    (units, raters), values = zip(*first, strict=True), [*first.values()]
    return Judgements.from_rows(units, raters, values)
