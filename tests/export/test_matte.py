"""Mattes: decoded again, alpha is what it was, at the times that the frames had."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from longtake.errors import LongtakeError
from longtake.export.convert import export, open_masks
from longtake.export.matte import write_matte
from longtake.video.palette import write_labels

UNEVEN = [0, 3000, 7500, 9000, 18_000, 19_000]
"""Ticks of 1/90000 s."""


def uneven_clip(path: Path, images: list[np.ndarray], sound: bool = True) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        track = output.add_stream("aac", rate=48_000) if sound else None
        for image, tick in zip(images, UNEVEN, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = tick, Fraction(1, 90_000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if track is not None:
            for start in range(0, 10_000, 1024):
                wave = (np.sin(np.arange(start, start + 1024) / 20) * 8000).astype(np.int16)
                tone = av.AudioFrame.from_ndarray(wave[None], layout="mono", format="s16")
                tone.rate, tone.pts, tone.time_base = 48_000, start, Fraction(1, 48_000)
                output.mux(track.encode(tone))
            output.mux(track.encode())
    return path


def decoded(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    """Times and RGBA; the alpha of VP9 only libvpx decodes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = Fraction(stream.time_base or 0)
        decoder = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        return [((frame.pts or 0) * base, frame.to_ndarray(format="rgba")) for frame in frames]


@pytest.fixture
def masked(tmp_path: Path, rendered: Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]) -> tuple[Path, Path]:
    """A clip of uneven times, and a folder of masks."""
    images, ids = rendered()
    (tmp_path / "masks").mkdir()
    for index, labels in enumerate(ids):
        write_labels(tmp_path / "masks" / f"{index:06d}.png", labels.astype(np.uint16))
    return uneven_clip(tmp_path / "clip.mp4", images), tmp_path / "masks"


def alphas(folder: Path, only: int | None = None) -> list[np.ndarray]:
    labels = [np.array(Image.open(path)) for path in sorted(folder.iterdir())]
    return [np.where(each > 0 if only is None else each == only, 255, 0) for each in labels]


@pytest.mark.parametrize(
    ("name", "off", "late"), [("m.mov", 1, 0), ("m.webm", 40, Fraction(1, 1000)), ("m.mkv", 0, Fraction(1, 1000))]
)
def test_alpha_and_times_are_what_they_were(
    name: str, off: int, late: Fraction, masked: tuple[Path, Path], tmp_path: Path
) -> None:
    clip, masks = masked
    (video,) = open_masks(masks)
    write_matte(video, tmp_path / name, str(clip))
    found = decoded(tmp_path / name)
    assert all(abs(time - Fraction(tick, 90_000)) <= late for (time, _), tick in zip(found, UNEVEN, strict=True))
    source = decoded(clip)
    for (_, image), alpha, (_, frame) in zip(found, alphas(masks), source, strict=True):
        apart = np.abs(image[..., 3].astype(int) - alpha)
        assert apart.max() <= off
        assert apart.mean() < 1
        colour = np.abs(image[..., :3].astype(int) - frame[..., :3])
        assert colour.mean() < (0.5 if off == 0 else 6)  # straight: colours stay where nothing is opaque, too
    with av.open(str(tmp_path / name)) as container, av.open(str(clip)) as original:
        ours, theirs = (
            sum(frame.samples / frame.sample_rate for frame in each.decode(audio=0)) for each in (container, original)
        )
        assert ours == pytest.approx(theirs, abs=0.05)


def test_images_with_alpha_of_one_object(masked: tuple[Path, Path], tmp_path: Path) -> None:
    clip, masks = masked
    (video,) = open_masks(masks)
    write_matte(video, tmp_path / "png", str(clip), only=2)
    for index, (alpha, (_, frame)) in enumerate(zip(alphas(masks, 2), decoded(clip), strict=True)):
        with Image.open(tmp_path / "png" / f"{index:06d}.png") as image:
            assert image.mode == "RGBA"
            assert np.array_equal(np.array(image)[..., 3], alpha)
            assert np.array_equal(np.array(image)[..., :3], frame[..., :3])
    with pytest.raises(LongtakeError, match="no mask has object 9"):
        write_matte(video, tmp_path / "nine.mov", str(clip), only=9)
    with pytest.raises(LongtakeError, match="a matte is"):
        export([video], "matte", tmp_path / "m.gif", str(clip))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "masks", "png"]


def test_odd_sizes_keep_every_pixel(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "frames").mkdir()
    labels = np.zeros((33, 47), np.uint16)
    labels[10:, 20:] = 300
    write_labels(tmp_path / "masks" / "a.png", labels)
    for name in ("a", "b"):
        Image.new("RGB", (47, 33), (200, 30, 60)).save(tmp_path / "frames" / f"{name}.png")
    (video,) = open_masks(tmp_path / "masks")
    for name in ("m.mov", "m.webm", "m.mkv"):
        write_matte(video, tmp_path / name, str(tmp_path / "frames"))
        first, second = (image for _, image in decoded(tmp_path / name))
        assert first.shape == (33, 47, 4)
        assert np.abs(first[..., 3].astype(int) - np.where(labels, 255, 0)).mean() < 1
        assert second[..., 3].max() == 0  # a frame without a mask


@pytest.mark.parametrize(
    ("source", "line"),
    [(None, "add --source VIDEO"), ("none.mp4", "none.mp4: no such file"), ("frames", "masks of 96x64 pixels, but")],
)
def test_what_does_not_fit_is_one_line(
    source: str | None, line: str, masked: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("frames").mkdir()
    Image.new("RGB", (40, 20)).save("frames/0.png")
    (video,) = open_masks(masked[1])
    for to, out in (("matte", "m.mov"), ("overlay", "o.mp4")):
        with pytest.raises(LongtakeError, match=line):
            export([video], to, tmp_path / out, source)
    assert not list(tmp_path.glob("*.partial")) and not Path("m.mov").exists() and not Path("o.mp4").exists()
