"""The engine: one thread that steps every active request of every loaded model.

One thread, because two forward passes at once on the same cores take longer than one after the
other. Loading happens in a second thread, so that streams go on meanwhile.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from rlhf.serving import loading, packed
from rlhf.serving.catalog import Catalog, Entry
from rlhf.serving.errors import Busy, CannotServe, InvalidRequest, PromptTooLong, ServingError
from rlhf.serving.pool import ModelPool
from rlhf.serving.reuse import Beginnings
from rlhf.serving.sampling import Sampler, draw_each
from rlhf.serving.text import TextStream

logger = logging.getLogger(__name__)
Finish = Literal["stop", "length"]
CHARACTERS_PER_TOKEN_MAX = 20


@dataclass(frozen=True)
class Limits:
    """How much the engine takes on."""

    active: int = 32  # requests stepped together
    waiting: int = 128  # more are refused with 429
    models: int = 4  # loaded at once; more only while more are in use
    prompt_tokens_per_step: int = 192  # so that a long prompt does not halt the other streams
    context: int = 4096  # tokens of prompt and answer, where the model allows more
    remembered: int = 8  # finished conversations whose beginnings can be reused


@dataclass(frozen=True)
class Delta:
    """A piece of an answer; the last one says why it ended."""

    text: str
    finish: Finish | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


Listener = Callable[[Delta | ServingError], None]


@dataclass
class Job:
    """One request. `listener` is called from the engine's threads and must not block."""

    model: str
    messages: list[dict[str, str]]
    sampler: Sampler
    max_tokens: int
    stops: Sequence[str]
    listener: Listener
    cancelled: bool = field(default=False, init=False)


@dataclass
class _Active:
    """A job that has a place."""

    job: Job
    model: loading.Model
    prompt: list[int]
    limit: int
    memory: packed.Memory
    text: TextStream
    answer: list[int] = field(default_factory=list)

    def due(self) -> list[int]:
        """The tokens that the memory does not hold yet."""
        return (self.prompt + self.answer)[self.memory.length :]


class Engine:
    """Generates for jobs on the models of a catalog. `start()` before `submit()`."""

    def __init__(
        self,
        catalog: Catalog,
        limits: Limits | None = None,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._catalog = catalog
        self._device = device or loading.best_device()
        self._dtype = dtype
        self._pool = ModelPool(self._load, self.limits.models, self._wake)
        self._beginnings = Beginnings(self.limits.remembered)
        self._waiting: deque[Job] = deque()
        self._active: list[_Active] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def is_loading(self, name: str) -> bool:
        return self._pool.is_loading(name)

    def stop(self) -> None:
        """Ends the thread; jobs under way hear that the server stops."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._pool.close()

    def preload(self, name: str) -> None:
        """Begins to load a model. Raises UnknownModel."""
        self._pool.request(self._catalog.find(name))

    def submit(self, job: Job) -> None:
        """Queues a job. Raises UnknownModel, or Busy when the queue is full."""
        self._catalog.find(job.model)
        with self._changed:
            if self._stopping:
                raise CannotServe("The model server is stopping.")
            if len(self._waiting) >= self.limits.waiting:
                raise Busy(
                    f"{len(self._active)} answers are being written and {len(self._waiting)} "
                    "requests wait. Try again in some seconds."
                )
            self._waiting.append(job)
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Frees the job's place before the next step; nothing if it has ended."""
        with self._changed:
            job.cancelled = True
            self._changed.notify_all()

    def load_of(self) -> dict[str, object]:
        """What the engine does just now, for /health."""
        with self._changed:
            return {
                "active": len(self._active),
                "waiting": len(self._waiting),
                "models": self._pool.names(),
                "device": str(self._device),
            }

    # --- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop()
        finally:
            self._fail_everything()

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._drop_cancelled()
                admitted = self._next_jobs()
                while not (self._stopping or self._active or admitted):
                    self._changed.wait()
                    self._drop_cancelled()
                    admitted = self._next_jobs()
                if self._stopping:
                    return
            for job, model in admitted:
                self._admit(job, model)
            for model in dict.fromkeys(active.model for active in self._active):
                self._step(model)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _drop_cancelled(self) -> None:
        self._active = [active for active in self._active if not active.job.cancelled]
        if any(job.cancelled for job in self._waiting):
            self._waiting = deque(job for job in self._waiting if not job.cancelled)

    def _next_jobs(self) -> list[tuple[Job, loading.Model]]:
        """Takes jobs whose model is loaded out of the queue, oldest first; asks for the others."""
        taken: list[tuple[Job, loading.Model]] = []
        left: deque[Job] = deque()
        wanted = {active.model.name for active in self._active}
        failures: dict[str, ServingError] = {}
        for job in self._waiting:
            model = self._loaded(job.model, wanted, failures)
            if job.model in failures:
                job.listener(failures[job.model])
            elif model is not None and len(self._active) + len(taken) < self.limits.active:
                taken.append((job, model))
            else:
                left.append(job)
        self._waiting = left
        return taken

    def _loaded(
        self, name: str, wanted: set[str], failures: dict[str, ServingError]
    ) -> loading.Model | None:
        """The model, or None and it is being loaded, or an entry in `failures`."""
        if name in failures:
            return None
        try:
            model = self._pool.get(name)
            if model is None and not self._pool.is_loading(name):
                self._pool.request(self._catalog.find(name), wanted)
        except ServingError as error:
            failures[name] = error
            return None
        wanted.add(name)  # a model must not make room for the next one before its job began
        return model

    def _load(self, entry: Entry) -> loading.Model:
        begun = time.monotonic()
        model = loading.load(entry.name, entry.path, device=self._device, dtype=self._dtype)
        seconds = time.monotonic() - begun
        logger.info("Loaded %s as %s in %.1f s.", entry.name, model.shape.dtype, seconds)
        return model

    def _admit(self, job: Job, model: loading.Model) -> None:
        try:
            self._check_size(job, model)
            prompt = model.encode(job.messages)
            limit = min(job.max_tokens, self._room(model, prompt))
            memory = packed.Memory(model.shape, len(prompt) + limit)
        except ServingError as error:
            job.listener(error)
            return
        self._beginnings.resume(model, prompt, memory)
        text = TextStream(model.tokenizer, job.stops)
        self._active.append(_Active(job, model, prompt, limit, memory, text))

    def _check_size(self, job: Job, model: loading.Model) -> None:
        """Refuses what is too long by far, since turning a megabyte into tokens takes a second."""
        size = sum(len(message["content"]) for message in job.messages)
        context = self._context(model)
        if size > context * CHARACTERS_PER_TOKEN_MAX:
            raise PromptTooLong(
                f"The conversation has {size} characters, and {model.name} takes {context} tokens. "
                "Shorten the prompt.",
                param="messages",
            )

    def _context(self, model: loading.Model) -> int:
        return min(model.context, self.limits.context)

    def _room(self, model: loading.Model, prompt: list[int]) -> int:
        context = self._context(model)
        if not prompt:
            raise InvalidRequest("The chat template makes an empty prompt of these messages.")
        if len(prompt) >= context:
            raise PromptTooLong(
                f"The conversation has {len(prompt)} tokens and {model.name} takes {context - 1}. "
                "Shorten the prompt or begin a new conversation.",
                param="messages",
            )
        return context - len(prompt)

    def _step(self, model: loading.Model) -> None:
        """One pass: the next token of each answer, and a share of the prompts that are new."""
        parts: list[tuple[_Active, packed.Segment, bool]] = []
        allowance = self.limits.prompt_tokens_per_step
        for active in self._active:
            if active.model is not model:
                continue
            due = active.due()
            if len(due) > 1:
                due, whole = due[:allowance], len(due) <= allowance
                allowance -= len(due)
            else:
                whole = True
            if due:
                parts.append((active, packed.Segment(active.memory, due), whole))
        try:
            logits = packed.forward(model.network, [segment for _, segment, _ in parts])
            complete = [index for index, (_, _, whole) in enumerate(parts) if whole]
            samplers = [parts[index][0].job.sampler for index in complete]
            tokens = draw_each(logits[complete], samplers)
        except (RuntimeError, NotImplementedError) as error:
            logger.exception("A step of %s failed.", model.name)
            self._fail([active for active, _, _ in parts], CannotServe(f"{model.name}: {error}"))
            return
        for index, token in zip(complete, tokens, strict=True):
            self._deliver(parts[index][0], token)

    def _deliver(self, active: _Active, token: int) -> None:
        active.answer.append(token)
        ended = token in active.model.ends
        piece = "" if ended else active.text.push(token)
        finish: Finish | None = None
        if ended or active.text.stopped:
            finish = "stop"
        elif len(active.answer) >= active.limit:
            finish = "length"
        if finish is not None:
            piece += active.text.flush()
            finish = "stop" if active.text.stopped else finish
            self._beginnings.keep(active.model, active.prompt + active.answer, active.memory)
            with self._changed:
                self._active.remove(active)
        if piece or finish:
            counts = len(active.prompt), len(active.answer)
            active.job.listener(Delta(piece, finish, *counts))

    def _fail(self, actives: Sequence[_Active], error: ServingError) -> None:
        with self._changed:
            self._active = [active for active in self._active if active not in actives]
        for active in actives:
            active.job.listener(error)

    def _fail_everything(self) -> None:
        with self._changed:
            waiting, self._waiting = list(self._waiting), deque()
        error = CannotServe("The model server is stopping.")
        self._fail(list(self._active), error)
        for job in waiting:
            job.listener(error)


def engine_for(
    home: Path, limits: Limits | None = None, *, dtype: torch.dtype | None = None
) -> Engine:
    """An engine on the model folders of an ARENA_HOME."""
    return Engine(Catalog(home), limits, dtype=dtype)
