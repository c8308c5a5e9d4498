"""A video file: decoded to its end, whatever is odd about it."""

import itertools
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av

from longtake.doctor.report import Report
from longtake.errors import SourceError
from longtake.video.file import FileSource, upright


def examine_video(path: Path) -> Report:
    """Whether every frame decodes, times increase and sizes agree."""
    report = Report(str(path), "a video")
    try:
        source = FileSource(path)
    except SourceError as error:
        report.problems.append(str(error))
        return report
    _facts(report, path)
    times: list[Fraction] = []
    sizes: Counter[tuple[int, int]] = Counter()
    try:
        for entry in source.entries():
            height, width = entry.load().shape[:2]
            sizes[height, width] += 1
            if len(sizes) > 1 and sizes[height, width] == 1:
                report.problems.append(f"{entry.where} changes the size to {width}x{height} pixels")
            times.append(entry.seconds)
    except SourceError as error:
        report.problems.append(str(error))
    if times:
        report.facts |= {"frames": str(len(times)), "last frame": f"at {float(times[-1]):.3f} s"}
        _clock(report, times)
        if source.mended:
            report.problems.append(
                f"{source.mended} frames have times that are not after the frame before; they are taken from the rate"
            )
        if not report.problems and source.cut_off:
            report.problems.append(f"ends there, though it announces {float(source.announced):.2f} s; is it cut off?")
    if any(side % 2 for size in sizes for side in size):
        report.notes.append("odd sides: an overlay video loses the last row or column")
    return report


def codec_name(track: av.AudioStream) -> str:
    """The codec's name; a track that nothing here decodes has none."""
    return track.codec_context.name if track.codec_context else "unknown"


def _facts(report: Report, path: Path) -> None:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        report.facts |= {
            "codec": f"{codec.name}, {codec.pix_fmt}, {codec.width}x{codec.height} as stored",
            "container": container.format.name,
            "time base": str(stream.time_base),
            "sound": ", ".join(codec_name(track) for track in container.streams.audio) or "none",
        }
        if len(container.streams.video) > 1:
            report.notes.append(f"{len(container.streams.video)} pictures; the first is used")
        try:
            first = next(container.decode(stream))
        except (av.FFmpegError, OSError, StopIteration):
            return
        if turned := round(-first.rotation / 90) % 4 * 90:
            height, width = upright(first).shape[:2]
            report.notes.append(
                f"turned clockwise by {turned} degrees: {width}x{height} pixels as seen, as masks must be"
            )


def _clock(report: Report, times: list[Fraction]) -> None:
    steps = [b - a for a, b in itertools.pairwise(times)]
    if steps:
        fastest, slowest = float(1 / min(steps)), float(1 / max(steps))
        even = fastest / slowest < 1.2
        report.facts["rate"] = f"{fastest:.3f}" if even else f"variable, {slowest:.3f} to {fastest:.3f}"
        report.facts["rate"] += " frames per second"
    if times[0] != 0:
        report.notes.append(f"its first frame is at {float(times[0]):.3f} s")
