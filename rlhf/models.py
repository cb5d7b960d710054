"""The lab's memory: datasets frozen from votes, runs of stages on them, trials of results."""

from pathlib import Path

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from arena.models import Contender, Population


class Job(models.Model):
    """What datasets and runs share: work that a Celery task does and a page watches."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.FloatField(default=0.0)  # 0 to 1
    error = models.TextField(blank=True)
    cancel_requested = models.BooleanField(default=False)
    form_key = models.CharField(
        max_length=64, null=True, blank=True, unique=True, editable=False,
        help_text="The form that asked for it, so that the same one makes no second.",
    )  # fmt: skip
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def ended(self) -> bool:
        return self.state in {self.State.SUCCEEDED, self.State.FAILED, self.State.CANCELLED}

    @property
    def cut_short(self) -> bool:
        """Whether it ended without a result."""
        return self.state in {self.State.FAILED, self.State.CANCELLED}


class Dataset(Job):
    """A frozen, hashed export of preferences in one format."""

    format = models.CharField(max_length=30)
    population = models.CharField(
        max_length=10,
        choices=[*Population.choices, ("all", _("people and simulated raters"))],
        default=Population.PEOPLE,
    )
    container = models.CharField(
        "file type", max_length=10, choices=[("jsonl", "JSON Lines"), ("parquet", "Parquet")],
        default="jsonl",
    )  # fmt: skip
    selection = models.JSONField(
        default=dict, blank=True, help_text="Which votes, where that is not the default."
    )
    source = models.CharField(
        max_length=200, blank=True, help_text="The file it was imported from; empty for votes."
    )
    folder_name = models.CharField(max_length=200, blank=True)  # under settings.DATASETS_DIR
    manifest = models.JSONField(
        default=dict, blank=True, help_text="What was counted; its files in order."
    )
    sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of its files of rows, one after the other."
    )
    rows = models.PositiveIntegerField(null=True, blank=True)
    votes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Votes read; for formats from thumbs, thumbs read."
    )
    skipped = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of these, how many had no texts."
    )
    test_rows = models.PositiveIntegerField(null=True, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"dataset {self.pk} ({self.format})"

    def get_absolute_url(self) -> str:
        return reverse("dataset", args=[self.pk])

    @property
    def folder(self) -> Path:
        """Where its files lie, or will lie once they are whole."""
        return Path(settings.DATASETS_DIR) / self.folder_name

    @property
    def files(self) -> list[Path]:
        """The files of rows, the training split first; none until they are whole."""
        return [self.folder / part["name"] for part in self.manifest.get("files", [])]

    @property
    def whole(self) -> bool:
        """Whether it was written and is still there."""
        files = self.files
        return (
            self.state == self.State.SUCCEEDED
            and bool(files)
            and all(file.is_file() for file in files)
        )


class Gate(models.Model):
    """What an operator set of the gate: the newest applies to runs created from then on.

    Rows stay, so that each run's verdict can be traced to who set its limits.
    """

    limits = models.JSONField(
        default=dict, blank=True, help_text="Those that differ from the defaults."
    )
    waits = models.BooleanField(
        default=False, help_text="Results wait for an operator even if they keep every rule."
    )
    note = models.CharField(max_length=500, blank=True)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"gate {self.pk}"


class Run(Job):
    """One execution of a training stage, in a process of its own."""

    stage = models.CharField(max_length=30)
    name = models.CharField(max_length=120, blank=True)
    config = models.JSONField(default=dict, blank=True)
    dataset = models.ForeignKey(Dataset, null=True, blank=True, on_delete=models.PROTECT)
    base = models.ForeignKey(
        Contender, null=True, blank=True, on_delete=models.PROTECT, related_name="runs_from"
    )
    reward_run = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="policy_runs"
    )
    contender = models.OneToOneField(
        Contender, null=True, blank=True, on_delete=models.PROTECT, related_name="made_by"
    )
    phase = models.CharField(max_length=60, blank=True)
    step = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    pid = models.PositiveIntegerField(null=True, blank=True)
    process_started = models.FloatField(
        null=True, blank=True, help_text="The process's own start time: tells a re-used pid."
    )
    estimate = models.JSONField(
        default=dict, blank=True, help_text="What it was expected to take before it was queued."
    )
    summary = models.JSONField(default=dict, blank=True)
    notes = models.JSONField(
        default=list, blank=True, help_text="What an operator should know about its inputs."
    )
    refusals = models.JSONField(
        default=list, blank=True, help_text="Why the result was not entered as a contender."
    )
    gate = models.ForeignKey(
        "Gate", null=True, blank=True, on_delete=models.PROTECT,
        help_text="The limits that were set when it was created; none are the defaults.",
    )  # fmt: skip
    metrics_offset = models.PositiveBigIntegerField(default=0)
    metrics_mark = models.CharField(
        max_length=16, blank=True, help_text="Tells what was read before the offset."
    )
    resumes = models.PositiveIntegerField(
        default=0, help_text="How often it went on by itself after its process had died."
    )
    died_at = models.CharField(
        max_length=90, blank=True, help_text="Phase and step at which its process last died."
    )
    interruptions = models.JSONField(
        default=list, blank=True, help_text="When, where and why its earlier processes ended."
    )
    reported_at = models.DateTimeField(
        null=True, blank=True, help_text="When what was last read of its process was written."
    )
    resumed_at = models.DateTimeField(
        null=True, blank=True, help_text="When another process of it was last prepared."
    )
    resumed_from = models.FloatField(default=0.0, help_text="Its progress when it last went on.")
    worked = models.FloatField(
        default=0.0, help_text="Seconds that its earlier processes worked, to their last reports."
    )
    peak_memory = models.JSONField(
        default=dict, blank=True, help_text="Most bytes that an earlier process used, by kind."
    )
    unreadable_lines = models.PositiveIntegerField(
        default=0, help_text="Lines of metrics.jsonl that were no report."
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name or f"run {self.pk} ({self.stage})"

    def get_absolute_url(self) -> str:
        return reverse("run", args=[self.pk])

    @property
    def folder(self) -> Path:
        """Everything that the training process reads and leaves."""
        return Path(settings.RUNS_DIR) / self.name


class Decision(models.Model):
    """An operator confirmed what the gate said of a run's result, or overrode it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="decisions")
    entered = models.BooleanField(help_text="Whether the result entered the arena by it.")
    against_gate = models.BooleanField()
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.run}: {'entered' if self.entered else 'kept out'}"


class Metric(models.Model):
    """One figure that a run reported at one step."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="metrics")
    phase = models.CharField(max_length=60)
    step = models.PositiveIntegerField()
    name = models.CharField(max_length=60)
    value = models.FloatField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["run", "name", "step"])]

    def __str__(self) -> str:
        return f"{self.name} = {self.value:g} at {self.step}"


class Trial(models.Model):
    """A contender that came out of a run, measured against its parent by a rule fixed before.

    The rule: as soon as the win rate's interval, valid however often one looks, leaves one half,
    the child is better (and kept) or worse (and retired). After `patience` votes between the two
    it is undecided, and `if_undecided` says what then.
    """

    class Verdict(models.TextChoices):
        OPEN = "", _("open")
        BETTER = "better", _("better")
        WORSE = "worse", _("worse")
        UNDECIDED = "undecided", _("undecided")

    class Otherwise(models.TextChoices):
        RETIRE = "retire", _("retire the child")
        KEEP = "keep", _("keep the child")

    child = models.OneToOneField(Contender, on_delete=models.CASCADE, related_name="trial")
    parent = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="trials_against")
    population = models.CharField(
        max_length=10, choices=Population.choices, default=Population.PEOPLE
    )
    level = models.FloatField(
        default=0.95, validators=[MinValueValidator(0.5), MaxValueValidator(0.999)]
    )
    patience = models.PositiveIntegerField(
        default=400, validators=[MinValueValidator(10), MaxValueValidator(1_000_000)]
    )
    if_undecided = models.CharField(
        max_length=10, choices=Otherwise.choices, default=Otherwise.RETIRE
    )
    created_at = models.DateTimeField(auto_now_add=True)
    verdict = models.CharField(
        max_length=10, choices=Verdict.choices, default=Verdict.OPEN, blank=True
    )
    verdict_at = models.DateTimeField(null=True, blank=True)
    verdict_votes = models.PositiveIntegerField(null=True, blank=True)
    kept = models.BooleanField(null=True, blank=True, help_text="Unknown while the trial runs.")
    reason = models.TextField(blank=True, help_text="Why it was settled against or without a rule.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.child} against {self.parent}"

    def get_absolute_url(self) -> str:
        return reverse("trial", args=[self.pk])
