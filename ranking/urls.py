"""Addresses of the leaderboard."""

from django.urls import path

from ranking import views

urlpatterns = [path("leaderboard/", views.leaderboard, name="leaderboard")]
