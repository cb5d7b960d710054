"""Signing up, the page of components, and the sign of life."""

from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from arena import services, showcase
from arena.forms import SignInForm, SignUpForm


class SignIn(LoginView):
    """The battles that were had in this browser come along."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        services.identify_rater(user=self.request.user, session=self.request.session)
        return answer


@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        services.identify_rater(user=request.user, session=request.session)
        return redirect(_back(request) or "home")
    return render(request, "registration/signup.html", {"form": form, "next": _back(request)})


def _back(request: HttpRequest) -> str:
    """Where the visitor came from, if that is here."""
    address = request.POST.get("next", request.GET.get("next", ""))
    ours = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if ours else ""


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    return render(request, "components.html", showcase.examples())


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")
