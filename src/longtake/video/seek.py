"""Where a span begins in a video file, found from packets, so that what comes before need not be decoded."""

from dataclasses import dataclass
from fractions import Fraction

import av

from longtake.video.spans import Mark

REORDERED = 64
"""Packets read beyond the mark, since frames may be stored that much later than they are shown."""


@dataclass(frozen=True)
class Start:
    """The frames up to the mark: their ticks in order, and which of them is the first to be shown."""

    ticks: tuple[int, ...]
    target: int

    def index_of(self, frame: av.VideoFrame | None) -> int | None:
        """The index of the frame that comes first after a seek; None where it is none before the target."""
        known = self.ticks[: self.target + 1]
        return known.index(frame.pts) if frame is not None and frame.pts in known else None


def find_start(container: av.container.InputContainer, stream: av.VideoStream, mark: Mark) -> Start | None:
    """Read packets up to a mark. None where they carry no times, or where seeking would save nothing."""
    if container.format.name == "avi":  # its times are those of storing, not of showing
        return None
    base, ticks, beyond = Fraction(stream.time_base or 0), list[int](), 0
    for packet in container.demux(stream):
        if packet.size and packet.pts is None:
            return None
        if packet.is_discard or packet.pts is None:
            continue
        ticks.append(packet.pts)
        beyond += not mark.follows(len(ticks) - 1, (packet.pts - ticks[0]) * base)
        if beyond > REORDERED:
            break
    ticks.sort()
    shown = (i for i, tick in enumerate(ticks) if not mark.follows(i, (tick - ticks[0]) * base))
    target = next(shown, len(ticks) - 1)
    return Start(tuple(ticks), target) if target > 0 else None
