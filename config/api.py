"""The HTTP API under /api/v1/: one NinjaAPI, a router from each app, errors as JSON."""

import logging

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from arena.api import router as arena_router
from arena.errors import ArenaError
from arena.sentences import shown
from arena.tokens import Credentials
from config.shapes import wrong
from ranking.api import router as ranking_router
from rlhf.api import router as rlhf_router

logger = logging.getLogger(__name__)

api = NinjaAPI(
    title="Arena",
    version="1",
    description="Prompt, compare, vote; read the leaderboard; export preferences; train. "
    'Every error is JSON: `{"error": reason}`. Events come over sockets: see docs/protocol.md.',
    urls_namespace="api",
    auth=Credentials(),
)
api.add_router("", arena_router)
api.add_router("", ranking_router)
api.add_router("", rlhf_router)


@api.exception_handler(ArenaError)
def refused(request: HttpRequest, error: ArenaError) -> HttpResponse:
    return _problem(request, shown(error.reason), error.status)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    reason = str(error)
    if error.status_code == 400:
        reason = _("The body is not valid JSON in UTF-8.")
    return _problem(request, reason, error.status_code)


@api.exception_handler(ValidationError)
def wrong_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {_field(problem["loc"]): wrong(problem) for problem in error.errors}
    reason = " ".join(f"{name}: {message}." for name, message in list(fields.items())[:5])
    return _problem(request, reason, 422, fields)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _problem(request, _("There is nothing at this address."), 404)


@api.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return _problem(request, _("The request is too big. Send less at once."), 413)


@api.exception_handler(UnreadablePostError)
def broken_off(request: HttpRequest, error: UnreadablePostError) -> HttpResponse:
    return _problem(request, _("The request broke off before its end."), 400)


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("%s %s failed.", request.method, request.path, exc_info=error)
    return _problem(request, _("The server failed. The reason is in its log."), 500)


def _problem(
    request: HttpRequest, reason: str, status: int, fields: dict[str, str] | None = None
) -> HttpResponse:
    body = {"error": reason} if fields is None else {"error": reason, "fields": fields}
    return api.create_response(request, body, status=status)


def _field(location: tuple[str | int, ...]) -> str:
    """("body", "payload", "ranks", 0) is the field ranks.0."""
    inner = location[2:] if location[0] == "body" else location[1:]
    return ".".join(str(part) for part in inner) or "body"
