"""Addresses of the pages on which people prompt, compare and vote."""

from django.contrib.auth.views import LogoutView
from django.urls import path, register_converter

from arena import views
from arena.models import POSITIONS


class PositionConverter:
    """A position's letter in the address, its number in Python."""

    regex = f"[{POSITIONS}]"

    def to_python(self, value: str) -> int:
        return POSITIONS.index(value)

    def to_url(self, value: str) -> str:
        return value


register_converter(PositionConverter, "position")

urlpatterns = [
    path("", views.home, name="home"),
    path("battles/", views.my_battles, name="battles"),
    path("battles/data.json", views.my_data, name="my_data"),
    path("battles/forget/", views.forget_me, name="forget_me"),
    path("battles/<uuid:battle_id>/", views.battle, name="battle"),
    path("battles/<uuid:battle_id>/vote/", views.vote, name="vote"),
    path("battles/<uuid:battle_id>/take-back/", views.take_back, name="take_back"),
    path("battles/<uuid:battle_id>/skip/", views.skip, name="skip"),
    path("battles/<uuid:battle_id>/resume/", views.resume, name="resume"),
    path("battles/<uuid:battle_id>/turns/", views.add_turn, name="add_turn"),
    path("battles/<uuid:battle_id>/turns/<int:number>/edit/", views.edit_turn, name="edit_turn"),
    path(
        "battles/<uuid:battle_id>/turns/<int:number>/regenerate/",
        views.regenerate,
        name="regenerate",
    ),
    path(
        "battles/<uuid:battle_id>/turns/<int:number>/retry/",
        views.retry_failed,
        name="retry_failed",
    ),
    path("battles/<uuid:battle_id>/stop/", views.stop, name="stop"),
    path(
        "battles/<uuid:battle_id>/turns/<int:number>/<position:position>/retry/",
        views.retry,
        name="retry",
    ),
    path(
        "battles/<uuid:battle_id>/turns/<int:number>/<position:position>/react/",
        views.react,
        name="react",
    ),
    path(
        "login/",
        views.SignIn.as_view(),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", views.signup, name="signup"),
    path("components/", views.components, name="components"),
    path("healthz", views.healthz, name="healthz"),
]
