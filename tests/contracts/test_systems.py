"""The contract, over every preset of the zoo."""

import dataclasses
from dataclasses import replace

import pytest
import torch

from longtake.engine.step import rules_for, step
from longtake.engine.unroll import Clip
from longtake.memory import tree
from longtake.systems.ddmemory.model import DDMemory
from longtake.systems.lstnet.model import LSTNet
from longtake.systems.protocol import AnySystem, Preset, State
from longtake.systems.zoo import ZOO, preset
from longtake.testing import Contract
from presets import DISTINCT, prompt, walk

DRAWN = {"drop": 0.0, "shuffle": False}
CALM = {name: DRAWN for name in ZOO if name.startswith("ddmemory")}
"""What switches off the randomness that a paper trains with: dropped layers, shuffled identities."""


@pytest.fixture(params=sorted(DISTINCT.values()))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestSystems(Contract):
    @pytest.fixture
    def preset(self, name: str) -> Preset:
        return ZOO[name]

    @pytest.fixture
    def calm(self, name: str) -> Preset:
        return preset(name, dataclasses.asdict(ZOO[name].tiny()) | CALM.get(name, {}))


def test_objects_of_one_cohort_equal_the_same_objects_in_two(system: AnySystem, clip: Clip) -> None:
    """Holds for systems whose objects meet in the merge and in the others channel only."""
    if isinstance(system, DDMemory | LSTNet):
        pytest.skip("its objects share a pass through the network")
    together = [out for _, out in walk(system, clip, {0: prompt(clip)})]
    with torch.no_grad():
        state, _ = step(system, rules_for(system), State(), clip.images[:, 0], prompt(clip))
    (cohort,) = state.cohorts
    halves = tuple(
        replace(cohort, ids=(name,), valid=clip.valid[:, [i]], memory=tree.select(cohort.memory, [i]))
        for i, name in enumerate((1, 2))
    )
    state = replace(state, cohorts=halves)
    for t, expected in enumerate(together[1:], start=1):
        with torch.no_grad():
            state, out = step(system, rules_for(system), state, clip.images[:, t])
        torch.testing.assert_close(expected.probabilities, out.probabilities, atol=1e-4, rtol=0)
