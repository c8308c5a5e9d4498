"""Optical flow without a network: OpenCV's DIS, and none at all.

The contract is that of `nn.flow`: flow(current, previous) -> b 2 h w says, for RGB images in [0, 1], where the content
of every pixel was: current(p) = previous(p + flow(p)), in pixels, to the right and down. Gradients end here.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in grey (ITU-R BT.601)."""

LEAST = 16
"""Shorter sides are continued by their edge to this many pixels: DIS refuses them, gives no numbers or crashes."""

FINEST = 0
"""Down to whole resolution. The presets stop at half or a quarter: 3 to 6 times as far off on shifted photographs."""

ITERATIONS = 12
STRIDE = 5
"""Between patches of 8 pixels: 4 takes a third more time and carries masks no better, 6 carries them worse."""

REFINEMENTS = 0
"""Smoothing afterwards: 5 take twice the time of all else, and carry masks no better."""


def dis_flow(current: Float[Tensor, "b 3 h w"], previous: Float[Tensor, "b 3 h w"]) -> Float32[Tensor, "b 2 h w"]:
    """Dense inverse search (Kroeger et al., ECCV 2016), on the processor, for images of any size.

    A pair's flow depends on nothing else: not on calls before, others at the same time, or the number of threads.
    """
    pairs = zip(_grey(current), _grey(previous), strict=True)
    flows = np.stack([_dis(one, other) for one, other in pairs])
    return torch.from_numpy(flows).permute(0, 3, 1, 2).contiguous().to(current.device)


def zero_flow(current: Float[Tensor, "b 3 h w"], previous: Float[Tensor, "b 3 h w"]) -> Float32[Tensor, "b 2 h w"]:
    """As if nothing ever moved."""
    b, _, h, w = current.shape
    return torch.zeros(b, 2, h, w, device=current.device)


def _grey(images: Float[Tensor, "b 3 h w"]) -> UInt8[np.ndarray, "b h w"]:
    images = images.detach().float()
    grey = (images * images.new_tensor(LUMA)[:, None, None]).sum(dim=1)
    values: np.ndarray = (255 * grey).round().clamp(0, 255).byte().cpu().numpy()
    return values


def _dis(current: UInt8[np.ndarray, "h w"], previous: UInt8[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w 2"]:
    h, w = current.shape
    margins = ((0, max(0, LEAST - h)), (0, max(0, LEAST - w)))
    # one object per call: it keeps buffers between calls, and two threads must not share them
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(FINEST)
    search.setGradientDescentIterations(ITERATIONS)
    search.setPatchStride(STRIDE)
    search.setVariationalRefinementIterations(REFINEMENTS)
    one, other = np.pad(current, margins, "edge"), np.pad(previous, margins, "edge")
    # a flow given here would be its first guess
    found: np.ndarray = search.calc(one, other, None)  # type: ignore[call-overload]
    return found[:h, :w]
