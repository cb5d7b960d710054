"""The formats of vote files: which columns mean what.

csv        model_a, model_b, winner and optionally judge, tstamp, language, prompt, response_a,
           response_b
lmsys      lmsys/chatbot_arena_conversations and clean_battle files (winner, judge,
           conversation_a/b, anony, language, tstamp, question_id), and
           lmsys-arena-human-preference-55k (winner_model_a/b/tie; prompt, response_a/b as JSON
           lists; id)
arena140k  lmarena-ai/arena-human-preference-140k (winner, evaluation_session_id,
           conversation_a/b, language, timestamp, id)
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from arena.importing.conversations import aligned, exchanges
from arena.importing.errors import N_, FileError, Phrase, RowError
from arena.importing.files import NamedRows, Row, read_csv, read_json, read_parquet
from arena.importing.records import Exchange, ImportedVote, checked_vote

_NAMES = {"model_a", "model_b"}
_CSV_COLUMNS = [
    "model_a",
    "model_b",
    "winner",
    "judge",
    "tstamp",
    "language",
    "prompt",
    "response_a",
    "response_b",
]
UNKNOWN_FORMAT = N_("Unknown format '%(name)s': say %(known)s.")
_ONE_HOT = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}


def read_votes(path: Path, file_format: str) -> Iterator[tuple[Phrase, ImportedVote]]:
    """(what a message calls the row, its vote), in file order.

    Raises FileError at the first row that is wrong, and for an unknown format.
    """
    if file_format not in FORMATS:
        raise FileError(UNKNOWN_FORMAT, name=file_format, known=", ".join(FORMATS))
    rows, vote_of = FORMATS[file_format]
    for name, row in rows(path):
        try:
            yield name, vote_of(row)
        except RowError as error:
            raise error.of(name) from error


def ignored_columns(path: Path, file_format: str) -> list[str]:
    """Columns of a file of our own format that mean nothing to it, so that a typo shows."""
    if file_format != "csv":
        return []
    for _, first in read_csv(path, set()):
        return [column for column in first if column not in _CSV_COLUMNS]
    return []


def _csv_rows(path: Path) -> NamedRows:
    return read_csv(path, _NAMES | {"winner"})


def _rows(path: Path) -> NamedRows:
    match path.suffix.lower():
        case ".csv":
            return read_csv(path, _NAMES)
        case ".json" | ".jsonl" | ".ndjson":
            return read_json(path, _NAMES)
        case ".parquet":
            return read_parquet(path, _NAMES)
        case _:
            raise FileError(
                N_(
                    "The name of the file must end in .jsonl, .json, .csv or .parquet for votes in "
                    "this format."
                )
            )


def _csv_vote(row: Row) -> ImportedVote:
    prompt, answer_a, answer_b = (row.get(c, "") for c in ("prompt", "response_a", "response_b"))
    if (answer_a or answer_b) and not prompt:
        raise RowError(N_("there is a response, but no prompt"))
    answered = bool(answer_a or answer_b)
    turn = Exchange(prompt, answer_a if answered else None, answer_b if answered else None)
    return checked_vote(
        model_a=row["model_a"],
        model_b=row["model_b"],
        winner=row["winner"],
        judge=row.get("judge"),
        tstamp=row.get("tstamp"),
        language=row.get("language"),
        turns=[turn] if prompt else [],
    )


def _lmsys_vote(row: Row) -> ImportedVote:
    if "prompt" in row:
        turns = aligned(row["prompt"], row.get("response_a"), row.get("response_b"))
    else:
        turns = exchanges(row.get("conversation_a"), row.get("conversation_b"))
    return checked_vote(
        model_a=row["model_a"],
        model_b=row["model_b"],
        winner=row["winner"] if "winner" in row else _one_hot(row),
        judge=row.get("judge"),
        tstamp=row.get("tstamp"),
        language=row.get("language"),
        key=row.get("question_id", row.get("id")),
        blind=_truth(row.get("anony", True)),
        turns=turns,
    )


def _arena140k_vote(row: Row) -> ImportedVote:
    return checked_vote(
        model_a=row["model_a"],
        model_b=row["model_b"],
        winner=row.get("winner"),
        judge=row.get("evaluation_session_id"),
        tstamp=row.get("timestamp"),
        language=row.get("language"),
        key=row.get("id"),
        turns=exchanges(row.get("conversation_a"), row.get("conversation_b")),
    )


def _one_hot(row: Row) -> str:
    if missing := [column for column in _ONE_HOT if column not in row]:
        raise RowError(N_("there is neither winner nor %(missing)s"), missing=", ".join(missing))
    said = [winner for column, winner in _ONE_HOT.items() if _truth(row[column])]
    if len(said) != 1:
        raise RowError(N_("exactly one of %(columns)s has to be 1"), columns=", ".join(_ONE_HOT))
    return said[0]


def _truth(value: object) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False}
    try:
        return known[str(value).strip().lower()]
    except KeyError:
        raise RowError(
            N_("'%(value)s' is neither true nor false (1 nor 0)"), value=str(value)[:40]
        ) from None


FORMATS: dict[str, tuple[Callable[[Path], NamedRows], Callable[[Row], ImportedVote]]] = {
    "csv": (_csv_rows, _csv_vote),
    "lmsys": (_rows, _lmsys_vote),
    "arena140k": (_rows, _arena140k_vote),
}
