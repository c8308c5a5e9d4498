"""What DMN-AOA remembers: crops of past frames, and whole frames that the refinement refers to.

Shapes: b batch, n objects, c channels, h4 and w4 the grid at stride 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from longtake.memory import bank
from longtake.memory.policy import Held
from longtake.memory.tree import Kind, map_tensors, owned, shared, slots
from longtake.nn.precise import precise

STRIDE = 4
"""Of the finest features, and of masks: nothing asks for finer ones."""


@dataclass(frozen=True)
class Pyramid:
    """Base features of a frame at strides 4, 8 and 16, [b, c, ...]."""

    f4: Tensor = shared()
    f8: Tensor = shared()
    f16: Tensor = shared()

    @property
    def levels(self) -> tuple[Tensor, Tensor, Tensor]:
        """From the coarsest to the finest, as the refinement takes them."""
        return self.f16, self.f8, self.f4

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width of the fitted frame."""
        return self.f4.shape[2] * STRIDE, self.f4.shape[3] * STRIDE


@dataclass(frozen=True)
class Anchor:
    """A frame that the refinement refers to. source: its stride-16 features as later frames find them in it."""

    time: int
    pyramid: Pyramid
    source: Tensor = shared()


@dataclass(frozen=True)
class DMNMemory:
    """Crops by the policy; each object's first frame and the previous one as a whole; where each was seen last.

    given_times, born: the frames in which an object was last given, and first. given_masks, last_masks, seen_masks: in
    those frames, in the previous one, and in the last one that showed the object, [b, n, h4, w4]. boxes: about the last
    of them, [b, n, 4], in pixels of the fitted frame. visible: whether that was the previous frame, [b, n].
    """

    entries: tuple[bank.CroppedKeys, ...]
    anchors: tuple[Anchor, ...]
    previous: Anchor
    born: tuple[int, ...] = slots()
    given_times: tuple[int, ...] = slots()
    given_masks: Tensor = owned()
    last_masks: Tensor = owned()
    seen_masks: Tensor = owned()
    boxes: Tensor = owned()
    visible: Tensor = owned()

    def held(self) -> tuple[Held, ...]:
        """What a policy may know: the crops. The whole frames are there whatever it keeps."""
        return bank.held(self.entries)

    def anchors_of_objects(self) -> tuple[tuple[Anchor, ...], list[int]]:
        """The frames in which objects were given, and which of them is each object's."""
        anchors = still_needed(self.anchors, self.given_times)  # without those of objects that were removed
        times = [anchor.time for anchor in anchors]
        return anchors, [times.index(time) for time in self.given_times]


def nothing(pyramid: Pyramid, source: Float[Tensor, "b d h w"]) -> DMNMemory:
    """A memory of no objects, with a frame that none of them was in."""
    masks, boxes = pyramid.f4.new_zeros(len(source), 0, *pyramid.f4.shape[2:]), pyramid.f4.new_zeros(len(source), 0, 4)
    masks, boxes = precise(masks), precise(boxes)
    visible = torch.zeros(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    return DMNMemory((), (), Anchor(-1, pyramid, source), (), (), masks, masks, masks, boxes, visible)


def joined(memory: DMNMemory, n: int) -> DMNMemory:
    """With columns for objects that are new: never seen, in no frame that is remembered, somewhere in the frame."""
    missing = n - len(memory.born)
    if not missing:
        return memory

    def column(tensor: Tensor, kind: Kind) -> Tensor:
        if kind == "shared":
            return tensor
        return torch.cat([tensor, tensor.new_zeros(len(tensor), missing, *tensor.shape[2:])], dim=1)

    wider = map_tensors(memory, column)
    anywhere = whole_frame(wider.boxes[:, -missing:], memory.previous.pyramid.frame)
    return replace(wider, boxes=torch.cat([memory.boxes, anywhere], dim=1))


def whole_frame(boxes: Float[Tensor, "b n 4"], size: tuple[int, int]) -> Float[Tensor, "b n 4"]:
    """As many boxes about a frame of this height and width."""
    return boxes.new_tensor([0, 0, size[1], size[0]]).expand_as(boxes)


def still_needed(anchors: Sequence[Anchor], times: Sequence[int]) -> tuple[Anchor, ...]:
    """The frames that are some object's first."""
    return tuple(anchor for anchor in anchors if anchor.time in times)
