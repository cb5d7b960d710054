"""What the arena remembers: contenders, battles and what raters said of them."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

POSITIONS = "ABC"


TAGS = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*( [a-z0-9]+(-[a-z0-9]+)*)*$",
    "Write tags in small letters, digits and hyphens, with one space between two of them.",
)
CATEGORY = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*$", "Write a category in small letters, digits and hyphens."
)
TAGS_HELP = "Each tag becomes a category of the leaderboard, such as: customer-support pilot-1"


class Population(models.TextChoices):
    """Whose votes: people's and simulated raters' are never mixed unless asked."""

    PEOPLE = "people", _("people")
    SIMULATED = "simulated", _("simulated raters")


class Contender(models.Model):
    """What competes: a model behind a backend, with its system prompt and sampling."""

    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, blank=True)
    backend = models.CharField(max_length=40, default="openai")
    base_url = models.URLField(
        "base URL",
        blank=True,
        help_text="An OpenAI-compatible endpoint, such as http://127.0.0.1:11434/v1. "
        "Leave empty for the local model server.",
    )
    model = models.CharField(max_length=200, help_text="The model's name at that endpoint.")
    api_key_env = models.CharField(
        "API key variable",
        max_length=100,
        blank=True,
        validators=[
            RegexValidator(
                r"^[A-Z_][A-Z0-9_]*$",
                "Give the NAME of an environment variable (capitals, digits, _), never a key.",
            )
        ],
        help_text="The name of the environment variable that holds the key, never the key itself.",
    )
    system_prompt = models.TextField(blank=True)
    temperature = models.FloatField(
        default=0.7, validators=[MinValueValidator(0), MaxValueValidator(2)]
    )
    top_p = models.FloatField(
        default=0.95, validators=[MinValueValidator(0.01), MaxValueValidator(1)]
    )
    max_tokens = models.PositiveIntegerField(
        default=256, validators=[MinValueValidator(1), MaxValueValidator(32_768)]
    )
    version = models.PositiveIntegerField(default=1)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    price = models.DecimalField(
        "price of a million tokens",
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars for a million tokens that it writes. Leave empty if unknown.",
    )
    active = models.BooleanField(default=True, help_text="Drawn for new battles.")
    on_trial = models.BooleanField(
        default=False,
        editable=False,
        help_text="Meets its parent in an extra share of the battles.",
    )
    external = models.BooleanField(
        default=False, editable=False, help_text="Known only from imported votes; cannot answer."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Prompt(models.Model):
    """A prompt of the library: suggested to raters and sampled from in training."""

    slug = models.SlugField(unique=True, max_length=80)
    category = models.CharField(max_length=40, db_index=True, validators=[CATEGORY])
    text = models.TextField()
    tags = models.CharField(max_length=200, blank=True, validators=[TAGS], help_text=TAGS_HELP)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["category", "slug"]

    def __str__(self) -> str:
        return self.slug


class Rater(models.Model):
    """Who votes: an anonymous session, a signed-in user, or a simulation."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    external_id = models.CharField(max_length=200, unique=True, null=True, blank=True)
    # A digest of the token that an anonymous session's browser had before it had a session.
    browser = models.CharField(max_length=64, unique=True, null=True, blank=True, editable=False)
    population = models.CharField(
        max_length=10, choices=Population.choices, default=Population.PEOPLE
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.user.get_username() if self.user else f"rater {self.pk}"


class Battle(models.Model):
    """One conversation of one rater with one to three contenders."""

    class Mode(models.TextChoices):
        ANONYMOUS = "anonymous", pgettext_lazy("mode", "anonymous")
        SIDE_BY_SIDE = "side_by_side", pgettext_lazy("mode", "side by side")
        DIRECT = "direct", pgettext_lazy("mode", "direct")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        VOTED = "voted", _("voted")
        SKIPPED = "skipped", _("skipped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rater = models.ForeignKey(Rater, on_delete=models.CASCADE, related_name="battles")
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.ANONYMOUS)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    population = models.CharField(
        max_length=10, choices=Population.choices, default=Population.PEOPLE
    )
    category = models.CharField(max_length=40, blank=True)
    tags = models.CharField(max_length=200, blank=True)
    signed_in = models.BooleanField(
        null=True, help_text="Whether the rater had an account then; unknown for imported votes."
    )
    language = models.CharField(
        max_length=40,
        blank=True,
        help_text="What the file of an imported vote calls its language; else it is detected.",
    )
    taken_back = models.JSONField(
        null=True,
        editable=False,
        help_text="The first verdict that was taken back after its reveal: ranks and all_bad.",
    )
    source = models.CharField(
        max_length=60, default="arena", help_text="'arena', or the file a vote was imported from."
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.id)

    def get_absolute_url(self) -> str:
        return reverse("battle", args=[self.id])

    @property
    def names_shown(self) -> bool:
        """Whether the rater has seen the names, though the battle has no vote (any more)."""
        return self.taken_back is not None


class Placement(models.Model):
    """A contender at a position of a battle; after the vote also its rank and Elo change."""

    battle = models.ForeignKey(Battle, on_delete=models.CASCADE, related_name="placements")
    position = models.PositiveSmallIntegerField()  # 0, 1, 2 = A, B, C
    contender = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="placements")
    propensity = models.FloatField(
        null=True,
        help_text="Probability with which the matchmaker drew this line-up; unknown where a "
        "contender that failed was replaced.",
    )
    rank = models.PositiveSmallIntegerField(null=True)
    elo_before = models.FloatField(null=True)
    elo_after = models.FloatField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["battle", "position"], name="one_contender_a_position"),
            models.UniqueConstraint(fields=["battle", "contender"], name="contender_once_a_battle"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return POSITIONS[self.position]


class Replacement(models.Model):
    """A contender that failed before it had said anything, and left its position to another."""

    placement = models.ForeignKey(Placement, on_delete=models.CASCADE, related_name="replacements")
    contender = models.ForeignKey(Contender, on_delete=models.PROTECT, related_name="replacements")
    error = models.CharField(max_length=300)
    propensity = models.FloatField(
        null=True, help_text="Probability of the line-up as it was drawn; of the first one only."
    )
    chance = models.FloatField(help_text="Probability with which the next contender was drawn.")
    duration_s = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.contender} at {self.placement}"


class Turn(models.Model):
    """A prompt within a battle."""

    battle = models.ForeignKey(Battle, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveSmallIntegerField()  # from 1
    prompt = models.TextField()
    prompt_key = models.CharField(
        max_length=32, blank=True, db_index=True, help_text="Equal for like prompts."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["battle", "number"], name="turn_numbers_are_unique")
        ]

    def __str__(self) -> str:
        return f"turn {self.number}"


class Response(models.Model):
    """One contender's answer to a turn. Regenerating keeps the older one, superseded."""

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("response", "pending")
        STREAMING = "streaming", pgettext_lazy("response", "streaming")
        DONE = "done", pgettext_lazy("response", "done")
        STOPPED = "stopped", pgettext_lazy("response", "stopped")
        ERROR = "error", pgettext_lazy("response", "error")

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="responses")
    placement = models.ForeignKey(Placement, on_delete=models.CASCADE, related_name="responses")
    superseded = models.BooleanField(default=False)
    asked = models.TextField(
        blank=True, help_text="The prompt that it answered, if that was edited afterwards."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    text = models.TextField(blank=True)
    error = models.CharField(max_length=300, blank=True)
    first_token_s = models.FloatField(null=True)
    duration_s = models.FloatField(null=True)
    tokens = models.PositiveIntegerField(null=True)
    cut_off = models.BooleanField(default=False, help_text="It ran into its limit of tokens.")
    disclosures = models.JSONField(
        default=list,
        blank=True,
        help_text="Where the text names its maker or model: [start, end) in characters.",
    )
    masked = models.BooleanField(default=False, help_text="Those were hidden before the vote.")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["turn__number", "placement__position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "placement"],
                condition=Q(superseded=False),
                name="one_current_response",
            )
        ]

    def __str__(self) -> str:
        return f"response {self.pk}"

    @property
    def finished(self) -> bool:
        return self.state in {self.State.DONE, self.State.STOPPED, self.State.ERROR}


class Vote(models.Model):
    """A rater's verdict on a battle; the ranks stand on its placements."""

    battle = models.OneToOneField(Battle, on_delete=models.CASCADE, related_name="vote")
    all_bad = models.BooleanField(default=False)
    reasons = models.JSONField(default=list, blank=True)
    comment = models.TextField(blank=True)
    counted = models.BooleanField(default=True, db_index=True)
    not_counted_because = models.CharField(max_length=200, blank=True)
    features = models.JSONField(
        default=dict, blank=True, help_text="What may speak against the vote: arena.validity."
    )
    cast_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"vote {self.pk}"


class Reaction(models.Model):
    """Thumb up (1) or down (-1) on one response."""

    response = models.OneToOneField(Response, on_delete=models.CASCADE, related_name="reaction")
    value = models.SmallIntegerField(choices=[(1, "up"), (-1, "down")])
    reasons = models.JSONField(default=list, blank=True)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return "up" if self.value > 0 else "down"


class ApiToken(models.Model):
    """A user's key to the API. Only its SHA-256 is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"token of {self.user}"
