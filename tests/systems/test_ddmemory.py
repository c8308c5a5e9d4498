"""DDMemory's three banks, and who is who in them."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from longtake.engine.objects import remove
from longtake.engine.session import Session
from longtake.engine.step import rules_for, step
from longtake.engine.unroll import Clip
from longtake.errors import SettingError
from longtake.memory import tree
from longtake.memory.policy import Every
from longtake.nn.local_attention import LocalAttention
from longtake.nn.recurrent import GatedMap
from longtake.systems.ddmemory.memory import Bank, Identities, Layer
from longtake.systems.ddmemory.model import DDMemory, IdentityBank
from longtake.systems.ddmemory.transformer import GlobalMemory
from longtake.systems.protocol import Inputs, Prompt, State
from longtake.systems.zoo import ZOO, preset
from presets import prompt, walk

BANKS: tuple[Bank, ...] = ("reference", "global", "local")
ROWS = [row for count in (1, 2, 3) for row in combinations(BANKS, count)]
"""The rows of the paper's tables 4 and 9."""


def tiny(**options: object) -> DDMemory:
    torch.manual_seed(0)
    return replace(ZOO["ddmemory-mobilenet-v2"].tiny(), **options).build().eval()


@pytest.fixture
def system() -> DDMemory:
    return tiny()


def test_the_global_memory_takes_in_each_frame_once_it_is_no_longer_the_last(system: DDMemory, clip: Clip) -> None:
    """Frames counted from 0: frame t is segmented with what came of frames 1 to t - 2 (fact sheet, section 2)."""
    times = []
    for state, _ in walk(system, clip, {0: prompt(clip)}):
        memory = state.cohorts[0].memory
        times.append((memory.reference[0].time, memory.recurrent[0].time, memory.local[0].time))
        if state.time < 3:
            assert memory.recurrent[0] is memory.reference[0]
    assert times == [(0, 0, 0), (0, 0, 1), (0, 1, 2), (0, 2, 3), (0, 3, 4)]


def test_the_global_memory_is_the_unit_over_the_frames(system: DDMemory, clip: Clip) -> None:
    memories = [state.cohorts[0].memory for state, _ in walk(system, clip, {0: prompt(clip)})]
    grid = (5, 7)
    with torch.no_grad():
        expected = list(memories[0].reference[0].layers)
        for t in (1, 2, 3):
            pairs = zip(system.layers, memories[t].local[0].layers, expected, strict=True)
            expected = [block.global_memory(frame, state, grid) for block, frame, state in pairs]
    for ours, theirs in zip(memories[4].recurrent[0].layers, expected, strict=True):
        torch.testing.assert_close(ours.keys, theirs.keys)
        torch.testing.assert_close(ours.values, theirs.values)


@pytest.mark.parametrize("split", [False, True])
def test_the_unit_takes_keys_and_values_each_to_their_own(split: bool) -> None:
    """Against the equations on plain matrices: the state is [keys; values], or there are two units."""
    torch.manual_seed(0)
    count, c, grid = (2 if split else 1), 8, (2, 3)
    units = [GatedMap(2 * c // count) for _ in range(count)]
    frame, state = (Layer(torch.randn(1, 6, c), torch.randn(1, 6, c)) for _ in range(2))
    with torch.no_grad():
        after = GlobalMemory(units)(frame, state, grid)
        pairs = [(frame.keys, state.keys), (frame.values, state.values)]
        if not split:
            pairs = [(torch.cat([frame.keys, frame.values], 2), torch.cat([state.keys, state.values], 2))]
        expected = []
        for unit, (u, s) in zip(units, pairs, strict=True):
            gates, candidate = (conv.weight.flatten(1).T for conv in (unit.gates, unit.candidate))
            z, r = torch.sigmoid(torch.cat([u, s], 2) @ gates + unit.gates.bias).chunk(2, dim=2)
            c_ = torch.tanh(torch.cat([u, r * s], 2) @ candidate + unit.candidate.bias)
            expected.append((1 - z) * s + z * c_)
    keys, values = torch.cat(expected, 2).chunk(2, dim=2)
    torch.testing.assert_close(after.keys, keys)
    torch.testing.assert_close(after.values, values)


def test_looks_are_the_attention_of_the_areas(system: DDMemory, clip: Clip) -> None:
    """Against whole softmaxes, layer by layer and head by head."""
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 4)
    cohort, (height, width) = state.cohorts[0], clip.images.shape[-2:]
    masks = torch.zeros(1, 2, height, width)
    masks[:, 0, : height // 2], masks[:, 1] = 1, 0.3
    areas = torch.nn.functional.adaptive_avg_pool2d(masks, (5, 7)).flatten(2)[0]
    with torch.no_grad():
        features = system.encode(Inputs(clip.images[:, 4], clip.images[:, 3]))
        passed = system.segment(features, cohort.memory, cohort.valid, 4).trace
        found = system.looks(cohort.memory, passed, masks)
        total = torch.zeros(2, 2, 35)
        for number, asked in enumerate(passed.layers):
            banks = (cohort.memory.reference[0], cohort.memory.recurrent[0])
            keys = torch.cat([bank.layers[number].keys for bank in banks], dim=1)
            for query, key in zip(asked.keys[0].chunk(2, dim=1), keys[0].chunk(2, dim=1), strict=True):
                weights = (query @ key.T / query.shape[1] ** 0.5).softmax(dim=1)
                mean = areas @ weights / areas.sum(dim=1, keepdim=True)
                total += mean.reshape(2, 2, 35).transpose(0, 1) / 4
    assert [(look.what, look.time, look.through) for look in found] == [
        ("long term", 0, False),
        ("long term", 2, True),
        ("short term", 3, False),
    ]
    for look, expected in zip(found, total, strict=False):
        torch.testing.assert_close(look.weights[0].flatten(1), expected, atol=1e-5, rtol=1e-4)


def test_a_reference_twice_is_as_good_as_once(clip: Clip) -> None:
    """The paper's timing without the global memory repeats the reference: a softmax over it twice reads the same."""
    system = tiny(memory=("reference", "local")).double()
    clip = Clip(clip.images.double(), clip.masks.double(), clip.valid)
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 3)
    cohort = state.cohorts[0]
    twice = replace(cohort, memory=replace(cohort.memory, reference=cohort.memory.reference * 2))
    with torch.no_grad():
        features = system.encode(Inputs(clip.images[:, 3], clip.images[:, 2]))
        once, again = (system.segment(features, c.memory, c.valid, 3).log_odds for c in (cohort, twice))
    torch.testing.assert_close(once, again, atol=1e-9, rtol=0)


@pytest.mark.parametrize("banks", ROWS)
def test_every_row_of_the_ablation_runs_and_what_is_off_is_neither_kept_nor_computed(
    banks: tuple[Bank, ...], clip: Clip
) -> None:
    system, calls = tiny(memory=banks), Counter[str]()
    blocks = len(system.layers)
    kinds = {LocalAttention: "local", GlobalMemory: "global", IdentityBank: "identity"}
    for module in system.modules():
        for kind, name in kinds.items():
            if isinstance(module, kind):
                _count(module, "embed" if name == "identity" else "forward", name, calls)
    for block in system.layers:
        _count(block.long_term, "forward", "long", calls)
    *_, (state, out) = walk(system, clip, {0: prompt(clip)}, 4)
    memory = state.cohorts[0].memory
    assert torch.isfinite(out.probabilities).all()
    assert bool(memory.reference) == ("reference" in banks)
    assert bool(memory.recurrent) == ("global" in banks)
    assert bool(memory.local) == (banks != ("reference",))
    assert calls["local"] == (4 * blocks if "local" in banks else 0)
    assert calls["long"] == (4 * blocks if {"reference", "global"} & set(banks) else 0)
    assert calls["global"] == (2 * blocks if "global" in banks else 0)
    assert calls["identity"] == (4 if memory.local else 1)


def _count(module: nn.Module, method: str, name: str, calls: Counter[str]) -> None:
    plain = getattr(module, method)

    def counted(*inputs: object) -> object:
        calls.update([name])
        return plain(*inputs)

    setattr(module, method, counted)


def test_the_same_weights_serve_every_row(system: DDMemory) -> None:
    for banks in ROWS:
        tiny(memory=banks).load_state_dict(system.state_dict())


@pytest.mark.parametrize("options", [{"gru_kernel": 3}, {"gru_split": True}, {"gru_candidate": "linear"}])
def test_the_recurrent_units_options_run(options: dict[str, object], clip: Clip) -> None:
    *_, (_, out) = walk(tiny(**options), clip, {0: prompt(clip)})
    assert torch.isfinite(out.probabilities).all()


def test_later_objects_join_while_there_is_room_and_no_identity_is_given_twice(system: DDMemory, clip: Clip) -> None:
    """The tiny preset has four identities: two at first, one more, one leaves and another comes, then a new group."""
    mask = clip.masks[:, 0]
    state, rules = State(), rules_for(system)

    def go(state: State, ids: tuple[int, ...]) -> State:
        given = Prompt(ids, mask[:, :1].expand(-1, len(ids), -1, -1) / len(ids), torch.ones(1, len(ids)).bool())
        with torch.no_grad():
            return step(system, rules, state, clip.images[:, 0], given if ids else None)[0]

    state = go(state, (1, 2))
    assert system.room(state.cohorts[0].memory) == 2
    state = remove(go(state, (3,)), {2})
    state = go(state, (4,))
    assert [cohort.ids for cohort in state.cohorts] == [(1, 3, 4)]
    assert state.cohorts[0].memory.identities.own.tolist() == [[0, 2, 3]]
    state = go(state, (2, 5))
    assert [cohort.ids for cohort in state.cohorts] == [(1, 3, 4), (2, 5)]
    state = go(state, ())
    assert system.room(state.cohorts[1].memory) == 2


def test_a_group_that_spills_over_fills_up_first(system: DDMemory, clip: Clip) -> None:
    ids = tuple(range(1, 7))
    masks = torch.zeros(1, 6, *clip.images.shape[-2:])
    with torch.no_grad():
        state, _ = step(system, rules_for(system), State(), clip.images[:, 0], prompt(clip, 0, (1,)))
        many = Prompt(ids[1:], masks[:, 1:], torch.ones(1, 5).bool())
        state, out = step(system, rules_for(system), state, clip.images[:, 1], many)
    assert [cohort.ids for cohort in state.cohorts] == [(1, 2, 3, 4), (5, 6)]
    assert out.ids == ids


def test_25_objects() -> None:
    """Ten to a group: three groups, one answer."""
    system = tiny(identities=10)
    rng = np.random.default_rng(0)
    labels = np.kron(np.arange(1, 26, dtype=np.uint16).reshape(5, 5), np.ones((16, 20), np.uint16))
    session = Session(system)
    for t in range(3):
        image = rng.integers(0, 255, (80, 100, 3), np.uint8)
        prediction = session.push(image, labels if t == 0 else None)
        assert prediction.ids == tuple(range(1, 26))
        np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-4)
    assert [len(cohort.ids) for cohort in session.moment().state.cohorts] == [10, 10, 5]
    apart = [probabilities_of(system, labels, moved) for moved in (None, 3, 14, 25)]
    for number, group in enumerate((slice(1, 11), slice(11, 21), slice(21, 26)), start=1):
        moved = np.abs(apart[number] - apart[0]).max(axis=(1, 2))
        assert moved[group].max() > 1e-4, "each group hears of its own prompt"


def probabilities_of(system: DDMemory, labels: np.ndarray, moved: int | None) -> np.ndarray:
    """Of the frame after one in which an object was given elsewhere."""
    session, given = Session(system), labels.copy()
    if moved is not None:
        given[labels == moved] = 0
        given[:6, : 20 * (1 + moved % 4)] = moved
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), np.uint8)
    session.push(image, given)
    return session.push(image[::-1].copy()).probabilities


def test_identities_go_out_and_come_back_in_any_order() -> None:
    order = torch.tensor([[2, 0, 3, 1], [1, 3, 0, 2]])
    who = Identities(2, order, order[:, :2])
    masks, bank = torch.zeros(2, 2, 33, 49), IdentityBank(4, 8)
    masks[:, 0, :20], masks[:, 1, 20:] = 1, 0.25
    planes = torch.cat([1 - masks.sum(1, keepdim=True), torch.zeros(2, 4, 33, 49)], dim=1)
    for clip, identities in enumerate(order.tolist()):
        planes[clip, [1 + identities[0], 1 + identities[1]]] = masks[clip]
    with torch.no_grad():
        torch.testing.assert_close(bank.embed(masks, who.own), bank(planes).flatten(2).transpose(1, 2))
    assert who.of_objects(planes).equal(torch.cat([planes[:, :1], masks], dim=1))


def test_what_a_removed_object_would_take_is_background() -> None:
    log_odds = torch.tensor([0.0, 3.0, 1.0, 9.0]).view(1, 4, 1, 1)
    who = Identities(2, torch.arange(3)[None], torch.tensor([[1]]))  # of identities 0 and 1 only 1 is left, 2 is unused
    found = who.of_objects(log_odds).flatten()
    torch.testing.assert_close(found, torch.tensor([np.logaddexp(0.0, 3.0), 1.0]).float())


def test_identities_are_shuffled_in_training_for_each_clip_by_itself(clip: Clip) -> None:
    system = tiny(identities=10)
    many = Clip(clip.images.expand(8, -1, -1, -1, -1), clip.masks.expand(8, -1, -1, -1, -1), clip.valid.expand(8, -1))
    given = Prompt((1, 2), many.masks[:, 0], many.valid)

    def drawn() -> Tensor:
        state, _ = step(system, rules_for(system), State(), many.images[:, 0], given)
        return state.cohorts[0].memory.identities.order

    assert drawn().equal(torch.arange(10).expand(8, -1))
    order = system.train() and drawn()
    assert order.sort(dim=1).values.equal(torch.arange(10).expand(8, -1))
    assert len({tuple(row.tolist()) for row in order}) > 1


def test_corrections_are_references_and_bounded_and_consumed(clip: Clip) -> None:
    system = tiny(maximum_corrections=2)
    prompts = {t: prompt(clip, t % 5, (1,) if t else (1, 2)) for t in (0, 2, 4, 6)}
    held = []
    for state, _ in walk(system, clip, prompts, 9):
        memory = state.cohorts[0].memory
        held.append([each.time for each in memory.reference])
        assert memory.local[0].time == state.time - 1
        assert memory.recurrent[0].time == max(0, state.time - 2)
    assert held[3] == [0, 2]
    assert held[5] == [0, 2, 4]
    assert held[8] == [0, 4, 6]


def test_every_object_s_first_mask_stays(clip: Clip) -> None:
    """However often others are corrected: what is a reference because an object came with it is no correction."""
    system = tiny(maximum_corrections=1)
    prompts = {0: prompt(clip, 0, (1,)), 2: prompt(clip, 2, (2,)), 3: prompt(clip, 3, (1,)), 5: prompt(clip, 0, (1,))}
    *_, (state, _) = walk(system, clip, prompts, 7)
    assert [(each.time, each.role) for each in state.cohorts[0].memory.reference] == [
        (0, "first"),
        (2, "first"),
        (5, "given"),
    ]


def test_a_prompt_that_takes_pixels_from_a_full_group_is_a_reference_of_that_group_too(clip: Clip) -> None:
    system = tiny(identities=2)
    everything = Prompt((3,), torch.ones(1, 1, *clip.images.shape[-2:]), torch.ones(1, 1).bool())
    sure = replace(rules_for(system), feedback="truth")
    state = State()
    for t, given in enumerate((prompt(clip), everything, None)):
        truth = clip.masks[:, t, : len(state.ids)]
        if len(state.ids) == 3:
            truth = torch.cat([clip.masks[:, t], torch.zeros_like(clip.masks[:, t, :1])], dim=1)
        with torch.no_grad():
            state, _ = step(system, sure, state, clip.images[:, t], given, truth=truth)
    assert [[each.time for each in cohort.memory.reference] for cohort in state.cohorts] == [[0, 1], [1]]


def test_memory_does_not_grow(system: DDMemory, clip: Clip) -> None:
    sizes = {tree.size_in_bytes(state.cohorts[0].memory) for state, _ in walk(system, clip, {0: prompt(clip)}, 60)}
    assert len(sizes) == 1


@pytest.mark.parametrize("size", [(16, 16), (17, 200), (23, 31), (1, 40)])
def test_frames_smaller_than_the_window_work(size: tuple[int, int]) -> None:
    session, rng = Session(tiny(radius=7)), np.random.default_rng(0)
    labels = np.zeros(size, np.uint16)
    labels[: max(1, size[0] // 2), : size[1] // 2] = 1
    for t in range(3):
        prediction = session.push(rng.integers(0, 255, (*size, 3), np.uint8), labels if t == 0 else None)
    assert prediction.labels.shape == size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": []}, "memory"),
        ({"memory": ["locl"]}, "memory"),
        ({"gru_kernel": 5}, "gru_kernel"),
        ({"heads": 7}, "7 heads"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        preset("ddmemory-mobilenet-v2", options)


def test_another_policy_is_refused(system: DDMemory) -> None:
    with pytest.raises(SettingError, match="fixed memory"):
        rules_for(system, Every(5))


def test_the_paper_s_size() -> None:
    parts = {
        name: sum(p.numel() for p in m.parameters())
        for name, m in ZOO["ddmemory-mobilenet-v2"].build().named_children()
    }
    recurrent = 3 * (2 * 512 * 3 * 512 + 3 * 512)
    sizes = [parts["backbone"], parts["projector"], parts["layers"] - recurrent, parts["identities"], parts["decoder"]]
    assert [round(size / 1e6, 2) for size in sizes] == [2.22, 0.33, 3.6, 0.81, 1.33]
    assert round(sum(parts.values()) / 1e6, 1) == 13.0
