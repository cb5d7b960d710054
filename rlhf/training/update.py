"""What all stages that change a policy share: open, sample, evaluate beside the base, publish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase, set_seed

from rlhf.training import settings
from rlhf.training.chats import Messages
from rlhf.training.data import Prompt, need, read_prompts, split_of
from rlhf.training.distributed import is_first, whole_weights
from rlhf.training.errors import InputError
from rlhf.training.evaluation import (
    Evaluation,
    likelihood,
    text_quality,
    with_members,
    with_rewards,
)
from rlhf.training.gate import Check, checks, may_enter, rules_of
from rlhf.training.looks import divided, keep_best
from rlhf.training.output import Output, open_output
from rlhf.training.pieces import Pieces
from rlhf.training.policies import (
    Policy,
    before_training,
    load_policy,
    load_tokenizer,
    pick_device,
    save_policy,
    trainable,
)
from rlhf.training.reward_model import RewardModel, load_reward_model
from rlhf.training.sampling import Completion, Progress, Sampling, sample

SHOWN = 8  # prompts in samples.jsonl
HELD_OUT_EVERY = 10


@dataclass
class Update:
    """A policy under training with everything around it."""

    config: settings.Policy
    output: Output
    policy: Policy
    tokenizer: PreTrainedTokenizerBase
    reward: RewardModel | None
    train: list[Prompt]
    test: list[Prompt]

    @property
    def reward_model(self) -> RewardModel:
        """The reward model; raises InputError if the config names none."""
        if self.reward is None:
            raise InputError("reward_model is missing.", "Name a checkpoint of the stage 'reward'.")
        return self.reward

    @property
    def sampling(self) -> Sampling:
        """How this run draws responses."""
        config = self.config
        return Sampling(
            max_new_tokens=config.max_new_tokens,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            batch_size=config.sample_batch,
        )

    def base(self) -> AbstractContextManager[Policy]:
        """The policy as it was before training."""
        return before_training(self.policy, self.config.model)

    def take_whole(self, trainer: Any) -> None:
        """After training: where processes hold shards, the first one gets the whole policy."""
        weights = whole_weights(trainer)
        if weights is not None and is_first():
            fresh = load_policy(self.config.model, pick_device(self.config.device))
            self.policy = trainable(fresh, self.config.lora_rank)
            self.policy.load_state_dict(weights)

    def draw(
        self,
        prompts: Sequence[Messages],
        *,
        n: int,
        seed: int,
        on_progress: Progress | None = None,
        pieces: Pieces | None = None,
        model: Policy | None = None,
    ) -> list[list[Completion]]:
        """Responses of the policy as it is now, or of another model."""
        return sample(
            model or self.policy,
            self.tokenizer,
            prompts,
            n=n,
            settings=self.sampling,
            seed=seed,
            on_progress=on_progress,
            pieces=pieces,
        )


def open_update(config: settings.Policy, phases: dict[str, float]) -> Update:
    """Read the inputs and load the models; everything that can be wrong is found here."""
    set_seed(config.seed)
    looks = {} if config.launch in settings.SHARDED else {"checkpoints": 0.07}
    output = open_output(config, {"loading": 0.03, **phases, **looks, "evaluation": 0.1})
    with output.phase("loading") as report:
        train, test = split_prompts(read_prompts(config.prompts))
        need(train, 2, "training prompts", config.prompts)
        need(test, 1, "held-out prompts", config.prompts)
        device = pick_device(config.device)
        reward = load_reward_model(config.reward_model, device) if config.reward_model else None
        tokenizer = load_tokenizer(config.model)
        policy = trainable(load_policy(config.model, device), config.lora_rank)
        report(1, 1)
    return Update(config, output, policy, tokenizer, reward, train, test)


def split_prompts(prompts: Sequence[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
    """Training and held-out prompts; without a test split every tenth prompt is held out."""
    test = split_of(prompts, "test")
    if test:
        return split_of(prompts, "train"), test
    places = range(1, len(prompts) + 1)
    held = [p for place, p in zip(places, prompts, strict=True) if place % HELD_OUT_EVERY == 0]
    return [p for p in prompts if p not in held], held


def close_update(
    update: Update,
    stage: str,
    metrics: dict[str, Any],
    more: Callable[[Evaluation], tuple[list[Check], list[str]]] = lambda evaluation: ([], []),
) -> None:
    """Take the best checkpoint, evaluate it, write samples.jsonl, its weights and summary.json.

    Of several processes the first one does. `more`: the stage's own rules beside the gate's, and
    what they say against the result.
    """
    if not is_first():
        return
    metrics |= keep_best(update)
    with update.output.phase("evaluation") as report:
        evaluation = evaluate(update, report)
        rules = rules_of(update.config)
        own, against = more(evaluation)
        reasons = [*may_enter(evaluation, rules)[1], *against]
        report(1, 1, **evaluation.flat())
    update.output.publish(lambda folder: save_policy(update.policy, update.tokenizer, folder))
    held = [check.as_dict() for check in [*checks(evaluation, rules), *own]]
    gate = {"passed": not reasons, "reasons": reasons, "checks": held, "limits": asdict(rules)}
    update.output.summary(
        stage, asdict(update.config), {**metrics, **evaluation.as_dict(), "gate": gate}
    )


def evaluate(update: Update, report: Callable[..., None]) -> Evaluation:
    """One response per held-out prompt from the policy and from its base, measured."""
    prompts = divided(update.test)[1][: update.config.evaluation_prompts]
    messages = [prompt.messages for prompt in prompts]
    seed = update.config.seed + 1
    policy, tokenizer = update.policy, update.tokenizer
    new = [row[0] for row in update.draw(messages, n=1, seed=seed)]
    report(1, 4)
    _, new_entropy = likelihood(policy, tokenizer, messages, new)
    with update.base() as base:
        old = [
            row[0] for row in sample(base, tokenizer, messages, settings=update.sampling, seed=seed)
        ]
        report(2, 4)
        new_nll, _ = likelihood(base, tokenizer, messages, new)
        old_nll, old_entropy = likelihood(base, tokenizer, messages, old)
    report(3, 4)
    evaluation = Evaluation(
        prompts=len(prompts),
        policy=text_quality(new, new_nll, new_entropy),
        base=text_quality(old, old_nll, old_entropy),
        changed=sum(a.text != b.text for a, b in zip(new, old, strict=True)),
    )
    scores: list[list[float]] = []
    if update.reward is not None:
        answers = zip(messages, new, old, strict=True)
        found = update.reward.score_by_member(
            [(asked, [a.text, b.text]) for asked, a, b in answers]
        )
        # Equal responses have equal rewards, whatever rounding says of their places in a batch.
        pairs = zip(found, new, old, strict=True)
        found = [rows[[1, 1]] if a.text == b.text else rows for rows, a, b in pairs]
        scores = [rows.mean(-1).tolist() for rows in found]
        evaluation = with_rewards(evaluation, [s[0] for s in scores], [s[1] for s in scores])
        evaluation = with_members(
            evaluation, [rows[0].tolist() for rows in found], [rows[1].tolist() for rows in found]
        )
    show(update, prompts[:SHOWN], new, old, scores)
    return evaluation


def show(
    update: Update,
    prompts: Sequence[Prompt],
    new: Sequence[Completion],
    old: Sequence[Completion],
    scores: Sequence[Sequence[float]],
) -> None:
    """Write samples.jsonl: the first prompts with the base's response beside the new one."""
    for number, prompt in enumerate(prompts):
        line: dict[str, Any] = {"prompt": prompt.text}
        line |= {"base": old[number].text, "new": new[number].text}
        if scores:
            line |= {"reward_base": scores[number][1], "reward_new": scores[number][0]}
        update.output.sample(line)
