"""Masks by a Segment Anything model (Kirillov et al., ICCV 2023) that the user has as two ONNX files.

The decoder is what the Segment Anything repository exports: image_embeddings, point_coords, point_labels, mask_input,
has_mask_input, orig_im_size to masks, iou_predictions, low_res_masks. It exports no encoder; those that others export
take an image [1, 3, side, side], normalised and padded, or [h, w, 3] as it is, its long side reduced to the side.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from longtake.errors import CheckpointError, MaskError, MissingExtraError
from longtake.prompting.rough import Line, Mask, Point, Rough

SIDE = 1024
"""Of images where the encoder does not say."""

MEAN, SPREAD = np.array([123.675, 116.28, 103.53], np.float32), np.array([58.395, 57.12, 57.375], np.float32)
"""Of colours, as the model was trained with."""

NEEDED = ("image_embeddings", "point_coords", "point_labels")

KNOWN = (*NEEDED, "mask_input", "has_mask_input", "orig_im_size")

OUTSIDE, INSIDE, CORNER, OTHER_CORNER, PADDING = 0, 1, 2, 3, -1
"""What a point may be."""

SURE = 10.0
"""The log-odds in which a mask that is there is handed in."""

PICKS = 5
"""Points that stand for a scribble, of which the model knows nothing."""

RANK_OF_HWC = 3


class Sam:
    """Makes masks as `grabcut` does. An image is encoded once, however many of its objects are asked for in a row."""

    def __init__(self, encoder: Path, decoder: Path) -> None:
        """Raises CheckpointError where a file is not the part that it should be, MissingExtraError."""
        self._encoder, self._decoder = _session(encoder), _session(decoder)
        taken, given = self._encoder.get_inputs(), {each.name: each for each in self._decoder.get_inputs()}
        if len(taken) != 1 or len(taken[0].shape) not in (RANK_OF_HWC, RANK_OF_HWC + 1):
            raise CheckpointError(f"{encoder}: no encoder of Segment Anything, which takes one image; {_listed(taken)}")
        if not set(NEEDED) <= set(given) <= set(KNOWN):
            raise CheckpointError(
                f"{decoder}: no decoder of Segment Anything, which takes {', '.join(KNOWN)}; "
                f"{_listed(self._decoder.get_inputs())}"
            )
        self._image, self._wanted = taken[0], given
        self._channels_first = len(self._image.shape) != RANK_OF_HWC and self._image.shape[3] != RANK_OF_HWC
        sides = [side for side in self._image.shape if isinstance(side, int) and side > RANK_OF_HWC]
        self.side = max(sides, default=SIDE)
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], rough: Rough, mask: Mask | None = None) -> Mask:
        """The mask of the object that is roughly told of in an RGB frame.

        mask: what is there already, for the model to begin with. Raises MaskError as `grabcut` does.
        """
        size = (image.shape[0], image.shape[1])
        rough.check(size)
        corrects = mask is not None and bool(mask.any()) and rough.corrects
        if rough.box is None and not rough.inside and not corrects:
            raise MaskError("only background is given; add a box, a point or a scribble of the object")
        fitted = self._fitted(size)
        coordinates, labels = _points(rough)
        values: dict[str, np.ndarray] = {
            "image_embeddings": self._embedding(image),
            "point_coords": (coordinates * (fitted[1] / size[1], fitted[0] / size[0]))[None].astype(np.float32),
            "point_labels": labels[None],
            "mask_input": self._mask_input(mask if corrects else None, fitted),
            "has_mask_input": np.array([corrects], np.float32),
            "orig_im_size": np.array(size, np.float32),
        }
        names = [each.name for each in self._decoder.get_outputs()]
        outputs = self._decoder.run(names, {name: values[name] for name in self._wanted})
        found = self._restored(dict(zip(names, outputs, strict=True)), size, fitted) > 0
        if not found.any():
            raise MaskError("the model found nothing; give more points, or a mask")
        return found

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of a frame whose long side is the model's."""
        scale = self.side / max(size)
        return int(size[0] * scale + 0.5), int(size[1] * scale + 0.5)

    def _embedding(self, image: np.ndarray) -> np.ndarray:
        if self._last is None or self._last[0] is not image:
            fitted = self._fitted((image.shape[0], image.shape[1]))
            values = cv2.resize(image, fitted[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
            if len(self._image.shape) != RANK_OF_HWC:
                below, beside = self.side - fitted[0], self.side - fitted[1]
                values = np.pad((values - MEAN) / SPREAD, ((0, below), (0, beside), (0, 0)))
                values = (values.transpose(2, 0, 1) if self._channels_first else values)[None]
            (name, *_), taken = [each.name for each in self._encoder.get_outputs()], np.ascontiguousarray(values)
            if self._image.type == "tensor(uint8)":
                taken = taken.astype(np.uint8)
            self._last = (image, self._encoder.run([name], {self._image.name: taken})[0])
        return self._last[1]

    def _mask_input(self, mask: Mask | None, fitted: tuple[int, int]) -> Float32[np.ndarray, "1 1 s s"]:
        """A mask as the log-odds that the decoder takes, at a quarter of the side; zero for none."""
        sides = [side for side in getattr(self._wanted.get("mask_input"), "shape", ()) if isinstance(side, int)]
        side = max((s for s in sides if s > 1), default=self.side // 4)
        odds = np.zeros((side, side), np.float32)
        if mask is not None:
            height, width = (max(1, round(edge * side / self.side)) for edge in fitted)
            share = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
            odds[:] = -SURE
            odds[:height, :width] = SURE * (2 * share - 1)
        return odds[None, None]

    def _restored(
        self, outputs: Mapping[str, np.ndarray], size: tuple[int, int], fitted: tuple[int, int]
    ) -> Float32[np.ndarray, "h w"]:
        """The best mask's log-odds on the frame's pixels.

        From the small ones where there are any: in common exports the large ones are cut as the traced image was.
        """
        large = next(iter(outputs.values()))
        masks = outputs.get("low_res_masks", outputs.get("masks", large))[0]
        scores = outputs.get("iou_predictions")
        best = masks[0 if scores is None else int(np.argmax(scores[0]))].astype(np.float32)
        if "low_res_masks" in outputs:
            best = cv2.resize(best, (self.side, self.side))[: fitted[0], : fitted[1]]
        return np.asarray(best if best.shape == size else cv2.resize(best, size[::-1]), np.float32)


def _points(rough: Rough) -> tuple[np.ndarray, Float32[np.ndarray, "n"]]:
    """Points [n, 2] in the frame's pixels and what each is; without a box a padding point closes them."""
    found: list[tuple[Point, int]] = []
    for lines, label in ((rough.inside, INSIDE), (rough.outside, OUTSIDE)):
        found += [(point, label) for line in lines for point in _picked(line)]
    if rough.box is None:
        found.append(((0.0, 0.0), PADDING))
    else:
        found += [(rough.box[:2], CORNER), (rough.box[2:], OTHER_CORNER)]
    return np.array([point for point, _ in found], np.float64), np.array([label for _, label in found], np.float32)


def _picked(line: Line) -> list[Point]:
    """Points of a line, evenly apart."""
    if len(line) == 1:
        return list(line)
    corners = np.array(line)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    places = np.linspace(0, along[-1], PICKS)
    return [(float(np.interp(p, along, corners[:, 0])), float(np.interp(p, along, corners[:, 1]))) for p in places]


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    if not path.is_file():
        raise CheckpointError(
            f"{path}: no such file; --sam takes the encoder and the decoder, ENCODER.onnx,DECODER.onnx"
        )
    usable = onnxruntime.get_available_providers()
    providers = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in usable]
    try:
        return onnxruntime.InferenceSession(str(path), providers=providers)
    except Exception as error:  # onnxruntime's own kinds, none of them public
        raise CheckpointError(f"{path}: not a readable ONNX file ({str(error).splitlines()[0]})") from error


def _listed(inputs: Any) -> str:
    """The inputs that a file has, in words."""
    return "its inputs: " + ", ".join(f"{each.name} {list(each.shape)}" for each in inputs)
