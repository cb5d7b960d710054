"""Time and memory before the queue: worked examples, what corrects them, what is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import Invalid
from arena.models import Contender, Prompt
from rlhf import selectors, services
from rlhf.estimating import Examples, Machine, Shape, peak_bytes, read_shape, work_of
from rlhf.estimating.machines import Kind
from rlhf.estimating.work import STEP_ROWS, sampling
from rlhf.models import Dataset, Job, Run
from rlhf.selectors.estimates import examples_of
from rlhf.stages import PRESETS, STAGES
from rlhf.training import settings
from rlhf.training.config import build_config
from tests.rlhf.test_pages import text_of
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import converse, many_votes, thumb, vote

SMOL = Shape(
    parameters=134_515_008, layers=30, hidden=576, vocabulary=49_152, kv_width=192, tied=True
)
BILLION = Shape(
    parameters=1_235_814_400, layers=16, hidden=2048, vocabulary=128_256, kv_width=512, tied=True
)
GB = 1024**3
CORES = Machine(
    name="two cores",
    kind="cpu",
    memory=24 * GB,
    free=16 * GB,
    threads=2,
    bfloat16=True,
    measured=True,
)
H100 = replace(CORES, name="H100", kind="cuda", memory=79 * GB, free=79 * GB, measured=False)
FILES: dict[str, Any] = {"output": "", "model": "", "prompts": "", "reward_model": "r"}


def config(kind: type[settings.Run], **values: Any) -> Any:
    files = {**FILES, "texts": "", "rankings": "", "thumbs": "", "demonstrations": ""}
    known = {name: value for name, value in files.items() if name in kind.__dataclass_fields__}
    return build_config(kind, {**known, **values})


def seconds(kind: type[settings.Run], examples: Examples, **values: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for load in work_of(config(kind, **values), SMOL, examples):
        time = load.operations / CORES.rate(load.kind)
        found[load.phase] = found.get(load.phase, 0) + time
    return found


# --- worked examples ----------------------------------------------------------------------


def test_reading_a_reward_models_features_by_hand() -> None:
    # 100 rankings of a prompt of 40 and two responses of 60 tokens through ten of thirty layers:
    # 16,000 tokens, two operations for each of (134,515,008 - 576 * 49,152) / 3 parameters.
    examples = Examples(rows=100, row_prompt_tokens=40, response_tokens=60)
    [load] = work_of(config(settings.Reward), SMOL, examples)
    assert load.operations == pytest.approx(2 * 35_401_152 * 16_000)
    assert CORES.rate("read") == 200e9


def test_thumbs_that_no_ranking_holds_are_read_besides() -> None:
    # The 16,000 tokens above, and nine tenths of 50 thumbs, each on 40 + 60 tokens.
    examples = Examples(rows=100, row_prompt_tokens=40, response_tokens=60, thumbs=50)
    [load] = work_of(config(settings.Reward), SMOL, examples)
    assert load.operations == pytest.approx(2 * 35_401_152 * (16_000 + 4_500))
    *_, training = work_of(config(settings.Reward, lora_rank=8), SMOL, examples)
    assert training.operations == pytest.approx(2 * 2 * 35_401_152 * (0.9 * 16_000 + 4_500))
    [load] = work_of(config(settings.Reward, thumbs_weight=0.0), SMOL, examples)
    assert load.operations == pytest.approx(2 * 35_401_152 * 16_000)


def test_sampling_waits_for_the_weights_at_each_step() -> None:
    one = sampling(SMOL, count=1, tokens=64, rows=128, prompt=0)
    many = sampling(SMOL, count=128, tokens=64, rows=128, prompt=0)
    assert many / one == pytest.approx((128 + STEP_ROWS) / (1 + STEP_ROWS))


@pytest.mark.parametrize(
    ("kind", "examples", "values", "share", "recorded"),
    [  # Finished runs on two cores with AVX512-BF16, beside other work: their seconds, and which
        # share of both cores they got.
        (
            settings.BestOfN,
            Examples(prompts=200, prompt_tokens=35),
            {"n": 8, "train_prompts": 16, "evaluation_prompts": 8},
            0.42,
            {"sampling": 25.3, "scoring": 2.7, "training": 21.9, "evaluation": 12.0},
        ),
        (
            settings.Pretrain,
            Examples(prompts=200, prompt_tokens=35, text_tokens=2_340_000),
            {"train_tokens": 32_768, "evaluation_prompts": 16, "reward_model": ""},
            0.36,
            {"measuring": 77.0, "training": 223.5, "evaluation": 46.1},
        ),
        (
            settings.Grpo,
            Examples(prompts=200, prompt_tokens=35),
            {"steps": 2, "evaluation_prompts": 8},
            0.29,
            {"training": 189.7, "evaluation": 22.1},
        ),
        (  # with nothing else running
            settings.BestOfN,
            Examples(prompts=250, prompt_tokens=35),
            {"n": 16, "train_prompts": 150},
            1.0,
            {"sampling": 232.0},
        ),
    ],
)
def test_recorded_phases_are_met_and_rarely_fallen_short_of(
    kind: type[settings.Run],
    examples: Examples,
    values: dict[str, Any],
    share: float,
    recorded: dict[str, float],
) -> None:
    found = seconds(kind, examples, **values)
    for phase, took in recorded.items():
        assert share * took / 1.5 < found[phase] < share * took * 3, phase


THUMBS = Examples(row_prompt_tokens=42, response_tokens=92, longest_row=205)
RANKINGS = Examples(rows=20, row_prompt_tokens=38, response_tokens=105, longest_row=321)
LONG = Examples(rows=20, row_prompt_tokens=38, response_tokens=201, longest_row=538)
TOLD = Examples(row_prompt_tokens=38, response_tokens=109, longest_row=284)
ALL = {"lora_rank": 0, "reward_model": ""}


@pytest.mark.parametrize(
    ("kind", "examples", "values", "gigabytes"),
    [  # Largest resident sets of real runs on two cores with AVX512-BF16, whose batches had the
        # longest rows in them (docs/decisions/0017-estimates.md); lengths by the tokenizer.
        (settings.Reward, RANKINGS, {}, 1.33),
        (settings.Reward, LONG, {"lora_rank": 8}, 4.28),
        (settings.Kto, THUMBS, {"reward_model": ""}, 6.15),
        (settings.Sft, TOLD, {"reward_model": ""}, 7.54),
        (settings.Sft, TOLD, ALL, 8.16),
        (settings.Dpo, RANKINGS, {"reward_model": ""}, 9.80),
        (settings.BestOfN, Examples(), {"train_prompts": 22}, 4.62),
        (settings.Grpo, Examples(), {}, 5.44),
        (settings.Pretrain, Examples(), {"reward_model": ""}, 3.80),
    ],
)
def test_measured_peaks_are_met_and_never_fallen_short_of(
    kind: type[settings.Run], examples: Examples, values: dict[str, Any], gigabytes: float
) -> None:
    library = replace(examples, prompt_tokens=36, longest_prompt=150)
    found = peak_bytes(config(kind, **values), SMOL, library, CORES)
    assert gigabytes <= found / 1e9 < 1.5 * gigabytes


def test_thumbs_count_in_memory_as_far_as_they_are_learnt_from() -> None:
    many = Examples(rows=50_000, thumbs=50_000)
    with_thumbs = peak_bytes(config(settings.Reward), SMOL, many, CORES)
    without = peak_bytes(config(settings.Reward, thumbs_weight=0.0), SMOL, many, CORES)
    # Six copies of 1,152 numbers of each response, and a tenth.
    assert with_thumbs - without == pytest.approx(1.1 * 6 * 1152 * 4 * 50_000)


def test_dpo_on_rankings_samples_nothing_for_them_even_with_a_reward_model() -> None:
    examples = Examples(rows=100)
    judged = config(settings.Dpo, rankings="r.jsonl")
    phases = {load.phase for load in work_of(judged, SMOL, examples)}
    assert phases == {"training", "evaluation", "checkpoints"}
    alone = config(settings.Dpo, rankings="r.jsonl", reward_model="")
    assert peak_bytes(judged, SMOL, examples, CORES) > peak_bytes(alone, SMOL, examples, CORES)


def test_the_longest_row_decides_and_not_the_mean_one() -> None:
    usual = Examples(row_prompt_tokens=30, response_tokens=60)
    longest = replace(usual, longest_row=400)
    for kind in (settings.Sft, settings.Kto):
        chosen = config(kind, reward_model="")
        found = [peak_bytes(chosen, SMOL, one, CORES) for one in (usual, longest)]
        assert found[1] > 1.5 * found[0]


# --- properties ---------------------------------------------------------------------------


@given(
    name=st.sampled_from(sorted(settings.STAGES)),
    rows=st.integers(20, 10_000),
    more=st.integers(1, 10_000),
)
def test_more_examples_never_take_less(name: str, rows: int, more: int) -> None:
    kind = settings.STAGES[name]

    def whole(count: int) -> float:
        examples = Examples(rows=count, text_tokens=100.0 * count)
        return sum(load.operations for load in work_of(config(kind), SMOL, examples))

    assert 0 < whole(rows) <= whole(rows + more)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_preset_fits_the_machine_that_it_is_for(preset: str, stage: str) -> None:
    chosen = config(settings.STAGES[stage], **PRESETS[preset].settings.get(stage, {}))
    examples = Examples(rows=1_000, text_tokens=1e6)
    machine, shape = (H100, BILLION) if preset == "gpu" else (replace(CORES, memory=8 * GB), SMOL)
    assert peak_bytes(chosen, shape, examples, machine) < machine.memory


def test_every_phase_that_is_counted_is_one_of_three_kinds() -> None:
    kinds: set[Kind] = {"sample", "read", "train"}
    for kind in settings.STAGES.values():
        loads = work_of(config(kind, lora_rank=4), SMOL, Examples(rows=100, text_tokens=1e5))
        assert {load.kind for load in loads} <= kinds


# --- a model's folder ---------------------------------------------------------------------


def test_a_folder_tells_its_shape(tiny_model: str) -> None:  # noqa: F811
    from transformers import AutoModelForCausalLM

    found = read_shape(Path(tiny_model))
    assert found is not None
    whole = AutoModelForCausalLM.from_pretrained(tiny_model).num_parameters()
    assert (found.parameters, found.layers, found.hidden, found.tied) == (whole, 2, 64, True)
    assert found.kv_width == 32
    assert found.multiplied == whole


@pytest.mark.parametrize("text", ["{", "[]", '{"hidden_size": 4}'])
def test_a_folder_that_does_not_tell_has_no_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "model.safetensors").write_bytes(b"short")
    assert read_shape(tmp_path) is None
    assert read_shape(tmp_path / "none") is None


# --- in the lab ---------------------------------------------------------------------------


@pytest.fixture
def sized(base: Contender, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`sized(shape, machine)`: the base and the machine are as large as that."""

    def be(shape: Shape = SMOL, machine: Machine = CORES) -> None:
        monkeypatch.setattr("rlhf.selectors.estimates.read_shape", lambda folder: shape)
        monkeypatch.setattr("rlhf.selectors.estimates.this_machine", lambda **_: machine)

    be()
    return be


@pytest.mark.django_db
def test_a_run_keeps_its_estimate(sized: Callable[..., None]) -> None:
    many_votes(40)
    run = services.create_run(stage="reward")
    found = selectors.estimate_of(run)
    assert found is not None
    assert Run.objects.get().estimate == found.as_dict()
    assert (found.runs, found.machine, found.fits, found.tight) == (0, "two cores", True, False)
    assert found.low < found.seconds < found.high


@pytest.mark.django_db
def test_thumbs_count_where_no_ranking_of_the_selection_holds_the_response(
    sized: Callable[..., None],
) -> None:
    ranked = many_votes(40)
    run = services.create_run(stage="reward")
    thumb(ranked[0].battle, 0, 1)  # is in a ranking
    said = {"amber": ["Yes."], "birch": ["No."]}
    thumb(converse(["Simulated?"], said, population="simulated"), 0, 1)
    assert examples_of(run).thumbs == 0
    for number in range(3):
        thumb(converse([f"Without a vote {number}?"], said), 0, 1)
    several = converse(["One", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]})
    vote(several, [1, 2])  # no ranking that training reads
    thumb(several, 0, -1)
    assert examples_of(run).thumbs == 4
    assert run.dataset is not None
    run.dataset.source = "imported.jsonl"
    assert examples_of(run).thumbs == 0


@pytest.mark.django_db
def test_lengths_are_of_the_longest_too_and_other_scripts_take_more_tokens(
    sized: Callable[..., None], library: list[Prompt]
) -> None:
    many_votes(40)
    run = services.create_run(stage="dpo")
    Prompt.objects.all().delete()
    Prompt.objects.create(slug="latin", text="a" * 40)
    Prompt.objects.create(slug="arabic", text="م" * 40)  # two bytes each
    assert run.base is not None
    run.base.system_prompt = ""
    found = examples_of(run)
    assert (found.longest_prompt, found.prompt_tokens) == (40, 25)
    assert found.row_width == found.longest_row >= (len("Question number 0?") + 6) / 4
    run.base.system_prompt = "b" * 20
    assert examples_of(run).longest_prompt == 45


@pytest.mark.django_db
def test_what_earlier_runs_took_corrects_it(sized: Callable[..., None]) -> None:
    many_votes(40)
    plain = selectors.estimate_of(services.create_run(stage="reward"))
    assert plain is not None
    now = timezone.now()
    for factor in (2.0, 3.0, 4.0):
        run = services.create_run(stage="reward")
        took = timedelta(seconds=factor * plain.plain)
        run.state, run.started_at, run.finished_at = Job.State.SUCCEEDED, now - took, now
        run.save()
    found = selectors.estimate_of(services.create_run(stage="reward"))
    assert found is not None
    assert (found.runs, found.same_stage) == (3, True)
    assert found.plain == plain.plain
    assert found.seconds == pytest.approx(3 * plain.plain, rel=0.01)
    assert found.low == pytest.approx(2 * plain.plain, rel=0.01)
    assert found.high == pytest.approx(4 * plain.plain, rel=0.01)
    Run.objects.filter(pk=run.pk).update(resumed_at=now)  # the slowest waited for a resume
    resumed = selectors.estimate_of(services.create_run(stage="reward"))
    assert resumed is not None
    assert (resumed.runs, resumed.high) == (2, pytest.approx(3 * plain.plain, rel=0.01))
    computed = {"seconds": {"total": 2.5 * plain.plain - CORES.starting_s}}
    Run.objects.filter(pk=run.pk).update(summary=computed)  # by all its processes
    counted = selectors.estimate_of(services.create_run(stage="reward"))
    assert counted is not None
    assert (counted.runs, counted.high) == (3, pytest.approx(3 * plain.plain, rel=0.01))
    assert counted.seconds == pytest.approx(2.5 * plain.plain, rel=0.01)
    sized(machine=replace(CORES, name="another"))
    other = selectors.estimate_of(services.create_run(stage="reward"))
    assert other is not None
    assert other.runs == 0


@pytest.mark.django_db
def test_a_run_that_cannot_fit_is_refused_with_what_to_change(
    sized: Callable[..., None], reward_model: Run, library: list[Prompt]
) -> None:
    sized(BILLION, replace(CORES, memory=20 * GB))
    wide = {"batch_size": 256, "max_new_tokens": 512, "sample_batch": 16}
    with pytest.raises(Invalid, match=r"memory; two cores has .* with batch_size = \d+\.") as told:
        services.create_run(stage="dpo", reward_run=reward_model.pk, settings=wide)
    setting, _, value = str(told.value).rpartition(" with ")[2].strip(".").partition(" = ")
    services.create_run(
        stage="dpo", reward_run=reward_model.pk, settings={**wide, setting: int(value)}
    )
    with pytest.raises(Invalid, match="lora_rank = 16"):
        services.create_run(stage="grpo", settings={"lora_rank": 0})
    sized(BILLION, replace(CORES, memory=2 * GB))
    with pytest.raises(Invalid, match="Use a smaller model"):
        services.create_run(stage="grpo")


@pytest.mark.django_db
def test_cuda_without_a_device_is_refused(base: Contender) -> None:
    many_votes(20)
    with pytest.raises(Invalid, match="no CUDA device"):
        services.create_run(stage="reward", settings={"device": "cuda"})


REWARD = {"reward-stage": "reward", "reward-population": "people", "reward-preset": "standard"}


@pytest.mark.django_db
def test_trying_leaves_nothing(sized: Callable[..., None]) -> None:
    many_votes(40)
    run = services.try_run(stage="reward")
    assert run.estimate["seconds"] > 0
    assert not Run.objects.exists()
    assert not Dataset.objects.exists()


@pytest.mark.django_db
def test_the_form_shows_it_without_javascript_and_keeps_what_was_typed(
    operator_client: Client, sized: Callable[..., None]
) -> None:
    many_votes(40)
    page = operator_client.post("/lab/estimate/", {**REWARD, "reward-settings": "seed = 77"})
    text = text_of(page)
    assert "Time, estimated about" in text
    assert "of 24.0 GB on two cores" in text
    assert "By measurements on two cores" in text
    assert "seed = 77" in page.content.decode()
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_htmx_gets_the_estimate_alone(operator_client: Client, sized: Callable[..., None]) -> None:
    many_votes(40)
    headers = {"HX-Request": "true"}
    page = operator_client.post("/lab/estimate/", REWARD, headers=headers)
    assert "<html" not in page.content.decode()
    assert "Memory, estimated about" in text_of(page)
    wrong = {**REWARD, "reward-settings": "nonsense"}
    answer = operator_client.post("/lab/estimate/", wrong, headers=headers)
    assert (answer.status_code, "Line 1 is no setting" in text_of(answer)) == (200, True)
    twice = {**REWARD, "reward-settings": "seed = 1\nseed = 2"}
    answer = operator_client.post("/lab/estimate/", twice, headers=headers)
    assert "Line 2 sets seed once more" in text_of(answer)
    unknown = {**REWARD, "reward-settings": "epoch = 1"}
    answer = operator_client.post("/lab/estimate/", unknown, headers=headers)
    assert "no setting 'epoch'" in answer.content.decode().replace("&#x27;", "'")


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_an_estimate_says_what_the_run_will_not_find(
    operator_client: Client, reward_model: Run, library: list[Prompt], headers: dict[str, str]
) -> None:
    form = {
        "update-stage": "best-of-n", "update-base": reward_model.base_id,
        "update-reward_run": reward_model.pk, "update-population": "people",
        "update-preset": "standard", "update-settings": "train_prompts = 1000000",
    }  # fmt: skip
    page = text_of(operator_client.post("/lab/estimate/", form, headers=headers))
    assert "train_prompts is 1000000, but the library has only" in page


@pytest.mark.django_db
def test_refusals_stand_above_the_form_without_htmx(
    operator_client: Client, base: Contender
) -> None:
    answer = operator_client.post("/lab/estimate/", REWARD)
    assert "needs at least 20 votes" in text_of(answer)
    assert operator_client.post("/lab/estimate/", {}).status_code == 422
    assert operator_client.get("/lab/estimate/")["Location"] == "/lab/"


@pytest.mark.django_db
def test_raters_get_no_estimate(rater_client: Client) -> None:
    assert rater_client.post("/lab/estimate/", REWARD).status_code == 403


@pytest.mark.django_db
def test_the_run_s_page_says_what_was_estimated(
    operator_client: Client, sized: Callable[..., None]
) -> None:
    many_votes(40)
    run = services.create_run(stage="reward")
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "Estimated before the start: about" in page
