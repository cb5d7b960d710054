"""What each contender is asked: its own side of the conversation."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from arena.models import Battle, Contender, Response, Turn
from arena.selectors.battles import BattleState, ResponseState, TurnState, label, reveal

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """One response that is to be written."""

    response_id: int
    battle: Battle
    turn: int
    prompt: str
    position: int
    label: str
    contender: Contender
    messages: list[Message]
    blind: bool  # nothing may tell the rater who answers

    @property
    def names(self) -> tuple[str, ...]:
        """What the contender may call itself by."""
        who = self.contender
        return who.name, who.slug, who.model.rsplit("/", 1)[-1]


def pending_jobs(battle_id: UUID, *, only: int | None = None) -> list[Job]:
    """The pending current responses of a battle, with the messages to send for each.

    `only` asks for one unfinished response instead, also if it has begun.
    """
    current = Response.objects.filter(turn__battle=battle_id, superseded=False)
    asked = (
        current.filter(state=Response.State.PENDING)
        if only is None
        else current.filter(pk=only, state__in=[Response.State.PENDING, Response.State.STREAMING])
    )
    pending = list(asked.select_related("turn__battle", "placement__contender"))
    return jobs_of(pending) if pending else []


def jobs_of(pending: Sequence[Response]) -> list[Job]:
    """What is to be written for these responses of a battle's last turn.

    Costs no query in a first turn if they have their turn, battle and contender at hand.
    """
    turn = pending[0].turn
    prompts, answers = {turn.number: turn.prompt}, {}
    if turn.number > 1:
        prompts = dict(Turn.objects.filter(battle=turn.battle).values_list("number", "prompt"))
        answers = _answers(turn.battle_id)
    contenders = reveal(turn.battle)
    return [
        Job(
            response_id=response.pk,
            battle=turn.battle,
            turn=response.turn.number,
            prompt=response.turn.prompt,
            position=response.placement.position,
            label=label(contenders, response.placement.position),
            contender=response.placement.contender,
            messages=_conversation(
                response.placement.contender.system_prompt,
                prompts,
                answers.get(response.placement_id, {}),
            ),
            blind=contenders is None,
        )
        for response in pending
    ]


def first_state(jobs: Sequence[Job]) -> BattleState:
    """`battle_state` of a blind battle that has only just begun with these. Costs no query."""
    battle = jobs[0].battle
    pending = [
        ResponseState(
            id=job.response_id,
            position=job.position,
            state=Response.State.PENDING,
            text="",
            error="",
            reaction=None,
        )
        for job in jobs
    ]
    return BattleState(
        id=battle.pk,
        mode=battle.mode,
        state=battle.state,
        url=battle.get_absolute_url(),
        turns=[TurnState(jobs[0].turn, jobs[0].prompt, pending)],
        vote=None,
        contenders=None,
    )


def _answers(battle_id: UUID) -> dict[int, dict[int, str]]:
    """Text by placement and turn number."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    rows = Response.objects.filter(turn__battle=battle_id, superseded=False)
    for placement, number, text in rows.values_list("placement_id", "turn__number", "text"):
        found[placement][number] = text
    return found


def _conversation(system: str, prompts: dict[int, str], answers: dict[int, str]) -> list[Message]:
    messages: list[Message] = []
    if system.strip():
        messages.append({"role": "system", "content": system})
    asked: list[str] = []
    for number, prompt in sorted(prompts.items()):
        asked.append(prompt)
        if number < max(prompts) and not answers.get(number, "").strip():
            # A turn that failed: many chat templates refuse two prompts in a row, so the next
            # prompt joins this one.
            continue
        messages.append({"role": "user", "content": "\n\n".join(asked)})
        asked = []
        if number < max(prompts):
            messages.append({"role": "assistant", "content": answers[number]})
    return messages
