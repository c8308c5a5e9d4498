"""Clips as people have them, written by PyAV: picture k shows a bright square at k and can be told from the others."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

TICKS = Fraction(1, 90_000)


def picture(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A grey level that tells the number, and a white upper left corner that tells which side is up."""
    image = np.full((height, width, 3), 16 + 12 * (number % 17), np.uint8)
    image[: height // 4, : width // 4] = 255
    return image


def number(image: np.ndarray) -> int:
    """Which picture it is, of up to 17."""
    return round((float(np.median(image)) - 16) / 12)


def write_clip(
    path: Path,
    ticks: Iterable[int],
    time_base: Fraction = TICKS,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    size: tuple[int, int] = (48, 64),
    rate: int | Fraction = 24,
    form: str | None = None,
    container: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    images: list[np.ndarray] | None = None,
    sound: str | None = None,
    sound_rate: int = 48_000,
    full_range: bool = False,
    matrix: Colorspace | None = None,
) -> Path:
    """A video with a picture at each of these ticks, and a tone of the same length where a sound codec is named."""
    ticks = list(ticks)
    with av.open(str(path), "w", format=form, options=container or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = time_base
        shades = ColorRange.JPEG if full_range else ColorRange.MPEG
        if full_range:
            stream.codec_context.color_range = shades
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        track = output.add_stream(sound, rate=sound_rate) if sound else None
        for index, tick in enumerate(ticks):
            image = images[index] if images else picture(index, *size)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace=matrix, dst_color_range=shades)
            frame.pts, frame.time_base = tick, time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if track is not None:
            for start in range(0, round(ticks[-1] * time_base * sound_rate), 1024):
                wave = (np.sin(np.arange(start, start + 1024) / 20) * 8000).astype(np.int16)
                tone = av.AudioFrame.from_ndarray(wave[None], layout="mono", format="s16")
                tone.rate, tone.pts, tone.time_base = sound_rate, start, Fraction(1, sound_rate)
                output.mux(track.encode(tone))
            output.mux(track.encode())
    return path


def noisy(count: int, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """Pictures that compress badly, so that a cut lands within their data."""
    return [np.random.default_rng(i).integers(0, 255, (height, width, 3), np.uint8) for i in range(count)]


def cut(path: Path, share: float = 0.5) -> Path:
    """The first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


# x' = a x + c y, y' = b x + d y; see the display matrix of ISO/IEC 14496-12, section 8.3.2
QUARTERS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def turn(path: Path, clockwise: int) -> Path:
    """An MP4 file told to be shown turned."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in QUARTERS[clockwise])
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def stamps(path: Path) -> list[Fraction]:
    """The exact times of a video's frames, as PyAV has them."""
    with av.open(str(path)) as container:
        return [frame.pts * Fraction(frame.time_base) for frame in container.decode(video=0)]
