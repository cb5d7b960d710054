"""Reads of the lab."""

from rlhf.selectors.chosen import (
    check_selection,
    chosen_thumbs,
    chosen_votes,
    last_vote,
    vote_categories,
)
from rlhf.selectors.contenders import local_bases
from rlhf.selectors.curves import Curve, checkpoint_figures, curves, has_figures
from rlhf.selectors.datasets import (
    dataset_rows,
    datasets_for,
    first_rows,
    stages_for,
    text_datasets,
)
from rlhf.selectors.disputes import disputed, disputed_of, without
from rlhf.selectors.estimates import Estimate, estimate_of
from rlhf.selectors.judged import Judged, Side, judged_votes
from rlhf.selectors.lineage import lineage
from rlhf.selectors.payloads import export_payload, run_payload
from rlhf.selectors.prompts import first_prompts
from rlhf.selectors.rewards import best_reward_run, reward_runs
from rlhf.selectors.runs import (
    can_resume,
    gate_settings,
    last_word,
    log_tail,
    own_settings,
    run_event,
    seconds_left,
    seconds_taken,
    seconds_to_last_report,
    who_enters,
)
from rlhf.selectors.samples import Samples, samples
from rlhf.selectors.thumbs import Thumb, thumbs
from rlhf.selectors.trials import has_begun, open_trials, trial_counts, trial_outcomes
from rlhf.selectors.vitals import Vitals, first_metric_after, most_memory, vitals
from rlhf.selectors.votes import VoteCount, count_votes

__all__ = [
    "Curve",
    "Estimate",
    "Judged",
    "Samples",
    "Side",
    "Thumb",
    "Vitals",
    "VoteCount",
    "best_reward_run",
    "can_resume",
    "check_selection",
    "checkpoint_figures",
    "chosen_thumbs",
    "chosen_votes",
    "count_votes",
    "curves",
    "dataset_rows",
    "datasets_for",
    "disputed",
    "disputed_of",
    "estimate_of",
    "export_payload",
    "first_metric_after",
    "first_prompts",
    "first_rows",
    "gate_settings",
    "has_begun",
    "has_figures",
    "judged_votes",
    "last_vote",
    "last_word",
    "lineage",
    "local_bases",
    "log_tail",
    "most_memory",
    "open_trials",
    "own_settings",
    "reward_runs",
    "run_event",
    "run_payload",
    "samples",
    "seconds_left",
    "seconds_taken",
    "seconds_to_last_report",
    "stages_for",
    "text_datasets",
    "thumbs",
    "trial_counts",
    "trial_outcomes",
    "vitals",
    "vote_categories",
    "who_enters",
    "without",
]
