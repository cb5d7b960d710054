"""Signing up, the page of components, and the sign of life."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from arena import services, showcase
from arena.forms import SignUpForm


@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        services.identify_rater(user=request.user, session=request.session)
        return redirect("home")
    return render(request, "registration/signup.html", {"form": form})


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    return render(request, "components.html", showcase.examples())


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")
