"""Addresses of the leaderboard."""

from django.urls import path

from ranking import views

urlpatterns = [
    path("leaderboard/", views.leaderboard, name="leaderboard"),
    path("leaderboard/methodology/", views.methodology, name="methodology"),
    path("leaderboard/agreement/", views.agreement, name="agreement"),
    path("leaderboard/agreement/raters/", views.rater_agreement, name="rater_agreement"),
    path("leaderboard/standings.<str:extension>", views.standings_file, name="standings_file"),
    path("leaderboard/plots/<slug:name>.<str:extension>", views.plot, name="plot"),
    path("battles/leaderboard/", views.my_leaderboard, name="my_leaderboard"),
    path("contenders/<slug:slug>/", views.contender, name="contender"),
    path(
        "contenders/<slug:slug>/ratings.<str:extension>",
        views.contender_plot,
        name="contender_plot",
    ),
]
