"""DMN-AOA's memory of crops, its proposals and matcher, what it refers to, and what is computed once."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longtake.engine.objects import remove
from longtake.engine.proposals import from_masks
from longtake.engine.runtime import runtime
from longtake.engine.session import Session
from longtake.engine.step import rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.errors import InputError, SettingError
from longtake.memory.policy import Every, First, parse_policy
from longtake.nn.boxes import cropped
from longtake.systems.dmn_aoa.coarse import Decoded, Matched
from longtake.systems.dmn_aoa.memory import Pyramid
from longtake.systems.dmn_aoa.model import DMNAOA
from longtake.systems.dmn_aoa.moves import MOVES, PLACES, moved_boxes, moved_masks
from longtake.systems.dmn_aoa.norm import norm_of
from longtake.systems.dmn_aoa.presets import DMNAOAPreset
from longtake.systems.dmn_aoa.refine import Level
from longtake.systems.dmn_aoa.template import placed, weights
from longtake.systems.protocol import FittedProposals, Inputs, Prompt, State
from longtake.systems.zoo import ZOO, preset
from longtake.training.parse import load_recipe
from longtake.types import Frame, Masks
from longtake.types import Proposals as Found
from presets import perturbed, prompt, unreached, walk

ROWS = {
    "F0": {},
    "A1": {"dynamic_memory": False, "alignment": False},
    "A2": {"alignment": False},
    "A3": {"dynamic_memory": False},
    "A4": {"frame_memory": True},
    "A5": {"matcher": False},
    "A6": {"refinement": False},
    "B1": {"memory": "first"},
    "B2": {"memory": "previous"},
    "B3": {"memory": "first+previous"},
    "B4": {"memory": "all"},
}
"""Table 3 of the paper; its rows C and D are stages of training and other detectors."""

SWITCHES = [
    *ROWS.values(),
    {"fuse": "stride16"},
    {"compare": "flat"},
    {"iou_weight": 0.3},
    {"average": "before_projection"},
    {"assign": "top1"},
    {"align_references": False},
    {"query_box": 1.5},
    {"moved": "always"},
    {"moved": "never"},
    {"matcher": False, "refinement": False},
]


def small(**options: object) -> DMNAOAPreset:
    base = ZOO["dmn-aoa-resnet50"].tiny()
    assert isinstance(base, DMNAOAPreset)
    return replace(base, **options)


def tiny(**options: object) -> DMNAOA:
    torch.manual_seed(0)
    return small(**options).build().eval()


@pytest.fixture
def system() -> DMNAOA:
    return tiny()


@pytest.mark.parametrize("options", SWITCHES)
def test_every_switch_runs_and_learns_by_what_the_preset_teaches(options: dict[str, object], clip: Clip) -> None:
    proposals = clip.masks.to(torch.uint8) if options.get("moved") == "never" else None
    lacking = unreached(perturbed(tiny(**options)), small(**options).teaching(), clip, 1e-7, proposals)
    assert lacking <= {"dynamic.key.bias"}  # which all keys share, so no softmax hears of it


def test_what_is_switched_off_is_not_there() -> None:
    names = {
        row: {name.split(".")[0] for name, _ in tiny(**options).named_parameters()} for row, options in ROWS.items()
    }
    assert names["F0"] - names["A1"] == {"dynamic"}
    assert names["F0"] - names["A6"] == {"refinement", "as_template", "as_source"}
    assert isinstance(tiny(matcher=False).coarse, Decoded)
    assert tiny(align_references=False).as_template is None
    assert tiny(dynamic_memory=False).accepts_policy is False
    for row, policy in (("B1", "first"), ("B2", "previous"), ("B4", "all")):
        assert tiny(**ROWS[row]).policy == parse_policy(policy)


def test_the_frame_is_computed_once_however_many_objects_and_however_late(clip: Clip) -> None:
    """Base features, the current frame's share of the refinement, and each reference's way into line with it."""
    system, calls = tiny(), Counter[str]()
    assert system.refinement is not None
    level = system.refinement.levels[2]
    parts = {"base": system.base, "current": level.current, "first": level.first, "previous": level.previous}
    parts |= {"template": system.as_template, "source": system.as_source}
    for name, module in parts.items():
        module.register_forward_hook(lambda *_, name=name: calls.update([name]))
    [*walk(system, clip, {0: prompt(clip)})]
    frames = {"base": 5, "current": 5, "template": 5, "source": 5}
    assert calls == frames | {"first": 4, "previous": 4}
    calls.clear()
    *_, (state, _) = walk(system, clip, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,))})
    assert [cohort.ids for cohort in state.cohorts] == [(1, 2)]
    assert calls == frames | {"first": 6, "previous": 4}


@pytest.mark.parametrize("size", [(64, 96), (240, 432)])
def test_an_entry_costs_what_its_crop_costs_whatever_the_frame(system: DMNAOA, size: tuple[int, int]) -> None:
    """Per object 14 x 14 of keys and values, a box and a flag."""
    masks = torch.zeros(1, 1, *size)
    masks[..., 10:40, 20:60] = 1
    given = Prompt((1,), masks, torch.ones(1, 1, dtype=torch.bool))
    with torch.no_grad():
        state, _ = step(system, rules_for(system), State(), torch.rand(1, 3, *size), given)
    (held,) = system.held(state.cohorts[0].memory)
    assert held.bytes == 4 * 14 * 14 * (16 // 4 + 16) + 4 * 4 + 1


def test_memory_grows_by_the_policy_alone(clip: Clip) -> None:
    bounded = [len(s.cohorts[0].memory.entries) for s, _ in walk(tiny(), clip, {0: prompt(clip)}, 12)]
    assert bounded == [1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4]
    for row, expected in (("B1", [0]), ("B2", [11]), ("B3", [0, 11]), ("B4", list(range(12)))):
        *_, (state, _) = walk(tiny(**ROWS[row]), clip, {0: prompt(clip)}, 12)
        memory = state.cohorts[0].memory
        assert [entry.time for entry in memory.entries] == expected
        assert [anchor.time for anchor in memory.anchors] == [0]
        assert memory.previous.time == 11


def test_the_template_is_equation_1_over_what_is_an_object_s_own(system: DMNAOA, clip: Clip) -> None:
    """The second object came in frame 2: what was remembered before is not read for it."""
    prompts = {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,))}
    *_, (state, _) = walk(system, clip, prompts, 4)
    memory, dynamic = state.cohorts[0].memory, system.dynamic
    assert [(entry.time, entry.known[0].tolist()) for entry in memory.entries] == [
        (0, [True, False]),
        (2, [True, True]),
        (3, [True, True]),
    ]
    assert dynamic is not None
    query = torch.randn(1, 2, 4, 14, 14)
    with torch.no_grad():
        template, read = dynamic.read(query, memory.entries), weights(query, memory.entries)
    assert read[0, 1, :, :196].abs().max() == 0
    torch.testing.assert_close(read.sum(dim=3), torch.ones(1, 2, 196))
    for n, entries in ((0, memory.entries), (1, memory.entries[1:])):
        keys, values = (torch.cat([getattr(e, k)[0, n].flatten(1) for e in entries], dim=1) for k in ("keys", "values"))
        expected = values @ (query[0, n].flatten(1).T @ keys / 2).softmax(dim=1).T
        torch.testing.assert_close(template[0, n].flatten(1), expected, atol=1e-5, rtol=1e-4)


def test_features_know_how_far_their_frame_is_from_the_object_s_first(system: DMNAOA, clip: Clip) -> None:
    asked = []
    assert system.dynamic is not None
    plain = system.dynamic.ask
    system.dynamic.ask = lambda objects, offsets: asked.append(list(offsets)) or plain(objects, offsets)
    [*walk(system, clip, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,)), 3: prompt(clip, 3, (1,))})]
    assert asked == [[1], [2], [3, 1], [4, 2]]
    objects = torch.zeros(1, 2, 16, 3, 3)
    assert torch.equal(placed(objects, [0, 0])[0, 0, :, 1, 1], torch.tensor([0.0, 1.0] * 8))


def test_a_late_object_is_segmented_as_one_that_was_given_alone(system: DMNAOA, clip: Clip) -> None:
    *_, (_, together) = walk(system, clip, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,))}, 4)
    rest = Clip(clip.images[:, 2:], clip.masks[:, 2:], clip.valid)
    *_, (_, alone) = walk(system, rest, {0: prompt(clip, 0, (2,))}, 2)
    torch.testing.assert_close(together.log_odds[:, 2], alone.log_odds[:, 1], atol=1e-4, rtol=1e-4)


def test_a_correction_is_the_first_frame_of_its_object_alone(system: DMNAOA, clip: Clip) -> None:
    prompts = {0: prompt(clip), 2: prompt(clip, 0, (1,)), 4: prompt(clip)}
    memories = [state.cohorts[0].memory for state, _ in walk(system, clip, prompts)]
    assert [memory.given_times for memory in memories] == [(0, 0), (0, 0), (2, 0), (2, 0), (4, 4)]
    assert [[anchor.time for anchor in memory.anchors] for memory in memories] == [[0], [0], [0, 2], [0, 2], [4]]
    assert all(memory.born == (0, 0) for memory in memories)
    torch.testing.assert_close(memories[3].given_masks, F.avg_pool2d(clip.masks[:, 0], 4))
    *_, (state, _) = walk(system, clip, prompts, 4)
    with torch.no_grad():
        left, _ = step(system, rules_for(system), remove(state, {2}), clip.images[:, 4])
    assert [anchor.time for anchor in left.cohorts[0].memory.anchors] == [2]


def test_a_mask_given_empty_is_no_reference_and_leaves_the_last_box(system: DMNAOA, clip: Clip) -> None:
    empty = Prompt((1,), torch.zeros_like(clip.masks[:, 0, [0]]), clip.valid[:, [0]])
    *_, (before, _) = walk(system, clip, {0: prompt(clip)}, 2)
    *_, (state, out) = walk(system, clip, {0: prompt(clip), 2: empty}, 3)
    memory = state.cohorts[0].memory
    assert memory.given_times == (0, 0)
    assert memory.visible[0, 0].item() is False
    assert torch.equal(memory.boxes[:, 0], before.cohorts[0].memory.boxes[:, 0])
    assert torch.equal(memory.seen_masks[:, 0], before.cohorts[0].memory.seen_masks[:, 0])
    assert out.probabilities[:, 1].max() == 0


def test_moves_are_about_the_last_place_and_all_over_the_frame_for_a_lost_object() -> None:
    boxes = torch.tensor([[[20.0, 10.0, 60.0, 50.0], [0.0, 0.0, 16.0, 16.0]]])
    found = moved_boxes(boxes, torch.tensor([[True, False]]), (64, 96), still=False)
    assert found.shape == (1, 2, len(MOVES), 4) == (1, 2, len(PLACES), 4)
    assert torch.equal(found[0, 0, 0], boxes[0, 0])
    middles = (found[0, :, :, :2] + found[0, :, :, 2:]) / 2
    assert (middles[0] - torch.tensor([40.0, 30.0])).abs().max() <= 0.45 * 40 + 1e-4
    assert middles[1].amin(0).tolist() == pytest.approx([8, 6.4])
    assert middles[1].amax(0).tolist() == pytest.approx([88, 57.6])
    assert torch.equal(moved_boxes(boxes, torch.tensor([[True, False]]), (64, 96), still=True)[:, :, 0], boxes)


def test_a_mask_is_warped_into_its_moved_box() -> None:
    masks = torch.zeros(1, 1, 16, 24)
    masks[..., 4:10, 6:14] = 1
    boxes = 4 * torch.tensor([[[6.0, 4.0, 14.0, 10.0]]])
    targets = torch.stack([boxes, boxes + torch.tensor([16.0, 8.0, 16.0, 8.0])], dim=2)
    same, moved = moved_masks(masks, boxes, targets)[0, 0]
    torch.testing.assert_close(same, masks[0, 0])
    torch.testing.assert_close(moved, masks[0, 0].roll((2, 4), (0, 1)))


def coarse(system: DMNAOA, clip: Clip, proposals: FittedProposals | None, frame: int = 1) -> Tensor:
    """The coarse masks of both objects in a frame."""
    seen = []
    handle = system.coarse.register_forward_hook(lambda _, __, output: seen.append(output[0]))
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, frame)
    with torch.no_grad():
        features = system.encode(Inputs(clip.images[:, frame], clip.images[:, frame - 1], proposals))
        cohort = state.cohorts[0]
        system.segment(features, cohort.memory, cohort.valid, state.time)
    handle.remove()
    return seen[-1]


def test_what_others_found_takes_the_place_of_moved_masks(clip: Clip) -> None:
    """Every valid proposal is the same region, so whichever is taken, the coarse mask is that region."""
    masks = torch.zeros(1, 6, 64, 96)
    masks[:, :4, 8:24, 40:72] = 1
    region = F.avg_pool2d(masks[:, :1], 4)
    torch.testing.assert_close(coarse(tiny(), clip, from_masks(masks)), region.expand(-1, 2, -1, -1), atol=1e-3, rtol=0)
    both = coarse(tiny(moved="always"), clip, from_masks(masks))
    assert not torch.allclose(both, region.expand_as(both), atol=0.1)


@pytest.mark.parametrize("moved", ["alone", "always", "never"])
def test_no_proposal_at_all(moved: str, clip: Clip) -> None:
    """Looked for and none found, or only empty ones: the last mask, moved, or as it is."""
    nothing = from_masks(torch.zeros(1, 0, 64, 96)), from_masks(torch.zeros(1, 3, 64, 96))
    last = F.avg_pool2d(clip.masks[:, 0], 4)
    for proposals in (None, *nothing):
        found = coarse(tiny(moved=moved), clip, proposals)
        assert torch.isfinite(found).all()
        assert (found.flatten(2).sum(2) > 0).all()
        if moved == "never":
            torch.testing.assert_close(found, last, atol=1e-3, rtol=0)


def test_a_last_mask_stays_in_place_however_little_it_is_like_the_template(clip: Clip) -> None:
    system = tiny(moved="never")
    assert isinstance(system.coarse, Matched)
    system.coarse.matcher.similarity = lambda wanted, offered: torch.full(offered.shape[:3], -0.7)
    torch.testing.assert_close(coarse(system, clip, None), F.avg_pool2d(clip.masks[:, 0], 4), atol=1e-3, rtol=0)


def test_a_given_object_that_is_thinner_than_a_pixel_has_a_box(system: DMNAOA) -> None:
    """A line of one pixel in a frame that is reduced to a third: its mask is soft, nowhere above one half."""
    labels = np.zeros((192, 288), np.uint16)
    labels[90, 60:200] = 1
    session = Session(system, short_side=64)
    for t in range(2):
        session.push(np.zeros((192, 288, 3), np.uint8), labels if t == 0 else None)
        if t == 0:
            memory = session.moment().state.cohorts[0].memory
            assert memory.visible.tolist() == [[True]]
            x0, y0, x1, y1 = memory.boxes[0, 0].tolist()
            assert (abs(x0 - 20) <= 1, abs(x1 - 67) <= 1, 29 <= y0 < y1 <= 32) == (True, True, True)


def test_boxes_are_not_rounded_in_half_precision() -> None:
    ramp = torch.arange(256.0).expand(1, 1, 120, 256).contiguous()
    box = torch.tensor([[[701.0, 333.0, 717.0, 349.0]]])
    half = cropped(ramp.bfloat16(), box, 14, 4)
    torch.testing.assert_close(half.float(), cropped(ramp, box, 14, 4), atol=1.0, rtol=0)
    assert half.dtype == torch.bfloat16
    fine = cropped((ramp - 175).bfloat16(), box, 14, 4).float()
    torch.testing.assert_close(fine, cropped(ramp - 175, box, 14, 4), atol=0.02, rtol=0)


def test_boxes_of_zero_size_and_more_objects_than_proposals(clip: Clip) -> None:
    masks = torch.zeros(1, 2, 64, 96)
    masks[:, 0, 8:24, 40:72] = 1
    proposals = from_masks(masks)
    assert proposals.boxes[0].tolist() == [[40, 8, 72, 24], [0, 0, 0, 0]]
    assert proposals.valid[0].tolist() == [True, False]
    found = coarse(tiny(), clip, proposals)
    assert torch.isfinite(found).all()
    assert found.sum(dim=1).max() <= 1 + 1e-3


def test_an_object_that_leaves_the_frame_keeps_its_last_box(system: DMNAOA) -> None:
    rng, session = np.random.default_rng(0), Session(system, rules=rules_for(system, feedback="truth"))
    for t in range(5):
        labels = np.zeros((64, 96), np.uint16)
        labels[20:40, 60 + 12 * t :] = 1
        image = rng.integers(0, 255, (64, 96, 3), np.uint8)
        prediction = session.push(image, None if t else labels, truth=Masks(labels, (1,)))
        assert np.isfinite(prediction.probabilities).all()
    memory = session.moment().state.cohorts[0].memory
    assert memory.boxes[0, 0].tolist() == [84, 20, 96, 40]
    assert memory.visible.tolist() == [[False]]


def test_proposals_follow_the_frame_to_the_grid(system: DMNAOA) -> None:
    """A frame of 122 x 180 is reduced to 61 x 90 and gets margins; boxes and masks go along."""
    seen, masks = [], np.zeros((2, 122, 180), bool)
    masks[0, 20:60, 40:80] = True
    found = Found(masks, np.ones(2, np.float32))
    session = Session(system, short_side=61, proposer=lambda frame: found)
    plain = system.encode
    system.encode = lambda inputs: seen.append(inputs.proposals) or plain(inputs)
    labels = np.zeros((122, 180), np.uint16)
    labels[30:90, 30:90] = 1
    session.push(np.zeros((122, 180, 3), np.uint8), labels)
    session.push(np.zeros((122, 180, 3), np.uint8))
    nothing, proposals = seen
    assert nothing is None  # nobody was followed yet
    assert proposals.masks.shape == (1, 2, 64, 96)
    assert proposals.boxes[0].tolist() == [[23, 11, 43, 31], [0, 0, 0, 0]]
    assert proposals.valid[0].tolist() == [True, False]


def test_a_proposer_is_asked_by_frame_also_to_explain(system: DMNAOA) -> None:
    asked = []

    def proposer(frame: Frame) -> Found:
        asked.append(frame.name)
        return Found(np.zeros((0, 48, 64), bool), np.zeros(0, np.float32))

    session = Session(system, proposer=proposer)
    labels = np.zeros((48, 64), np.uint16)
    labels[10:30, 10:30] = 1
    session.push(np.zeros((48, 64, 3), np.uint8), labels)
    assert session.explain(np.zeros((48, 64, 3), np.uint8))
    assert asked == ["000001"]  # not for the frame before anybody was followed
    session.push(np.zeros((48, 64, 3), np.uint8))
    wrong = Session(system, proposer=lambda frame: Found(np.ones((1, 5, 7), bool), np.ones(1, np.float32)))
    wrong.push(np.zeros((48, 64, 3), np.uint8), labels)
    with pytest.raises(InputError, match=r"frame 000001: its proposals .* of different sizes, 7x5 and 64x48"):
        wrong.push(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SettingError, match="this DMNAOA takes no proposals"):
        Session(tiny(matcher=False), proposer=proposer)
    with pytest.raises(SettingError, match="CompactSTM takes no proposals"):
        Session(ZOO["stm-mobilenet-v2"].tiny().build().eval(), proposer=proposer)


def proposed(clip: Clip) -> tuple[FittedProposals, ...]:
    """In each frame the true masks, each also shifted, and one that is empty."""
    masks = [torch.cat([m, m.roll(12, dims=3), torch.zeros_like(m[:, :1])], dim=1) for m in clip.masks.unbind(dim=1)]
    return tuple(from_masks(some) for some in masks)


@pytest.mark.parametrize("moved", ["alone", "always"])
def test_a_clip_with_proposals_is_unrolled_as_a_session_pushes_it(moved: str, clip: Clip) -> None:
    system, found = tiny(moved=moved), proposed(clip)
    with torch.no_grad():
        outputs, _ = Unroll(system, rules_for(system))(replace(clip, proposals=found))
        without, _ = Unroll(system, rules_for(system))(clip)

    def proposer(frame: Frame) -> Found:
        masks = found[frame.index].masks[0].numpy() > 0.5
        return Found(masks, np.ones(len(masks), np.float32))

    session = Session(system, short_side=None, run=runtime("cpu", "float32"), proposer=proposer)
    labels = (clip.masks[0, 0, 0] + 2 * clip.masks[0, 0, 1]).numpy().astype(np.uint16)
    for t in range(5):
        image = (clip.images[0, t].permute(1, 2, 0) * 255).round().byte().numpy()
        prediction = session.push(image, labels if t == 0 else None)
        if t:
            assert np.abs(outputs[t - 1].softmax(1)[0].numpy() - prediction.probabilities).max() <= 3e-5
    assert not torch.allclose(outputs[0], without[0], atol=1e-3)


def test_clips_with_and_without_proposals_share_a_batch(clip: Clip) -> None:
    """In the second nothing was found: there an object's own are offered, and the first clip does not notice."""
    system = tiny().double()
    clip = Clip(clip.images[:, :3].double(), clip.masks[:, :3].double(), clip.valid)
    found = proposed(clip)
    nothing = tuple(from_masks(torch.zeros_like(each.masks)) for each in found)
    together = tuple(
        FittedProposals(*(torch.cat(both) for both in zip(vars(a).values(), vars(b).values(), strict=True)))
        for a, b in zip(found, nothing, strict=True)
    )
    batch = Clip(clip.images.repeat(2, 1, 1, 1, 1), clip.masks.repeat(2, 1, 1, 1, 1), clip.valid.repeat(2, 1))
    unroll = Unroll(system, rules_for(system))
    with torch.no_grad():
        both = unroll(replace(batch, proposals=together))[0]
        alone = [unroll(replace(clip, proposals=each))[0] for each in (found, nothing)]
    for t in range(2):
        for i in range(2):
            torch.testing.assert_close(both[t][[i]].softmax(1), alone[i][t].softmax(1), atol=1e-6, rtol=0)


def test_the_refinement_s_shares_are_the_convolution_of_the_paper() -> None:
    """One convolution over [current, mask, first, mask, previous, mask], split and added."""
    torch.manual_seed(0)
    level = Level(6, 8, 8, norm_of(2))
    frames, masks = torch.randn(3, 1, 6, 5, 7), torch.randn(1, 3, 5, 7)
    convolutions = (level.current, level.first, level.previous)
    own = level.masks.weight
    parts = [torch.cat([each.weight, own[:, [i]]], dim=1) for i, each in enumerate(convolutions)]
    both = torch.cat([torch.cat([frames[i], masks[:, [i]]], dim=1) for i in range(3)], dim=1)
    with torch.no_grad():
        joined = F.conv2d(both, torch.cat(parts, dim=1), level.current.bias, padding=1)
        expected = level.merge_block(level.skip_block(joined))
        summed = sum(conv(frame) for conv, frame in zip(convolutions, frames, strict=True))
        torch.testing.assert_close(level(summed, masks, None), expected)


def test_crops_of_three_levels_are_joined(system: DMNAOA) -> None:
    torch.manual_seed(0)
    pyramid = Pyramid(torch.randn(1, 8, 24, 32), torch.randn(1, 8, 12, 16), torch.randn(1, 16, 6, 8))
    with torch.no_grad():
        found = system.objects(pyramid, torch.tensor([[[8.0, 8.0, 64.0, 64.0]]]))
        every = system.objects.whole(pyramid)
    assert found.shape == (1, 1, 16, 14, 14)
    assert every.shape == (1, 1, 16, 6, 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": "every"}, "memory"),
        ({"frame_memory": True, "dynamic_memory": False}, "frame_memory"),
        ({"matcher": False, "dynamic_memory": False}, "dynamic_memory"),
        ({"moved": "sometimes"}, "moved"),
        ({"iou_weight": 2}, "iou_weight"),
        ({"query_box": 0.5}, "query_box"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        preset("dmn-aoa-resnet50", options)


def test_a_policy_may_be_chosen_but_where_nothing_is_remembered(system: DMNAOA) -> None:
    assert rules_for(system, Every(3)).policy == Every(3)
    with pytest.raises(SettingError, match="fixed memory"):
        rules_for(tiny(dynamic_memory=False), First())


def test_the_published_size() -> None:
    """23.4 million (fact sheet), and 0.9 for the projectors by which whole frames are brought into line."""
    with torch.device("meta"):
        system = DMNAOAPreset().build()
    parts = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in system.named_children()}
    assert {name: round(size, 2) for name, size in parts.items()} == {
        "backbone": 8.54,
        "base": 0.46,
        "objects": 0.2,
        "dynamic": 0.89,
        "coarse": 0.89,
        "refinement": 12.42,
        "as_template": 0.44,
        "as_source": 0.44,
    }
    assert all(norm.num_groups == 32 for norm in system.modules() if isinstance(norm, nn.GroupNorm))
    assert isinstance(system.coarse, Matched)


def test_the_recipe_s_numbers() -> None:
    """30 epochs of COCO's 117,266 annotated images, 150 of DAVIS's 60 videos; rates of the backbone a tenth."""
    first, second = load_recipe("dmn-aoa-paper", {}).stages
    assert (first.batch, first.steps, first.rate) == (12, 30 * 117_266 // 12, 1e-4)
    assert (second.batch, second.steps, second.rate) == (4, 150 * 60 // 4, 1e-6)
    assert [stage.teaching.groups[0].rate for stage in (first, second)] == [0.1, 0.1]
    assert all(shape.frames == 4 for stage in (first, second) for shape in stage.shapes)
    assert (second.shapes[0].sampler, second.shapes[0].gap) == ("stride", 5)
