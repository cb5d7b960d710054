"""Errors that Django itself answers below /api/ (no such address, wrong method) as JSON."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

REASONS = {
    400: "The request is not valid.",
    403: "This is not allowed.",
    404: "There is nothing at this address. /api/v1/docs lists what there is.",
    405: "This address does not take that method. /api/v1/docs says which it takes.",
    413: "The request is too big. Send less at once.",
}
FAILED = "The server failed. The reason is in its log."


class ApiErrorsMiddleware:
    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._acall(request)
        response = self.get_response(request)
        assert isinstance(response, HttpResponseBase)
        return _as_json(request, response)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        assert not isinstance(response, HttpResponseBase)
        return _as_json(request, await response)


def _as_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    if (
        status < 400
        or not request.path.startswith("/api/")
        or response.headers.get("Content-Type", "").startswith("application/json")
    ):
        return response
    answer = JsonResponse({"error": REASONS.get(status, FAILED)}, status=status)
    if "Allow" in response.headers:
        answer.headers["Allow"] = response.headers["Allow"]
    return answer
