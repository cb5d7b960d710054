"""The gate's rules and limits in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

GATE_LIMITS = {
    "gate_prompts": _("Held-out prompts"),
    "gate_reward_errors": _("Reward gain, standard errors"),
    "gate_win_rate": _("Wins over the base"),
    "gate_nll_rise": _("Surprise above the base, nats per token"),
    "gate_repetition_rise": _("Rise of repetition"),
    "gate_length_low": _("Shortest, times the base"),
    "gate_length_high": _("Longest, times the base"),
    "gate_entropy_low": _("Variety, times the base"),
    "gate_distinct_low": _("Distinct word pairs, times the base"),
    "gate_spread_high": _("Doubt, times the base"),
}
# What each rule is called, and what it says; %(…)s are limits.
RULES: dict[str, tuple[str | Promise, str | Promise]] = {
    "prompts": (
        _("Prompts"),
        _("It was judged on at least %(prompts)s held-out prompts."),
    ),
    "changed": (
        _("Changed"),
        _("At least one of its responses differs from its base's."),
    ),
    "win_rate": (
        _("Wins"),
        _("The reward model prefers it to its base in at least %(win_rate)s of the prompts."),
    ),
    "reward": (
        _("Reward"),
        _(
            "Its mean reward is above the base's on the same prompts by at least "
            "%(reward_errors)s standard errors."
        ),
    ),
    "spread": (
        _("Doubt"),
        _(
            "The members of the reward model's ensemble differ about its responses at most "
            "%(spread_high)s times as much as about the base's."
        ),
    ),
    "nll": (
        _("Surprise"),
        _(
            "Its text is at most %(nll_rise)s nats per token less likely under the base than the "
            "base's own."
        ),
    ),
    "repetition": (
        _("Repetition"),
        _(
            "The share of repeated 4-word runs rises by at most %(repetition_rise)s "
            "percentage points."
        ),
    ),
    "length": (
        _("Length"),
        _(
            "Its responses have %(length_low)s to %(length_high)s times as many tokens as the "
            "base's."
        ),
    ),
    "entropy": (
        _("Variety"),
        _("It keeps at least %(entropy_low)s of the base's entropy."),
    ),
    "learnt": (
        _("Held-out text"),
        _(
            "It finds held-out text likelier than its base does, in nats per token, by at least "
            "two standard errors."
        ),
    ),
    "blocks": (
        _("Amount of held-out text"),
        _("It was tested on at least 8 blocks of held-out text, so that chance can be told."),
    ),
    "finished": (
        _("Finished"),
        _(
            "The share of its responses that end by themselves falls by at most 25 percentage "
            "points."
        ),
    ),
    "distinct": (
        _("Distinct"),
        _("It keeps at least %(distinct_low)s of the base's share of distinct word pairs."),
    ),
}
# Which rules hold for whom; a run is judged by those that apply to it.
WHOM: list[tuple[str | Promise, tuple[str, ...]]] = [
    (
        _("Every result"),
        ("prompts", "changed", "nll", "repetition", "length", "entropy", "distinct"),
    ),
    (_("Where there is a reward model"), ("win_rate", "reward", "spread")),
    (_("After continued pretraining"), ("blocks", "learnt", "finished")),
]
SHARES = {"win_rate", "entropy_low", "distinct_low"}
POINTS = {"repetition_rise"}
