"""What a camera and its file do to finished frames: exposure, defocus, noise, compression. Masks are untouched."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from longtake.data.augment import Image
from longtake.data.procedural.motion import drift


@dataclass(frozen=True)
class Photometry:
    """One look for a clip: gains per frame and channel, blur in pixels, noise about 128, JPEG quality (0: none)."""

    gains: Float[np.ndarray, "t 3"]
    contrast: float
    defocus: float
    noise: UInt8[np.ndarray, "h w 3"] | None
    offsets: np.ndarray
    quality: int

    def develop(self, frame: int, image: Image) -> Image:
        """The frame as it would be read from a file."""
        if self.defocus:
            image = cv2.GaussianBlur(image, (0, 0), self.defocus).astype(np.uint8, copy=False)
        mix = np.hstack([np.diag(self.gains[frame] * self.contrast), np.full((3, 1), 120 * (1 - self.contrast))])
        image = cv2.transform(image, mix).astype(np.uint8, copy=False)
        if self.noise is not None:
            x, y = self.offsets[frame]
            grain = self.noise[y : y + image.shape[0], x : x + image.shape[1]]
            image = cv2.addWeighted(image, 1, grain, 1, -128).astype(np.uint8, copy=False)
        if self.quality:
            packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
            decoded: np.ndarray = cv2.imdecode(packed, cv2.IMREAD_COLOR)  # type: ignore[assignment]
            return decoded
        return image


def draw_photometry(
    rng: np.random.Generator, frames: int, size: tuple[int, int], defocus: float, noise: float, jpeg: float
) -> Photometry:
    """A look; the last three are probabilities."""
    gains = np.exp(np.stack([drift(rng, frames, 0.015)] * 3, axis=1) + rng.normal(0, 0.01, (frames, 3)))
    gains = gains * np.exp(rng.normal(0, 0.06, 3))
    tile: np.ndarray | None = None
    if rng.random() < noise:
        grain: np.ndarray = rng.standard_normal((size[0] // 2 + 1, size[1] // 2 + 1, 3), np.float32)
        if rng.random() < 0.5:
            grain = 1.5 * cv2.GaussianBlur(grain, (3, 3), 0)
        tile = np.clip(128 + np.float32(rng.uniform(1, 8)) * grain, 0, 255).astype(np.uint8)
        tile = cv2.copyMakeBorder(tile, 0, size[0], 0, size[1], cv2.BORDER_WRAP)
    return Photometry(
        gains=gains,
        contrast=rng.uniform(0.7, 1.15),
        defocus=rng.uniform(0.4, 1.3) if rng.random() < defocus else 0.0,
        noise=tile,
        offsets=rng.integers(0, min(size) // 2 + 1, (frames, 2)),
        quality=int(rng.integers(35, 95)) if rng.random() < jpeg else 0,
    )
