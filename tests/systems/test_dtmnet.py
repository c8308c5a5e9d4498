"""DTMNet's graph, vectors and references, and who shares what."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from longtake.engine.objects import remove
from longtake.engine.session import Session
from longtake.engine.step import rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.errors import SettingError
from longtake.memory import tree
from longtake.memory.policy import Every
from longtake.nn.recurrent import pooled
from longtake.systems.dtmnet.decoder import Decoder
from longtake.systems.dtmnet.model import DTMNet
from longtake.systems.dtmnet.presets import DTMNetPreset
from longtake.systems.protocol import Inputs, Prompt
from longtake.systems.zoo import ZOO, preset
from longtake.training.optim import build_optimizer, share_at
from longtake.training.parse import load_recipe
from presets import prompt, unreached, walk

ROWS = [{}, {"short_term": False}, {"long_term": False}, {"edges": "uniform"}]
"""The columns of the paper's table 4: all of it, -S, -L and -W."""

SWITCHES = [
    *ROWS,
    {"short_term": False, "long_term": False},
    {"temporal_edges": "next"},
    {"temporal_edges": "previous"},
    {"pool": "mean"},
    {"graph_frames": 1},
    {"graph_frames": 5},
    {"spatial_window": (1, 3), "temporal_window": (5, 5)},
    {"mask_channel": True},
    {"coarse_loss": True},
    {"skip_empty": False, "edge_scale": False},
]


def small(**options: object) -> DTMNetPreset:
    """The compact design with nothing that the paper does not have."""
    base = ZOO["dtmnet-mobilenet-v2"].tiny()
    assert isinstance(base, DTMNetPreset)
    return replace(base, **({"backbone": "resnet18", "mask_channel": False} | options))


def tiny(**options: object) -> DTMNet:
    torch.manual_seed(0)
    return small(**options).build().eval()


@pytest.fixture
def system() -> DTMNet:
    return tiny()


@pytest.mark.parametrize("options", SWITCHES)
def test_every_switch_runs_has_a_say_and_learns_by_what_the_preset_teaches(
    options: dict[str, object], clip: Clip
) -> None:
    system = tiny(**options).train()
    if options.keys() - {"coarse_loss"} and options != {"graph_frames": 5}:
        assert not torch.equal(Unroll(system, rules_for(system))(clip)[0][-1], plain(clip)[-1])
    assert unreached(system, small(**options).teaching(), clip) == set()


def plain(clip: Clip) -> list[Tensor]:
    system = tiny()
    with torch.no_grad():
        return Unroll(system, rules_for(system))(clip)[0]


def test_two_objects_share_one_graph_pass_also_when_one_comes_later(clip: Clip) -> None:
    system, calls = tiny(), list[str]()
    assert system.short_term is not None
    edges = system.short_term.edges
    counted = [(edges, "project"), (edges, "within"), (edges, "between"), (system.short_term, "filtered")]
    for owner, method in counted:
        _count(owner, method, calls)
    for prompts in ({0: prompt(clip)}, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 4, (2,))}):
        calls.clear()
        *_, (state, _) = walk(system, clip, prompts)
        assert [cohort.ids for cohort in state.cohorts] == [(1, 2)]
        assert Counter(calls) == {"between": 4, "filtered": 4, "project": 5, "within": 5}


def _count(owner: object, method: str, calls: list[str]) -> None:
    plain = getattr(owner, method)

    def counted(*inputs: object) -> object:
        calls.append(method)
        return plain(*inputs)

    setattr(owner, method, counted)


@pytest.mark.parametrize(("options", "reaches"), [({}, True), ({"temporal_edges": "next"}, False)])
def test_the_query_hears_of_a_memory_frame_by_the_graph(options: dict[str, object], reaches: bool, clip: Clip) -> None:
    """Only through the graph: without a long term nothing else is remembered of the frame before."""
    system = tiny(long_term=False, **options)
    changed = Clip(clip.images.clone(), clip.masks, clip.valid)
    changed.images[:, 2] = changed.images[:, 2].flip(-1)
    *_, (_, plain) = walk(system, clip, {0: prompt(clip)}, 4)
    *_, (_, other) = walk(system, changed, {0: prompt(clip)}, 4)
    assert torch.equal(plain.probabilities, other.probabilities) is not reaches


def test_the_state_ignores_the_background(system: DTMNet) -> None:
    """What is under the mask alone decides, whatever the features outside of it."""
    assert system.long_term is not None
    torch.manual_seed(0)
    x, masks = torch.randn(1, 16, 5, 6), torch.zeros(1, 2, 5, 6)
    masks[:, 0, :3, :3], masks[:, 1, 3:, 3:] = 1, 0.5
    other = torch.where(masks.sum(1, keepdim=True) > 0, x, 7.0)
    state, anew = torch.randn(1, 2, 16), torch.tensor([False, True])
    assert torch.equal(
        system.long_term.updated(x, masks, state, anew), system.long_term.updated(other, masks, state, anew)
    )


def test_the_state_follows_equation_8_and_rests_where_an_object_is_not_seen(system: DTMNet) -> None:
    assert system.long_term is not None
    torch.manual_seed(0)
    x, masks, state = torch.randn(2, 16, 5, 6), torch.zeros(2, 2, 5, 6), torch.randn(2, 2, 16)
    masks[:, 0, :2, :2], masks[:, 1, 4, 4] = 1, 0.9  # the second covers less than one place
    with torch.no_grad():
        no, fading = torch.tensor([False, False]), tiny(skip_empty=False).long_term
        after = system.long_term.updated(x, masks, state, no)
        assert fading is not None
        faded = fading.updated(x, masks, state, no)
        seen = pooled(x, masks, "masked_mean")
        gate = torch.sigmoid(torch.cat([seen, state], dim=2) @ system.long_term.unit.gate.weight.T)
    torch.testing.assert_close(after[:, 0], ((1 - gate) * state + gate * seen)[:, 0])
    assert torch.equal(after[:, 1], state[:, 1])
    torch.testing.assert_close(faded, (1 - gate) * state + gate * seen)


def test_the_state_begins_with_what_is_under_the_given_mask(system: DTMNet, clip: Clip) -> None:
    state, _ = next(walk(system, clip, {0: prompt(clip)}, 1))
    with torch.no_grad():
        x = system.encode(Inputs(clip.images[:, 0], clip.images[:, 0])).x
    expected = pooled(x, F.avg_pool2d(clip.masks[:, 0], 16), "masked_mean")
    torch.testing.assert_close(state.cohorts[0].memory.hidden, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_attention_is_the_product_over_the_channels(system: DTMNet, dtype: torch.dtype) -> None:
    """Also where half precision could not hold the product itself."""
    assert system.long_term is not None
    torch.manual_seed(0)
    x, state = 200 * torch.rand(2, 16, 3, 4), 200 * torch.rand(2, 3, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = system.long_term.attention(x.to(dtype), state)
    expected = (state[:, :, :, None, None] * x.to(dtype).float()[:, None]).mean(dim=2)
    torch.testing.assert_close(found, expected)
    masks = torch.ones(2, 3, 3, 4)
    assert pooled(3e4 * torch.ones(2, 16, 3, 4).to(dtype), masks, "mean").min() > 29000


def test_what_is_filtered_is_what_the_decoder_takes_of_the_features(system: DTMNet, clip: Clip) -> None:
    """The order of the paper, filter and then 1x1 convolution, gives the same, for the classifier too."""
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 3)
    memory, short = state.cohorts[0].memory, system.short_term
    assert short is not None
    with torch.no_grad():
        features = [system.encode(Inputs(clip.images[:, t], clip.images[:, t])) for t in range(4)]
        frames = short.linked(memory.window, replace(features[3].seen[0], time=3))
        graph, x = short.graph(frames), {t: each.x for t, each in enumerate(features)}
        torch.testing.assert_close(short.filtered(graph, frames), system.decoder.query(graph.filtered(x, 3)))
        said = short.classified(graph, frames)
        assert list(said) == ["classifier@-3", "classifier@-2", "classifier@-1"]
        for t, scores in enumerate(said.values()):
            torch.testing.assert_close(scores.log_odds, short.classifier(graph.filtered(x, t)))


def test_the_decoder_s_shares_are_the_convolutions_of_the_paper() -> None:
    """One convolution over [query, reference, maps], and one over [coarser map, skip], split and added."""
    torch.manual_seed(0)
    widths = tiny().backbone.widths
    decoder = Decoder(6, 2, widths, 8, 4)
    query, reference, maps = torch.randn(1, 6, 4, 5), torch.randn(1, 6, 4, 5), torch.randn(1, 1, 2, 4, 5)
    f8, f4 = torch.randn(1, widths.stride8, 8, 10), torch.randn(1, widths.stride4, 16, 20)
    with torch.no_grad():
        weight = torch.cat([decoder.query.weight, decoder.reference.weight, decoder.maps.weight], dim=1)
        x = F.relu(F.conv2d(torch.cat([query, reference, maps[:, 0]], dim=1), weight, decoder.maps.bias))
        x = F.relu(decoder.reduce(F.relu(decoder.join(torch.cat([F.relu(c(x)) for c in decoder.contexts], dim=1)))))
        matched = decoder.matched((decoder.query(query) + decoder.reference(reference))[:, None], maps)
        torch.testing.assert_close(matched[:, 0], x)
        for own, step_ in ((f8, decoder.refine8), (f4, decoder.refine4)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
            weight = torch.cat([step_.coarse.weight, step_.frame.weight], dim=1)
            both = torch.cat([x, F.relu(step_.reduce(own))], dim=1)
            x = F.relu(F.conv2d(both, weight, step_.coarse.bias, padding=1))
        expected = F.interpolate(decoder.predict(x), scale_factor=4, mode="bilinear").softmax(dim=1)[:, 1]
        torch.testing.assert_close(decoder.refined(matched, decoder.skips(f8, f4))[:, 0], expected)


@pytest.mark.parametrize("frames", [1, 3])
def test_memory_is_constant_from_frame_k_on(frames: int, clip: Clip) -> None:
    run = list(walk(tiny(graph_frames=frames), clip, {0: prompt(clip)}, 12))
    sizes = [tree.size_in_bytes(state.cohorts[0].memory) for state, _ in run]
    assert len(set(sizes[frames:])) == 1
    window = run[-1][0].cohorts[0].memory.window
    assert [seen.time for seen in window] == list(range(12 - frames, 12))


def test_what_is_switched_off_is_not_kept(clip: Clip) -> None:
    *_, (state, _) = walk(tiny(short_term=False, long_term=False), clip, {0: prompt(clip)})
    memory = state.cohorts[0].memory
    assert memory.window == ()
    assert memory.hidden.numel() == 0


def test_a_correction_begins_again_for_its_object_alone(system: DTMNet, clip: Clip) -> None:
    moved = Prompt((1,), clip.masks[:, 2, [0]].roll(9, dims=-1), clip.valid[:, [0]])
    *_, (plain, _) = walk(system, clip, {0: prompt(clip)}, 3)
    *_, (corrected, _) = walk(system, clip, {0: prompt(clip), 2: moved}, 3)
    before, after = (state.cohorts[0].memory for state in (plain, corrected))
    assert after.given_times == (2, 0)
    assert [each.time for each in after.references] == [0, 2]
    assert torch.equal(after.given_masks[:, 1], before.given_masks[:, 1])
    torch.testing.assert_close(after.given_masks[:, 0], F.avg_pool2d(moved.masks, 16)[:, 0])
    with torch.no_grad():
        x = system.encode(Inputs(clip.images[:, 2], clip.images[:, 1])).x
        torch.testing.assert_close(after.hidden[:, [0]], pooled(x, F.avg_pool2d(moved.masks, 16), "masked_mean"))


def test_references_that_no_object_was_given_in_are_dropped(system: DTMNet, clip: Clip) -> None:
    prompts = {0: prompt(clip, 0, (1,)), 1: prompt(clip, 0, (2,)), 3: prompt(clip)}
    times = [[each.time for each in state.cohorts[0].memory.references] for state, _ in walk(system, clip, prompts)]
    assert times == [[0], [0, 1], [0, 1], [3], [3]]
    *_, (state, _) = walk(system, clip, {0: prompt(clip, 0, (1,)), 1: prompt(clip, 0, (2,))}, 2)
    with torch.no_grad():
        left, _ = step(system, rules_for(system), remove(state, {1}), clip.images[:, 2])
    assert [each.time for each in left.cohorts[0].memory.references] == [1]


def test_a_mask_given_empty_is_no_reference(system: DTMNet, clip: Clip) -> None:
    nothing = Prompt((1,), torch.zeros_like(clip.masks[:, 0, [0]]), clip.valid[:, [0]])
    *_, (state, out) = walk(system, clip, {0: prompt(clip), 2: nothing}, 3)
    assert state.cohorts[0].memory.given_times == (0, 0)
    assert out.probabilities[:, 1].max() == 0


def test_a_late_object_is_segmented_as_one_that_was_given_alone(clip: Clip) -> None:
    """In the frame after; later the other one competes for what is remembered. Its own frame is its reference."""
    system = tiny(short_term=False)
    late = {0: prompt(clip, 0, (1,)), 2: prompt(clip, 0, (2,))}
    *_, (state, together) = walk(system, clip, late, 4)
    rest = Clip(clip.images[:, 2:], clip.masks[:, 2:], clip.valid)
    *_, (_, alone) = walk(system, rest, {0: prompt(clip, 0, (2,))}, 2)
    torch.testing.assert_close(together.log_odds[:, 2], alone.log_odds[:, 1], atol=1e-5, rtol=1e-5)
    references, which = state.cohorts[0].memory.stacked_references()
    with torch.no_grad():
        features = [system.encode(Inputs(clip.images[:, t], clip.images[:, t])) for t in (0, 2)]
    for n, own in enumerate(features):
        torch.testing.assert_close(references[:, which[0, n]], system.decoder.reference(own.x))


def test_the_mask_channel_carries_the_last_mask(clip: Clip) -> None:
    system = tiny(mask_channel=True)
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 2)
    memory = state.cohorts[0].memory
    assert system.short_term is not None
    with torch.no_grad():
        seen = system.encode(Inputs(clip.images[:, 2], clip.images[:, 1])).seen[0]
        graph = system.short_term.graph(system.short_term.linked(memory.window, seen))
        carried = system.short_term.carried(graph, memory.last_masks)
        nothing = system.short_term.carried(graph, memory.last_masks * 0)
    assert nothing.abs().max() == 0
    spread = F.max_pool2d(memory.last_masks, 3, stride=1, padding=1) > 0
    assert torch.equal(carried > 0, spread)


@pytest.mark.parametrize("size", [(1, 40), (17, 200), (16, 16)])
def test_frames_smaller_than_the_window_work(size: tuple[int, int]) -> None:
    session, rng = Session(tiny(temporal_window=(5, 5))), np.random.default_rng(0)
    labels = np.zeros(size, np.uint16)
    labels[:, : size[1] // 2] = 1
    for t in range(3):
        prediction = session.push(rng.integers(0, 255, (*size, 3), np.uint8), labels if t == 0 else None)
    assert prediction.labels.shape == size


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"spatial_window": [3, 4]}, "no middle"),
        ({"temporal_edges": "none"}, "temporal_edges"),
        ({"mask_channel": True, "short_term": False}, "mask_channel"),
        ({"mask_channel": True, "temporal_edges": "next"}, "mask_channel"),
        ({"graph_frames": 0}, "graph_frames"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        preset("dtmnet-resnet101", options)


def test_another_policy_is_refused(system: DTMNet) -> None:
    with pytest.raises(SettingError, match="fixed memory"):
        rules_for(system, Every(5))


def test_the_published_size() -> None:
    """Backbone 42.5, decoder 17.5, unit 8.39, graph 1.05, in all 69.5 million parameters (fact sheet)."""
    with torch.device("meta"):
        system = DTMNetPreset().build()
    parts = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in system.named_children()}
    assert {name: round(size, 2) for name, size in parts.items()} == {
        "backbone": 42.5,
        "projector": 0.0,
        "short_term": 1.05,
        "long_term": 8.39,
        "decoder": 17.54,
    }


def test_the_compact_preset_s_size_and_what_rests() -> None:
    for name, million, learning in (("dtmnet-mobilenet-v2", 4.4, {"1", "2", "3"}), ("dtmnet-resnet101", 69.5, {"3"})):
        with torch.device("meta"):
            system = ZOO[name].build()
        assert round(sum(p.numel() for p in system.parameters()) / 1e6, 1) == million
        build_optimizer(system, ZOO[name].teaching())
        names = [name for name, p in system.named_parameters() if p.requires_grad]
        assert {name.split(".")[2] for name in names if name.startswith("backbone.")} == learning
        assert all(
            p.requires_grad
            for part in ("decoder", "short_term", "long_term")
            for p in getattr(system, part).parameters()
        )


def test_the_recipe_s_numbers() -> None:
    """80 and 100 epochs of 883 and 60 steps, 0.95 and 0.985 after each; eight frames of four clips, five of two."""
    first, second = load_recipe("dtmnet-paper", {}).stages
    assert (first.steps, second.steps) == (80 * 883, 100 * 60)
    rates = [share_at(stage.teaching.schedule, stage.steps - 1, stage.steps) for stage in (first, second)]
    assert rates == pytest.approx([0.95**79, 0.985**99])
    assert [(s.batch, s.shapes[0].frames, s.shapes[0].size) for s in (first, second)] == [
        (4, 8, (240, 432)),
        (2, 5, (480, 864)),
    ]
    assert [(s.rate, s.teaching.weight_decay) for s in (first, second)] == [(1e-4, 1e-5), (1e-5, 1e-6)]
    assert first.teaching.auxiliary == {"classifier": 1.0}
