"""Every address of the arena."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from config.api import api

urlpatterns = [
    path("", include("arena.urls")),
    path("", include("ranking.urls")),
    path("", include("rlhf.urls")),
    path("language/", set_language, name="set_language"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
