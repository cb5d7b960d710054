"""The loaded models: loaded one after the other in a thread, the least recently used ones go."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

from rlhf.serving.catalog import Entry
from rlhf.serving.errors import CannotServe, ServingError
from rlhf.serving.loading import Model


class ModelPool:
    """At most `limit` models, plus those that are in use when another one is needed.

    `load` runs in the pool's thread; `changed` is called from there when a load has ended.
    """

    def __init__(
        self, load: Callable[[Entry], Model], limit: int, changed: Callable[[], None]
    ) -> None:
        self._load = load
        self._limit = limit
        self._changed = changed
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._loading: set[str] = set()
        self._failed: dict[str, ServingError] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="loader")

    def get(self, name: str) -> Model | None:
        """The model if it is loaded, and notes the use. Raises once why its load failed."""
        with self._lock:
            if name in self._failed:
                raise self._failed.pop(name)
            if name in self._models:
                self._models.move_to_end(name)
            return self._models.get(name)

    def request(self, entry: Entry, busy: Collection[str] = ()) -> None:
        """Begins to load `entry` unless that is done or under way; idle models make room."""
        with self._lock:
            if entry.name in self._models or entry.name in self._loading:
                return
            self._make_room(busy)
            self._loading.add(entry.name)
        self._thread.submit(self._run, entry)

    def is_loading(self, name: str) -> bool:
        with self._lock:
            return name in self._loading

    def names(self) -> dict[str, str]:
        """Every known model and whether it is "ready" or "loading"."""
        with self._lock:
            return dict.fromkeys(self._models, "ready") | dict.fromkeys(self._loading, "loading")

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _make_room(self, busy: Collection[str]) -> None:
        idle = [name for name in self._models if name not in busy]
        while idle and len(self._models) + len(self._loading) >= self._limit:
            del self._models[idle.pop(0)]

    def _run(self, entry: Entry) -> None:
        try:
            model = self._load(entry)
        except ServingError as error:
            self._finish(entry.name, failure=error)
        except Exception as error:  # noqa: BLE001 - a broken folder must not end the thread
            self._finish(entry.name, failure=CannotServe(f"{entry.name}: {error!r}"))
        else:
            self._finish(entry.name, model=model)

    def _finish(
        self, name: str, *, model: Model | None = None, failure: ServingError | None = None
    ) -> None:
        with self._lock:
            self._loading.discard(name)
            if model is not None:
                self._models[name] = model
            if failure is not None:
                self._failed[name] = failure
        self._changed()
