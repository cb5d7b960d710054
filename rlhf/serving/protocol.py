"""OpenAI's chat-completions format: what comes in, what goes out."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlhf.serving.engine import Delta
from rlhf.serving.errors import InvalidRequest
from rlhf.serving.sampling import Sampler

MAX_TOKENS_DEFAULT = 512
ROLES = {"system", "user", "assistant"}
STOPS_MAX = 8
# Parameters that change nothing here, and those that only their neutral value makes true.
IGNORED = {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "response_format": ({"type": "text"},),
}
KNOWN = {
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens",
    "max_completion_tokens", "stop", "seed",
}  # fmt: skip


@dataclass(frozen=True)
class ChatRequest:
    model: str
    messages: list[dict[str, str]]
    sampler: Sampler
    max_tokens: int
    stops: list[str]
    stream: bool
    include_usage: bool


def parse(body: Any) -> ChatRequest:
    """A checked request. Raises InvalidRequest naming the parameter and what it must be."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    _refuse_unknown(body)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("model must be the name of a model.", param="model")
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise InvalidRequest("stream_options must be an object.", param="stream_options")
    limit = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    return ChatRequest(
        model=model,
        messages=_messages(body.get("messages")),
        sampler=Sampler(
            temperature=_number(body, "temperature", 1.0, 0, 2),
            top_p=_number(body, "top_p", 1.0, 0, 1),
            seed=_seed(body.get("seed")),
        ),
        max_tokens=_integer(body, limit, MAX_TOKENS_DEFAULT),
        stops=_stops(body.get("stop")),
        stream=_flag(body, "stream"),
        include_usage=_flag(options, "include_usage"),
    )


def _refuse_unknown(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if name in KNOWN or name in IGNORED or value is None:
            continue
        if name not in NEUTRAL:
            raise InvalidRequest(f"There is no parameter {name[:60]!r}.", param=name[:60])
        if value not in NEUTRAL[name]:
            raise InvalidRequest(f"This server does not support {name}.", param=name)


def _messages(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise InvalidRequest("messages must be a list with at least one message.", param="messages")
    return [_message(index, message) for index, message in enumerate(value)]


def _message(index: int, message: Any) -> dict[str, str]:
    where = f"messages[{index}]"
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InvalidRequest(
            f"{where} must have a role: {', '.join(sorted(ROLES))}.", param="messages"
        )
    content = message.get("content")
    if isinstance(content, list) and all(_is_text(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise InvalidRequest(f"{where}.content must be text.", param="messages")
    return {"role": message["role"], "content": content}


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part["text"], str)


def _number(body: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a number from {low} to {high}.", param=name)
    return float(value)


def _integer(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidRequest(f"{name} must be a whole number, 1 or more.", param=name)
    return value


def _seed(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise InvalidRequest("seed must be a whole number of at most 64 bits.", param="seed")
    return value


def _stops(value: Any) -> list[str]:
    stops = [value] if isinstance(value, str) else value
    if stops is None:
        return []
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise InvalidRequest("stop must be a text or a list of texts.", param="stop")
    if len(stops) > STOPS_MAX:
        raise InvalidRequest(f"stop may have at most {STOPS_MAX} texts.", param="stop")
    return stops


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be true or false.", param=name)
    return value


@dataclass(frozen=True)
class Answer:
    """The frame around one answer."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._frame("chat.completion.chunk", [choice])

    def usage_chunk(self, last: Delta) -> dict[str, Any]:
        return self._frame("chat.completion.chunk", []) | {"usage": usage(last)}

    def whole(self, text: str, last: Delta) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": last.finish,
        }
        return self._frame("chat.completion", [choice]) | {"usage": usage(last)}

    def _frame(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def usage(last: Delta) -> dict[str, int]:
    return {
        "prompt_tokens": last.prompt_tokens,
        "completion_tokens": last.completion_tokens,
        "total_tokens": last.prompt_tokens + last.completion_tokens,
    }
