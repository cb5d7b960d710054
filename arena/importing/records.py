"""One vote of a file, checked, whatever format it came in."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from arena.importing.errors import N_, RowError
from arena.models import Battle, Contender, Rater

WINNERS = {
    "model_a": (1, 2),
    "model_b": (2, 1),
    "tie": (1, 1),
    "tie (bothbad)": (1, 1),
    "both_bad": (1, 1),
}
BOTH_BAD = {"tie (bothbad)", "both_bad"}
JUDGE_PREFIX = "import:"
NO_TEXT = N_("%(name)s is no text")
TOO_LONG = N_("%(column)s has %(length)s characters, more than %(most)s")

_NAME_MAX = Contender._meta.get_field("name").max_length or 0
_LANGUAGE_MAX = Battle._meta.get_field("language").max_length or 0
_JUDGE_MAX = (Rater._meta.get_field("external_id").max_length or 0) - len(JUDGE_PREFIX)
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn: the prompt, and what each model answered, where the file says so."""

    prompt: str
    answer_a: str | None = None
    answer_b: str | None = None

    def readable(self) -> Self:
        """The same with what no database keeps (half characters, NUL) replaced by "\ufffd"."""
        return replace(
            self,
            prompt=_readable(self.prompt),
            answer_a=None if self.answer_a is None else _readable(self.answer_a),
            answer_b=None if self.answer_b is None else _readable(self.answer_b),
        )


@dataclass(frozen=True, slots=True)
class ImportedVote:
    """One row. `key` is the file's own id of the row, if it has one."""

    model_a: str
    model_b: str
    winner: str
    judge: str = ""
    cast_at: datetime | None = None
    language: str = ""
    key: str = ""
    blind: bool = True
    turns: tuple[Exchange, ...] = ()

    @property
    def ranks(self) -> tuple[int, int]:
        return WINNERS[self.winner]

    @property
    def all_bad(self) -> bool:
        return self.winner in BOTH_BAD

    def content(self) -> bytes:
        """All that the file says of the vote, the same for the same row in any spelling."""
        said = [
            self.model_a,
            self.model_b,
            "both_bad" if self.all_bad else self.winner,
            self.judge,
            self.cast_at and self.cast_at.isoformat(),
            self.language,
            self.key,
            self.blind,
            [(turn.prompt, turn.answer_a, turn.answer_b) for turn in self.turns],
        ]
        return json.dumps(said).encode()


def checked_vote(
    *,
    model_a: Any,
    model_b: Any,
    winner: Any,
    judge: Any = None,
    tstamp: Any = None,
    language: Any = None,
    key: Any = None,
    blind: bool = True,
    turns: Sequence[Exchange] = (),
) -> ImportedVote:
    """The vote that these values of a row mean. Raises RowError if none."""
    first, second = _model(model_a, "model_a"), _model(model_b, "model_b")
    if first == second:
        raise RowError(N_("model_a and model_b are both '%(name)s'"), name=first)
    said = _text(winner, "winner").strip()
    if said not in WINNERS:
        raise RowError(
            N_("winner '%(value)s' is unknown: say %(known)s"),
            value=said[:40],
            known=", ".join(WINNERS),
        )
    by = _text(judge, "judge").strip()
    if len(by) > _JUDGE_MAX:
        raise RowError(TOO_LONG, column="judge", length=len(by), most=_JUDGE_MAX)
    return ImportedVote(
        model_a=first,
        model_b=second,
        winner=said,
        judge=by,
        cast_at=_time(tstamp),
        language=_text(language, "language").strip()[:_LANGUAGE_MAX],
        key=_text(key, "id").strip(),
        blind=blind,
        turns=tuple(turn.readable() for turn in turns),
    )


def _model(value: Any, column: str) -> str:
    name = " ".join(_text(value, column).split())
    if not name:
        raise RowError(N_("%(column)s is empty"), column=column)
    if len(name) > _NAME_MAX:
        raise RowError(TOO_LONG, column=column, length=len(name), most=_NAME_MAX)
    return name


def _text(value: Any, column: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RowError(NO_TEXT, name=column)
    if (text := str(value)) != _readable(text):
        raise RowError(
            N_("%(column)s has a character that is no text: %(text)s"),
            column=column,
            text=ascii(text)[:40],
        )
    return text


def _readable(text: str) -> str:
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def _time(value: Any) -> datetime | None:
    """Seconds, milli-, micro- or nanoseconds since 1970, or ISO 8601 (UTC if it has no zone)."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = _since_1970(float(value))
        except (TypeError, ValueError, OverflowError):
            moment = _iso(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not _EARLIEST <= moment < _LATEST:
        raise RowError(
            N_("timestamp '%(value)s' is not between 1990 and 2100"), value=str(value)[:40]
        )
    return moment.astimezone(UTC)


def _since_1970(number: float) -> datetime:
    if not math.isfinite(number) or number < 0:
        raise ValueError("not a time")
    while number > _LATEST.timestamp():
        number /= 1000
    return datetime.fromtimestamp(number, UTC)


def _iso(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        raise RowError(
            N_("timestamp '%(value)s' is neither seconds since 1970 nor ISO 8601"),
            value=str(value)[:40],
        ) from None
