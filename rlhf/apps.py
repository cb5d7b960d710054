from django.apps import AppConfig


class RlhfConfig(AppConfig):
    name = "rlhf"
    verbose_name = "RLHF lab"

    def ready(self) -> None:
        from rlhf import receivers  # noqa: F401  (connects the signals)
