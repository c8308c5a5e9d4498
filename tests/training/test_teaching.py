import pytest
import torch

from longtake.systems.teaching import Group, Schedule, Teaching, along, current
from longtake.systems.zoo import preset
from longtake.training.optim import build_optimizer, set_rates, share_at
from longtake.training.parse import load_recipe, parse_recipe, recipe_names
from longtake.training.recipe import Sources, Stage


def test_curves_run_straight_between_points() -> None:
    curve = ((0.2, 1.0), (0.7, 0.15))
    assert [along(curve, p) for p in (0, 0.2, 0.45, 0.7, 1)] == pytest.approx([1, 1, 0.575, 0.15, 0.15])
    assert along(0.3, 0.9) == 0.3


def test_steps_hold_until_the_next() -> None:
    gap = ((0.0, 5), (0.1, 10), (0.9, 5))  # the curriculum of STCN begins so
    assert [current(gap, p) for p in (0, 0.05, 0.1, 0.89, 0.95)] == [5, 5, 10, 10, 5]
    assert current("soft", 0.5) == "soft"
    assert current(((0.5, "hard"),), 0.1) == "hard"  # from the beginning, the first


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), [1, 1, 1]),
        (Schedule(kind="linear", tail=0.5), [1, 1, 0.5]),
        (Schedule(kind="poly", power=2), [1, 0.25, 0.0625]),
        (Schedule(kind="poly", power=2, floor=0.1), [1, 0.325, 0.15625]),
        (Schedule(kind="poly", power=2, floor=0.1, warm_up=50), [0.1, 1, 0.325]),
        (Schedule(kind="linear", tail=0.5, floor=0.6), [1, 1, 0.6]),
        (Schedule(kind="drops", drops=((0.5, 0.1), (0.75, 0.1))), [1, 0.1, 0.01]),
        (Schedule(kind="exponential", factor=0.5, every=25), [1, 0.25, 0.125]),
    ],
)
def test_schedules(schedule: Schedule, expected: list[float]) -> None:
    assert [share_at(schedule, step, 100) for step in (0, 50, 75)] == pytest.approx(expected)


def test_a_schedule_begins_with_its_warm_up() -> None:
    schedule = Schedule(kind="linear", warm_up=10, tail=0.5)
    assert [share_at(schedule, step, 100) for step in (0, 9, 50, 75)] == pytest.approx([0.1, 1, 1, 0.5])


def test_groups_have_their_share_of_rate_and_decay_and_rest() -> None:
    teaching = Teaching(
        groups=(Group(names=("backbone.*",), rate=0.25), Group(names=("key.*",), decay=0, until=0.5)),
        frozen=("backbone.stem_conv.*",),
        weight_decay=0.1,
    )
    system = preset("stm-mobilenet-v2", {"context": 16, "key": 8, "value": 16}).build()
    optimizer = build_optimizer(system, teaching)
    assert not system.get_parameter("backbone.stem_conv.weight").requires_grad
    held = sum(parameter.numel() for group in optimizer.param_groups for parameter in group["params"])
    assert held == sum(parameter.numel() for parameter in system.parameters() if parameter.requires_grad)
    stage = Stage(name="main", steps=10, rate=2.0, sources=Sources(procedural=1), teaching=teaching)
    assert set_rates(optimizer, stage, 4) == 2.0

    def of(name: str) -> dict[str, float]:
        wanted = system.get_parameter(name)
        return next(g for g in optimizer.param_groups if any(p is wanted for p in g["params"]))

    assert (of("backbone.stages.1.0.conv.0.0.weight")["lr"], of("key.weight")["lr"]) == (0.5, 2.0)
    assert [of(name)["weight_decay"] for name in ("key.weight", "value.weight", "value.bias")] == [0, 0.1, 0]
    set_rates(optimizer, stage, 5)
    assert (of("key.weight")["lr"], of("value.weight")["lr"]) == (0.0, 2.0)


def test_a_stage_overrides_the_recipe_and_that_the_preset() -> None:
    stage = {"name": "main", "steps": 1, "rate": 1e-4, "sources": {"procedural": 1}}
    own = stage | {"name": "finetune", "teaching": {"feedback": "hard"}}
    values = {"model": "stm-mobilenet-v2", "teaching": {"clip_norm": 5.0}, "stages": [stage, own]}
    first, second = (part.teaching for part in parse_recipe(values, "test").stages)
    assert first.weight_decay == second.weight_decay == 0.01  # the preset's
    assert first.clip_norm == second.clip_norm == 5.0
    assert (first.feedback, second.feedback) == ("soft", "hard")


def test_a_group_may_rest_in_one_stage_only() -> None:
    stage = {"name": "main", "steps": 10, "rate": 1.0, "sources": {"procedural": 1}}
    groups = [[{"names": ["key.*"], "until": until}] for until in (1.0, 0.5)]
    stages = [stage | {"teaching": {"groups": own}} for own in groups]
    parsed = parse_recipe(
        {"model": "stm-mobilenet-v2", "teaching": {"frozen": [], "schedule": {}}, "stages": stages}, "test"
    )
    system = preset("stm-mobilenet-v2").build()
    optimizer = build_optimizer(system, parsed.teaching)
    key = next(g for g in optimizer.param_groups if any(p is system.get_parameter("key.weight") for p in g["params"]))
    rates = []
    for each in parsed.stages:
        set_rates(optimizer, each, 7)
        rates.append(key["lr"])
    assert rates == [1.0, 0.0]


def test_every_shipped_recipe_is_valid_and_says_what_it_is() -> None:
    for name, said in recipe_names().items():
        assert load_recipe(name, {}).steps > 0
        assert len(said) > 20


def test_truth_is_fed_back_where_an_object_was_lost() -> None:
    from longtake.engine.step import _checked

    truth = torch.zeros(1, 3, 4, 4)
    truth[:, :2, :2] = 1
    found = torch.zeros(1, 3, 4, 4)
    found[:, 0, :2] = 0.9  # right
    found[:, 1, 2:] = 0.9  # elsewhere
    found[:, 2] = 0.2  # an object that is not there, and not seen
    fed = _checked(found, truth)
    assert torch.equal(fed[:, 0], found[:, 0])
    assert torch.equal(fed[:, 1], truth[:, 1])
    assert torch.equal(fed[:, 2], found[:, 2])


def test_an_average_forgets_what_it_began_with() -> None:
    from longtake.training.optim import build_average

    weight = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        weight.weight.fill_(100.0)
    average = build_average(weight, 0.99)
    average.update_parameters(weight)
    with torch.no_grad():
        weight.weight.fill_(1.0)
    for _ in range(60):
        average.update_parameters(weight)
    # by hand: the share of the beginning is the product of (1 + n) / (10 + n) for n = 1 to 60, all below 0.99
    share = 1.0
    for n in range(1, 61):
        share *= (1 + n) / (10 + n)
    assert average.module.weight.item() == pytest.approx(1 + 99 * share, rel=1e-4)
    assert share < 1e-3 < 0.99**60
