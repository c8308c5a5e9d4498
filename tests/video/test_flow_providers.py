import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from longtake.nn.flow import at_scale, warp
from longtake.video.flow import dis_flow, zero_flow
from presets import Rendered

SHIFTS = [(3.0, -5.0), (-12.0, 7.0), (0.4, -1.3), (7.5, 3.25)]
BORDER, BAR = 16, 0.3


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()[None] / 255


def shifted(large: np.ndarray, dx: float, dy: float, margin: int = 24) -> tuple[Tensor, Tensor]:
    """Two crops, current(p) = previous(p + (dx, dy))."""
    h, w = large.shape[0] - 2 * margin, large.shape[1] - 2 * margin
    crops = [
        cv2.warpAffine(
            large,
            np.float32([[1, 0, margin + x], [0, 1, margin + y]]),
            (w, h),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        )
        for x, y in ((dx, dy), (0.0, 0.0))
    ]
    return tensor(crops[0]), tensor(crops[1])


def end_point_error(flow: Tensor, dx: float, dy: float) -> float:
    off = (flow - torch.tensor([dx, dy]).view(1, 2, 1, 1)).norm(dim=1)
    return off[:, BORDER:-BORDER, BORDER:-BORDER].mean().item()


@pytest.mark.parametrize(("dx", "dy"), SHIFTS)
def test_dis_finds_shifts_of_a_rendered_image(rendered: Callable[..., Rendered], dx: float, dy: float) -> None:
    large = rendered(frames=1, height=288, width=368)[0][0]
    assert end_point_error(dis_flow(*shifted(large, dx, dy)), dx, dy) < BAR


@pytest.mark.parametrize(("dx", "dy"), SHIFTS)
@pytest.mark.parametrize("video", ["bear", "bus", "hockey"])
def test_dis_finds_shifts_of_a_photograph(shared: Path, video: str, dx: float, dy: float) -> None:
    path = shared / "data" / "davis2016" / "JPEGImages" / "480p" / video / "00000.jpg"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    large = cv2.imread(str(path))[:, :, ::-1]
    assert end_point_error(dis_flow(*shifted(large, dx, dy)), dx, dy) < BAR


def test_masks_are_carried_to_the_current_frame(rendered: Callable[..., Rendered]) -> None:
    images, ids = rendered(frames=12, height=240, width=320)
    found = []
    for now in range(1, 12):
        flow = dis_flow(tensor(images[now]), tensor(images[now - 1]))
        before, truth = (torch.from_numpy(ids[t] == 1) for t in (now - 1, now))
        carried = warp(before[None, None].float(), flow)[0, 0] > 0.5
        kept = [(mask & truth).sum() / (mask | truth).sum() for mask in (carried, before)]
        found.append(kept)
    carried_iou, kept_iou = np.mean(found, axis=0)
    assert carried_iou > 0.93
    assert carried_iou > kept_iou + 0.05


def test_dis_at_half_the_size(rendered: Callable[..., Rendered]) -> None:
    current, previous = shifted(rendered(frames=1, height=289, width=369)[0][0], 6.0, -3.0)
    assert end_point_error(at_scale(dis_flow, current, previous), 6.0, -3.0) < 0.5


def test_a_batch_is_its_pairs_and_inputs_stay(rendered: Callable[..., Rendered]) -> None:
    frames = torch.cat([tensor(image) for image in rendered(frames=4)[0]])
    before = frames.clone()
    both = dis_flow(frames[1:], frames[:-1])
    assert both.dtype is torch.float32
    assert both.is_contiguous()
    assert torch.equal(both, torch.cat([dis_flow(frames[i : i + 1], frames[i - 1 : i]) for i in range(1, 4)]))
    assert torch.equal(frames, before)


def test_gradients_end_at_dis() -> None:
    images = torch.rand(1, 3, 20, 24, requires_grad=True)
    assert not dis_flow(images, images).requires_grad


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_any_precision_and_values_a_little_outside(kind: torch.dtype) -> None:
    images = (1.2 * torch.rand(2, 1, 3, 20, 24) - 0.1).to(kind)
    assert torch.equal(dis_flow(*images), dis_flow(*images.float()))


@pytest.mark.parametrize("h", [1, 2, 7, 8, 12, 15, 16])
@pytest.mark.parametrize("w", [1, 5, 12, 16, 64, 100, 200, 1000])
def test_tiny_and_narrow_images(h: int, w: int) -> None:
    current, previous = torch.rand(2, 1, 3, h, w, generator=torch.Generator().manual_seed(0))
    for flow in (dis_flow(current, previous), dis_flow(current.mT, previous.mT).mT):
        assert flow.shape == (1, 2, h, w)
        assert flow.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (40, 60)])
def test_images_without_content_do_not_move(size: tuple[int, int]) -> None:
    flat = torch.full((1, 3, *size), 0.5)
    assert dis_flow(flat, flat).count_nonzero() == 0


def test_the_same_bits_after_other_frames_and_beside_other_threads(rendered: Callable[..., Rendered]) -> None:
    frames = torch.cat([tensor(image) for image in rendered(frames=3, height=160, width=200)[0]])
    pairs = [(frames[1:2], frames[:1]), (frames[2:], frames[1:2])]
    expected = [dis_flow(*pair) for pair in pairs]
    found: list[list[Tensor]] = [[], []]

    def follow(which: int) -> None:
        found[which].extend(dis_flow(*pairs[which]) for _ in range(5))

    threads = [threading.Thread(target=follow, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in range(2):
        assert len(found[which]) == 5
        assert all(torch.equal(flow, expected[which]) for flow in found[which])


def test_the_number_of_threads_changes_nothing(rendered: Callable[..., Rendered]) -> None:
    current, previous = (tensor(image) for image in rendered(frames=2, height=200, width=300)[0])
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            found.append(dis_flow(current, previous))
    finally:
        cv2.setNumThreads(before)
    assert all(torch.equal(flow, found[0]) for flow in found)


def test_zero_flow_leaves_masks_in_place() -> None:
    images, masks = torch.rand(2, 3, 5, 7), torch.rand(2, 4, 5, 7)
    flow = zero_flow(images, images)
    assert torch.equal(flow, torch.zeros(2, 2, 5, 7))
    assert torch.equal(warp(masks, flow), masks)
