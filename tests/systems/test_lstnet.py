"""LSTNet's networks, what is carried from frame to frame, and what is computed once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from longtake.engine.objects import remove
from longtake.engine.session import Session
from longtake.engine.step import rules_for, step
from longtake.engine.unroll import Clip
from longtake.errors import SettingError
from longtake.memory import tree
from longtake.memory.policy import Every
from longtake.nn.flow import warp
from longtake.nn.liteflownet import LiteFlowNet
from longtake.systems.flow_weights import flow_licence, save_liteflownet
from longtake.systems.lstnet.model import LSTNet
from longtake.systems.lstnet.presets import LSTNetPreset
from longtake.systems.protocol import Inputs, Prompt, State
from longtake.systems.zoo import ZOO, preset
from longtake.training.build import build_system
from longtake.training.optim import build_optimizer
from longtake.training.parse import load_recipe
from presets import perturbed, prompt, unreached, walk

SWITCHES = [
    {},
    {"relation": False},
    {"short_term": False},
    {"gate": False},
    {"short_term": False, "gate": False},
    {"share_stem": False},
    {"stage_attention": "cbam"},
    {"stage_attention": "none"},
    {"kill_lost": True},
    {"flow": "zero"},
    {"flow_scale": 0.5},
]


def small(**options: object) -> LSTNetPreset:
    base = ZOO["lstnet-mobilenet-v2"].tiny()
    assert isinstance(base, LSTNetPreset)
    return replace(base, **({"backbone": "resnet18"} | options))


def tiny(**options: object) -> LSTNet:
    torch.manual_seed(0)
    return small(**options).build().eval()


@pytest.fixture
def system() -> LSTNet:
    return tiny()


@pytest.mark.parametrize("options", SWITCHES)
def test_every_switch_runs_and_learns_by_what_the_preset_teaches(options: dict[str, object], clip: Clip) -> None:
    assert unreached(perturbed(tiny(**options)), small(**options).teaching(), clip) == set()


def test_the_reference_once_per_set_of_objects_and_the_stem_once_per_frame(clip: Clip) -> None:
    """A second set of objects, given later, has its own reference and its own pass of the trunk; no stem, no flow."""
    system, calls = tiny(), Counter[str]()
    parts = {"stem": system.trunk.backbone.stem_conv, "trunk": system.trunk, "mask": system.trunk.mask_stem}
    parts |= {"reference": system.long_term.relation.of_reference, "long": system.long_term}
    for name, module in parts.items():
        module.register_forward_hook(lambda *_, name=name: calls.update([name]))
    plain = system.flow
    system.flow = lambda now, before: calls.update(["flow"]) or plain(now, before)
    [*walk(system, clip, {0: prompt(clip)})]
    assert calls == {"stem": 5, "flow": 4, "trunk": 5, "mask": 9, "reference": 1, "long": 4}
    calls.clear()
    *_, (state, _) = walk(system, clip, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,))})
    assert [cohort.ids for cohort in state.cohorts] == [(1,), (2,)]
    assert calls == {"stem": 5, "flow": 4, "trunk": 8, "mask": 14, "reference": 2, "long": 6}


def test_masks_are_carried_by_the_flow_from_the_current_frame_to_the_last(system: LSTNet, clip: Clip) -> None:
    seen = []
    system.flow = lambda now, before: torch.full((1, 2, *now.shape[2:]), 3.0)
    system.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    [*walk(system, clip, {0: prompt(clip)}, 2)]
    union = clip.masks[:, 0].amax(dim=1, keepdim=True)
    assert torch.equal(seen[0], union)
    assert torch.equal(seen[1][..., :-3, :-3], union[..., 3:, 3:])
    assert seen[1][..., -3:, :].max() == seen[1][..., -3:].max() == 0


def test_flow_is_asked_for_the_current_frame_first(system: LSTNet, clip: Clip) -> None:
    asked = []
    plain = system.flow
    system.flow = lambda now, before: asked.append((now, before)) or plain(now, before)
    [*walk(system, clip, {0: prompt(clip)}, 3)]
    assert len(asked) == 2
    assert torch.equal(asked[1][0], clip.images[:, 2])
    assert torch.equal(asked[1][1], clip.images[:, 1])


def test_what_is_switched_off_is_not_computed(clip: Clip) -> None:
    for options, part in (({"short_term": False}, "gates"), ({"gate": False}, "gate")):
        system = tiny(**options)
        assert (system.gates if part == "gates" else system.gated.gate) is None
    plain = tiny()
    off = tiny(relation=False)
    names = {name for name, _ in plain.named_parameters()} - {name for name, _ in off.named_parameters()}
    assert all(name.startswith("long_term.relation.reasoning.") for name in names)
    assert isinstance(off.long_term.relation.reasoning, nn.Identity)


@pytest.mark.parametrize(("gate", "short_term"), [(True, True), (False, True), (True, False), (False, False)])
def test_what_is_gated_is_what_moved(gate: bool, short_term: bool) -> None:
    """Equation 5: U = A g; without a gate U = L A; without a short-term network A is the carried mask."""
    gated = tiny(gate=gate, short_term=short_term).gated
    torch.manual_seed(0)
    context, own, kept = torch.randn(1, 16, 6, 7), torch.randn(1, 2, 16 if short_term else 1, 6, 7), []
    gated.refine.merge_block.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    with torch.no_grad():
        shared = gated.of_context(context)
        gated(shared, own)
        weight = (
            context.expand(2, -1, -1, -1) if gated.gate is None else gated.gate(shared[0].expand(2, -1, -1, -1), own[0])
        )
    torch.testing.assert_close(kept[0], shared[1] + own[0] * weight)


def test_a_correction_of_one_object_goes_on_by_its_mask_and_of_all_by_a_new_reference(
    system: LSTNet, clip: Clip
) -> None:
    prompts = {0: prompt(clip), 2: prompt(clip, 0, (1,)), 4: prompt(clip, 4)}
    times = [state.cohorts[0].memory.reference.time for state, _ in walk(system, clip, prompts)]
    assert times == [0, 0, 0, 0, 4]
    nothing = Prompt((1, 2), torch.zeros_like(clip.masks[:, 0]), clip.valid)
    *_, (state, _) = walk(system, clip, {0: prompt(clip), 2: nothing}, 3)
    assert state.cohorts[0].memory.reference.time == 0


def test_an_object_alone_is_corrected_by_a_new_reference(system: LSTNet, clip: Clip) -> None:
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 2)
    with torch.no_grad():
        state, _ = step(system, rules_for(system), remove(state, {2}), clip.images[:, 2], prompt(clip, 0, (1,)))
    assert state.cohorts[0].memory.reference.time == 2


def test_a_lost_object_stays_lost_only_by_the_rule(clip: Clip) -> None:
    """An object whose carried mask is nowhere above 1/2 may come back by the reference, unless the rule forbids."""
    gone = Prompt((1,), torch.zeros_like(clip.masks[:, 0, [0]]), clip.valid[:, [0]])
    for kill, silent in ((False, False), (True, True)):
        *_, (_, out) = walk(tiny(kill_lost=kill), clip, {0: prompt(clip), 1: gone}, 3)
        assert out.log_odds is not None
        assert (out.log_odds[:, 1].max() < -10) == silent


def test_pixels_whose_best_object_is_below_one_half_are_background(system: LSTNet, clip: Clip) -> None:
    """Label and rule of section 3.5; random weights are sure of little."""
    session = Session(system, short_side=None)
    images = (clip.images[0].permute(0, 2, 3, 1) * 255).round().byte().numpy()
    labels = (clip.masks[0, 0, 0] + 2 * clip.masks[0, 0, 1]).numpy().astype(np.uint16)
    session.push(images[0], labels)
    prediction = session.push(images[1])
    best = prediction.probabilities[1:].max(axis=0)
    assert (best < 0.5).any()
    assert (prediction.labels[best < 0.5] == 0).all()
    background = prediction.probabilities[0]
    sure = np.where(prediction.labels == 0, background, best)
    np.testing.assert_allclose(prediction.certainty, sure, atol=1e-6)
    for explanation in session.explain(images[2]):
        area = explanation.area_in_frame()
        assert (session.push(images[2]).labels[area] == explanation.id).all()
        session.rewind(2)
    system.least = 0.0
    free = Session(system, short_side=None)
    free.push(images[0], labels)
    assert (free.push(images[1]).labels == prediction.probabilities.argmax(axis=0)).all()


def test_looks_are_where_the_pixels_come_from(system: LSTNet, clip: Clip) -> None:
    system.flow = lambda now, before: torch.full((1, 2, *now.shape[2:]), 16.0)
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 2)
    cohort, (h, w) = state.cohorts[0], clip.images.shape[-2:]
    areas = torch.zeros(1, 2, h, w)
    areas[:, 0, :8, :8] = 1
    with torch.no_grad():
        features = system.encode(Inputs(clip.images[:, 2], clip.images[:, 1]))
        trace = system.segment(features, cohort.memory, cohort.valid, 2).trace
        (look,) = system.looks(cohort.memory, trace, areas)
    assert look.time == 1
    assert look.weights[0, 0].nonzero().tolist() == [[2, 2]]
    assert look.weights[0, 0, 2, 2] == 1


def test_carried_masks_equal_warped_ones(system: LSTNet, clip: Clip) -> None:
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 3)
    seen, masks = [], state.cohorts[0].memory.masks
    system.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    with torch.no_grad():
        step(system, rules_for(system), state, clip.images[:, 3])
    carried = warp(masks, system.flow(clip.images[:, 3], clip.images[:, 2]))
    assert torch.equal(seen[0], carried.clamp(0, 1).amax(dim=1, keepdim=True))
    assert not torch.equal(seen[0], masks.amax(dim=1, keepdim=True))


def test_memory_does_not_grow(system: LSTNet, clip: Clip) -> None:
    sizes = {tree.size_in_bytes(state.cohorts[0].memory) for state, _ in walk(system, clip, {0: prompt(clip)}, 12)}
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [({"flow": "raft"}, "flow"), ({"flow_scale": 0}, "flow_scale"), ({"stage_attention": "sea"}, "stage_attention")],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        preset("lstnet-resnet50", options)


def test_another_policy_is_refused(system: LSTNet) -> None:
    with pytest.raises(SettingError, match="fixed memory"):
        rules_for(system, Every(5))


def test_the_published_size_and_that_flow_rests() -> None:
    """76.6 million parameters, 5.4 more where LiteFlowNet carries the masks (fact sheet, section 6)."""
    assert round(LSTNetPreset().size() / 1e6, 1) == 76.6
    chosen = small(flow="liteflownet")
    system = chosen.build()
    build_optimizer(system, chosen.teaching())
    flow = {name: p for name, p in system.named_parameters() if name.startswith("flow.")}
    assert sum(p.numel() for p in flow.values()) == 5_381_969
    assert not any(p.requires_grad for p in flow.values())


def test_the_recipe_s_numbers() -> None:
    (stage,) = load_recipe("lstnet-paper", {}).stages
    assert (stage.rate, stage.shapes[0].frames, stage.steps) == (1e-4, 8, 50 * 3471)
    assert stage.shapes[0].samplers.keys() == {"combination", "consecutive"}
    assert stage.teaching.losses == {"iou": 1.0}
    assert stage.teaching.feedback == "checked"


def test_a_recipe_fills_the_flow_network_that_the_options_name(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = LiteFlowNet()
    save_liteflownet(tmp_path / "flow.safetensors", network.state_dict(), "random, for a test")
    values = {"flow": str(tmp_path / "flow.safetensors"), "backbone": None}
    recipe = load_recipe("lstnet-paper", {**values, "model": "lstnet-mobilenet-v2", "options.flow": "liteflownet"})
    filled = build_system(recipe)
    assert all(
        torch.equal(a, b) for a, b in zip(filled.flow.state_dict().values(), network.state_dict().values(), strict=True)
    )
    with pytest.raises(SettingError, match=r"has no flow network; set options\.flow"):
        build_system(load_recipe("lstnet-paper", {**values, "model": "lstnet-mobilenet-v2"}))
    with pytest.raises(SettingError, match="needs weights"):
        build_system(load_recipe("lstnet-paper", {"model": "lstnet-mobilenet-v2", "options.flow": "liteflownet"}))
    assert "research only" in flow_licence(values["flow"])


def test_hard_feedback_remembers_no_more_than_is_shown(system: LSTNet, clip: Clip) -> None:
    with torch.no_grad():
        state, _ = step(system, rules_for(system, feedback="hard"), State(), clip.images[:, 0], prompt(clip))
        state, out = step(system, rules_for(system, feedback="hard"), state, clip.images[:, 1])
    remembered = state.cohorts[0].memory.masks
    assert not remembered[(out.probabilities[:, 1:] < 0.5)].any()


@pytest.mark.parametrize("sizes", [{"head": 28, "inner": 100}, {"head": 12}])
def test_any_width_can_be_built(sizes: dict[str, object], clip: Clip) -> None:
    *_, (_, out) = walk(tiny(**sizes), clip, {0: prompt(clip)}, 2)
    assert torch.isfinite(out.probabilities).all()
