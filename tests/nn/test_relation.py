"""The relation module against einsums written out."""

import torch
import torch.nn.functional as F

from longtake.nn.relation import GlobalReasoning, Relation


def test_global_reasoning_equals_its_equations() -> None:
    """B = project(x), V = state(x) B^T / HW, H = mix(V) + V over nodes, Y = relate(relu(H)) over states (GloRe)."""
    torch.manual_seed(0)
    unit = GlobalReasoning(16, 6, 4).double()
    torch.nn.init.normal_(unit.norm.weight)
    x = torch.randn(2, 16, 5, 7, dtype=torch.float64)
    with torch.no_grad():
        b = torch.einsum("nc,bchw->bnhw", unit.project.weight[:, :, 0, 0], x) + unit.project.bias[:, None, None]
        s = torch.einsum("sc,bchw->bshw", unit.state.weight[:, :, 0, 0], x) + unit.state.bias[:, None, None]
        v = torch.einsum("bshw,bnhw->bsn", s, b) / 35
        h = torch.einsum("mn,bsn->bsm", unit.mix.weight, v) + unit.mix.bias + v
        y = torch.einsum("ts,bsn->btn", unit.relate.weight, F.relu(h))
        back = torch.einsum("bsn,bnhw->bshw", y, b)
        extended = torch.einsum("cs,bshw->bchw", unit.extend.weight[:, :, 0, 0], back)
        expected = x + F.group_norm(extended, 2, unit.norm.weight, unit.norm.bias)
        torch.testing.assert_close(unit(x), expected)


def test_it_begins_as_if_it_were_not_there() -> None:
    x = torch.randn(1, 16, 3, 4)
    assert torch.equal(GlobalReasoning(16, 6, 4)(x), x)


def test_the_relation_is_a_convolution_of_both_frames_side_by_side() -> None:
    torch.manual_seed(0)
    unit = Relation(6, 16, 8, torch.nn.Identity())
    reference, current = torch.randn(2, 6, 4, 5), torch.randn(2, 6, 4, 5)
    with torch.no_grad():
        weight = torch.cat([unit.of_reference.weight, unit.of_current.weight], dim=1)
        x = F.relu(unit.norm_in(F.conv2d(torch.cat([reference, current], dim=1), weight, padding=1)))
        expected = F.relu(unit.norm_out(unit.reduce(x)))
        torch.testing.assert_close(unit(unit.reference(reference), current), expected)


def test_the_published_size() -> None:
    """41.75 million parameters, 1.64 of them the reasoning's (fact sheet, section 6)."""
    unit = Relation(2048, 1024, 256, GlobalReasoning(1024, 512, 256))
    assert round(sum(p.numel() for p in unit.parameters()) / 1e6, 2) == 41.75
    assert round(sum(p.numel() for p in unit.reasoning.parameters()) / 1e6, 2) == 1.64
