"""What every request passes: its language, the security policy, errors of the API as JSON."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware import security
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_lazy as _

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]

# Everything from this server, nothing inline.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
API_REASONS = {
    400: _("The request is not valid."),
    403: _("This is not allowed."),
    404: _("There is nothing at this address. /api/v1/docs lists what there is."),
    405: _("This address does not take that method. /api/v1/docs says which it takes."),
    413: _("The request is too big. Send less at once."),
}
API_FAILED = _("The server failed. The reason is in its log.")


class OutgoingMiddleware(ABC):
    """Changes responses, in a synchronous or an asynchronous chain alike."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response = self.get_response(request)
        if isinstance(response, HttpResponseBase):
            return self.change(request, response)
        return self._change_later(request, response)

    async def _change_later(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        return self.change(request, await response)

    @abstractmethod
    def change(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response that goes out instead."""


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's own, but in an asynchronous chain it changes threads neither before the view nor
    after it: nothing that it does waits for anything."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        redirect = self.process_request(request)
        response = redirect or await cast("Awaitable[HttpResponse]", self.get_response(request))
        return self.process_response(request, response)


class LanguageMiddleware(OutgoingMiddleware):
    """Each request in its reader's language: the cookie's, else the browser's, else English.

    Django's own costs two more changes of thread and leaves the language behind in its thread.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        with translation.override(translation.get_language_from_request(request)):
            return super().__call__(request)

    async def _change_later(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        # Nothing of an awaitable has run yet: it needs the language while it does.
        with translation.override(translation.get_language_from_request(request)):
            return await super()._change_later(request, response)

    def change(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if "public" in response.headers.get("Cache-Control", ""):
            return response  # the same for everybody: its language stands in its address
        language = translation.get_language()
        assert language is not None
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response


class ContentSecurityPolicyMiddleware(OutgoingMiddleware):
    def change(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class ApiErrorsMiddleware(OutgoingMiddleware):
    """Errors that Django itself answers below /api/ (no such address, wrong method) as JSON."""

    def change(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        status = response.status_code
        if (
            status < 400
            or not request.path.startswith("/api/")
            or response.headers.get("Content-Type", "").startswith("application/json")
        ):
            return response
        answer = JsonResponse({"error": str(API_REASONS.get(status, API_FAILED))}, status=status)
        if "Allow" in response.headers:
            answer.headers["Allow"] = response.headers["Allow"]
        return answer
