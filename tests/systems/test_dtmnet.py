"""DTMNet's graph, vectors and references, and who shares what."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from longtake.engine.objects import remove
from longtake.engine.session import Session
from longtake.engine.step import Step, rules_for, step
from longtake.engine.unroll import Clip, Unroll
from longtake.errors import SettingError
from longtake.memory import tree
from longtake.memory.policy import Every
from longtake.nn.graph import Graph
from longtake.nn.recurrent import pooled
from longtake.systems.dtmnet.decoder import Decoder
from longtake.systems.dtmnet.model import DTMNet
from longtake.systems.dtmnet.presets import DTMNetPreset
from longtake.systems.protocol import Inputs, Prompt, State
from longtake.systems.zoo import ZOO, preset

ROWS = [{}, {"short_term": False}, {"long_term": False}, {"edges": "uniform"}]
"""The columns of the paper's table 4: all of it, -S, -L and -W."""

SWITCHES = [
    *ROWS,
    {"short_term": False, "long_term": False},
    {"temporal_edges": "next"},
    {"temporal_edges": "previous"},
    {"pool": "mean"},
    {"frames": 1},
    {"frames": 5},
    {"spatial_window": (1, 3), "temporal_window": (5, 5)},
    {"mask_channel": True},
    {"coarse": True},
    {"skip_empty": False, "edge_scale": False},
]


def tiny(**options: object) -> DTMNet:
    torch.manual_seed(0)
    system = replace(ZOO["dtmnet-mobilenet-v2"].tiny(), backbone="resnet18", **options).build().eval()
    assert isinstance(system, DTMNet)
    return system


@pytest.fixture
def system() -> DTMNet:
    return tiny()


def prompt(clip: Clip, frame: int = 0, ids: Sequence[int] = (1, 2)) -> Prompt:
    columns = [i - 1 for i in ids]
    return Prompt(tuple(ids), clip.masks[:, frame, columns], clip.valid[:, columns])


def walk(system: DTMNet, clip: Clip, prompts: dict[int, Prompt], frames: int = 5) -> Iterator[tuple[State, Step]]:
    state = State()
    for t in range(frames):
        with torch.no_grad():
            state, out = step(system, rules_for(system), state, clip.images[:, t % 5], prompts.get(t))
        yield state, out


@pytest.mark.parametrize("options", SWITCHES)
def test_every_switch_runs_and_learns(options: dict[str, object], clip: Clip) -> None:
    system = tiny(**options).train()
    outputs, auxiliary = Unroll(system, rules_for(system))(clip)
    assert all(torch.isfinite(out).all() for out in outputs)
    expected = {"classifier"} if system.short_term is not None else set[str]()
    assert {each.name for each in auxiliary} == expected | ({"coarse"} if system.coarse is not None else set())
    loss: Tensor = sum((out.square().mean() for out in outputs), torch.zeros(()))
    (loss + sum(each.value.square().mean() for each in auxiliary)).backward()
    assert [name for name, p in system.named_parameters() if p.grad is None] == []


def test_two_objects_share_one_graph_pass_also_when_one_comes_later(clip: Clip) -> None:
    system, calls = tiny(), list[str]()
    assert system.short_term is not None
    for owner, method in (
        (system.short_term, "nodes"),
        (system.short_term, "filtered"),
        (system.short_term.edges, "between"),
    ):
        _count(owner, method, calls)
    for prompts in ({0: prompt(clip)}, {0: prompt(clip, 0, (1,)), 2: prompt(clip, 4, (2,))}):
        calls.clear()
        *_, (state, _) = walk(system, clip, prompts)
        assert [cohort.ids for cohort in state.cohorts] == [(1, 2)]
        assert sorted(calls) == ["between"] * 4 + ["filtered"] * 4 + ["nodes"] * 5


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
        after = system.long_term.updated(x, masks, state, torch.tensor([False, False]))
        seen = pooled(x, masks, "masked_mean")
        gate = torch.sigmoid(torch.cat([seen, state], dim=2) @ system.long_term.unit.gate.weight.T)
    torch.testing.assert_close(after[:, 0], ((1 - gate) * state + gate * seen)[:, 0])
    assert torch.equal(after[:, 1], state[:, 1])


def test_what_is_filtered_is_what_the_decoder_takes_of_the_features(system: DTMNet, clip: Clip) -> None:
    """The order of the paper, filter and then 1x1 convolution, gives the same, for the classifier too."""
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 3)
    memory, short = state.cohorts[0].memory, system.short_term
    assert short is not None
    with torch.no_grad():
        features = [system.encode(Inputs(clip.images[:, t], clip.images[:, t])) for t in range(4)]
        assert features[3].nodes is not None
        frames = short.extended(memory.window, features[3].nodes, 3)
        links = [each.links[0] for each in frames[1:]]
        graph = Graph(
            short.spatial,
            short.temporal,
            [each.nodes.within for each in frames],
            [link.onward for link in links],
            [link.back for link in links],
        )
        x = [each.x for each in features]
        torch.testing.assert_close(short.filtered(frames), system.decoder.query(graph.filtered(x, 3)))
        for back, scores in zip((3, 2, 1), short.classified(frames).items(), strict=True):
            assert scores[0] == f"classifier@-{back}"
            torch.testing.assert_close(scores[1], short.classifier(graph.filtered(x, 3 - back)))


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
        x = F.relu(decoder.reduce(F.relu(decoder.join(torch.cat([F.relu(c(x)) for c in decoder.spread], dim=1)))))
        coarse = decoder.coarse(decoder.query(query), decoder.reference(reference)[:, None], maps)
        torch.testing.assert_close(coarse[:, 0], x)
        for own, step_ in ((f8, decoder.refine8), (f4, decoder.refine4)):
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
            weight = torch.cat([step_.coarse.weight, step_.frame.weight], dim=1)
            both = torch.cat([x, F.relu(step_.reduce(own))], dim=1)
            x = F.relu(F.conv2d(both, weight, step_.coarse.bias, padding=1))
        expected = F.interpolate(decoder.predict(x), scale_factor=4, mode="bilinear").softmax(dim=1)[:, 1]
        torch.testing.assert_close(decoder.fine(coarse, decoder.skips(f8, f4))[:, 0], expected)


@pytest.mark.parametrize("frames", [1, 3])
def test_memory_is_constant_from_frame_k_on(frames: int, clip: Clip) -> None:
    run = list(walk(tiny(frames=frames), clip, {0: prompt(clip)}, 12))
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
    assert after.first == (2, 0)
    assert [each.time for each in after.references] == [0, 2]
    assert torch.equal(after.given[:, 1], before.given[:, 1])
    torch.testing.assert_close(after.given[:, 0], F.avg_pool2d(moved.masks, 16)[:, 0])
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
    assert state.cohorts[0].memory.first == (0, 0)
    assert out.probabilities[:, 1].max() == 0


def test_a_late_object_is_segmented_as_one_that_was_given_alone(clip: Clip) -> None:
    """Without the graph, which knows more frames by then, nothing of the others' past has a say."""
    system = tiny(short_term=False)
    late = {0: prompt(clip, 0, (1,)), 2: prompt(clip, 4, (2,))}
    *_, (_, together) = walk(system, clip, late)
    rest = Clip(clip.images[:, 2:], clip.masks[:, 2:], clip.valid)
    *_, (_, alone) = walk(system, rest, {0: prompt(clip, 4, (2,))}, 3)
    torch.testing.assert_close(together.log_odds[:, 2], alone.log_odds[:, 1], atol=1e-5, rtol=1e-5)


def test_the_mask_channel_carries_the_last_mask(clip: Clip) -> None:
    system = tiny(mask_channel=True)
    *_, (state, _) = walk(system, clip, {0: prompt(clip)}, 2)
    memory = state.cohorts[0].memory
    assert system.short_term is not None
    with torch.no_grad():
        nodes = system.encode(Inputs(clip.images[:, 2], clip.images[:, 1])).nodes
        assert nodes is not None
        carried = system.short_term.carried(system.short_term.extended(memory.window, nodes, 2), memory.last)
        nothing = system.short_term.carried(system.short_term.extended(memory.window, nodes, 2), memory.last * 0)
    assert nothing.abs().max() == 0
    spread = F.max_pool2d(memory.last, 3, stride=1, padding=1) > 0
    assert torch.equal(carried > 0, spread)


def test_many_objects_go_in_portions(system: DTMNet) -> None:
    rng = np.random.default_rng(0)
    labels = np.kron(np.arange(1, 26, dtype=np.uint16).reshape(5, 5), np.ones((16, 16), np.uint16))
    session = Session(system)
    for t in range(3):
        prediction = session.push(rng.integers(0, 255, (80, 80, 3), np.uint8), labels if t == 0 else None)
        assert prediction.ids == tuple(range(1, 26))
        np.testing.assert_allclose(prediction.probabilities.sum(0), 1, atol=1e-4)


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
        ({"frames": 0}, "frames"),
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
    system = DTMNetPreset().build()
    parts = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in system.named_children()}
    assert {name: round(size, 2) for name, size in parts.items()} == {
        "backbone": 42.5,
        "projector": 0.0,
        "short_term": 1.05,
        "long_term": 8.39,
        "decoder": 17.54,
    }
