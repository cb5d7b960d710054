"""Addresses of the lab."""

from django.urls import path

from rlhf import views

urlpatterns = [
    path("lab/", views.lab, name="lab"),
    path("lab/runs/", views.start, name="runs"),
    path("lab/estimate/", views.estimate, name="run-estimate"),
    path("lab/method/", views.method, name="run-method"),
    path("lab/runs/<int:pk>/", views.run, name="run"),
    path("lab/runs/<int:pk>/cancel/", views.cancel, name="run-cancel"),
    path("lab/runs/<int:pk>/resume/", views.resume, name="run-resume"),
    path("lab/runs/<int:pk>/repeat/", views.repeat, name="run-repeat"),
    path("lab/runs/<int:pk>/again/", views.again, name="run-again"),
    path("lab/runs/<int:pk>/enter/", views.enter, name="run-enter"),
    path("lab/gate/", views.gate, name="gate"),
    path("lab/lineage/", views.lineage, name="lineage"),
    path("lab/trials/", views.trials, name="trials"),
    path("lab/trials/<int:pk>/", views.trial, name="trial"),
    path("lab/trials/<int:pk>/rule/", views.rule, name="trial-rule"),
    path("lab/trials/<int:pk>/settle/", views.settle, name="trial-settle"),
    path("lab/datasets/", views.datasets, name="datasets"),
    path("lab/datasets/new/", views.new_dataset, name="dataset-new"),
    path("lab/datasets/import/", views.import_preferences, name="import-preferences"),
    path(
        "lab/datasets/import-demonstrations/",
        views.import_demonstrations,
        name="import-demonstrations",
    ),
    path("lab/datasets/import-text/", views.import_text, name="import-text"),
    path("lab/datasets/<int:pk>/", views.dataset, name="dataset"),
    path("lab/datasets/<int:pk>/download/", views.download, name="dataset-download"),
    path("lab/datasets/<int:pk>/archive/", views.download_archive, name="dataset-archive"),
    path("lab/datasets/<int:pk>/cancel/", views.cancel_dataset, name="dataset-cancel"),
    path("lab/datasets/<int:pk>/retry/", views.retry_dataset, name="dataset-retry"),
]
