"""When each frame of a video file is shown, and which are keyframes: told by packets, or by decoding where they err."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise

import av

from longtake.video.decoder import Decoder

PROVEN = 32
"""Frames at the beginning that are decoded, to see whether packets tell the truth."""

TRIES = 3
"""Keyframes that are sought, each before the other, until the file is read from its beginning instead."""

REORDERED = 64
"""Frames that may come before the keyframe that was sought."""


@dataclass
class Clock:
    """Times that only grow: a frame's own, or one by the rate where it has none (raw streams) or goes back."""

    rate: Fraction
    time_base: Fraction
    last: int | None = None
    mended: int = 0
    """Frames whose time was not after that of the frame before."""

    def tick(self, frame: av.VideoFrame, index: int) -> int:
        """When a frame is shown, in ticks of the time base; to be asked once for each, in order."""
        stored = frame.pts if frame.time_base is not None else None
        if stored is None or (self.last is not None and stored <= self.last):
            self.mended += stored is not None
            step = 1 / self.rate / self.time_base
            stored = round(index * step) if self.last is None else max(round(self.last + step), self.last + 1)
        self.last = stored
        return stored


@dataclass(frozen=True)
class FrameIndex:
    """All frames, in the order in which they are shown: 8 bytes for each, or 16 where a file's own times go back."""

    ticks: Sequence[int]
    """When each is shown."""
    stamps: Sequence[int]
    """The time that the file has for each; as a rule, the same."""
    keys: Sequence[int]
    """Keyframes; the first frame is always among them."""
    whole: bool = True
    """Whether the file decoded to its end."""

    def keys_before(self, index: int) -> Iterator[int]:
        """The keyframes at or before a frame, the last one first."""
        return (self.keys[place] for place in range(bisect_right(self.keys, index) - 1, -1, -1))

    def numbered(self, decoder: Decoder, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Frames with their indices, from a keyframe at or before `first` on.

        Raises LookupError where one is not what the index says, and as decoding does.
        """
        for number, frame in self.sought(decoder, first) or enumerate(decoder.frames()):
            if number >= len(self.stamps) or frame.pts not in (None, self.stamps[number]):
                raise LookupError(number)
            yield number, frame

    def sought(self, decoder: Decoder, first: int) -> Iterator[tuple[int, av.VideoFrame]] | None:
        """Frames with their indices from a keyframe on; None where only the file's beginning will do."""
        for key in islice(self.keys_before(first), TRIES):
            if key == 0:
                return None
            try:
                frames = decoder.frames_from(self.stamps[key])
                landed = next((frame for frame in islice(frames, REORDERED) if frame.key_frame), None)
            except (av.FFmpegError, OSError):
                continue
            known = (index for index in self.keys_before(first) if landed and self.stamps[index] == landed.pts)
            if landed is not None and (number := next(known, None)) is not None:
                return _chained(number, landed, frames)
        return None


def _chained(number: int, frame: av.VideoFrame, others: Iterator[av.VideoFrame]) -> Iterator[tuple[int, av.VideoFrame]]:
    yield number, frame
    yield from enumerate(others, number + 1)


def read_index(decoder: Decoder, clock: Clock) -> FrameIndex:
    """The index that agrees with decoding everything; of a damaged file, as far as it decodes.

    clock: a new one.
    """
    stamps, keys, whole = _promised(decoder)
    start = _proven_start(decoder, stamps)
    if start is None:
        return _decoded(decoder, clock, FrameIndex(array("q"), array("q"), array("q")))
    stamps, keys = stamps[start:], [key for key in keys if key >= stamps[start]]
    twice = next((one for one, other in pairwise(stamps) if one == other), None)
    if twice is not None:
        keys, whole = [key for key in keys if key < twice], False
    places = array("q", sorted({0, *(bisect_left(stamps, key) for key in keys)}))
    if whole:
        return FrameIndex(stamps, stamps, places)
    # Not from the last keyframe, since packets stored after it may be shown before it.
    sure = stamps[: places[-2] + 1] if len(places) > 1 else array("q")
    return _decoded(decoder, clock, FrameIndex(sure, sure, places[:-1]))


def _promised(decoder: Decoder) -> tuple["array[int]", list[int], bool]:
    """Stamps of packets in order, those of keyframes before the first packet that cannot be trusted, and if all can."""
    stamps, keys, whole, last = array("q"), list[int](), True, None
    codec = decoder.stream.codec_context.codec
    if decoder.container.format.name == "avi" and not codec.intra_only:
        return stamps, keys, False  # its times are those of storing, not of showing
    try:
        for packet in decoder.packets():
            if not packet.size or packet.is_discard or (codec.name in ("vp8", "libvpx") and _hidden(packet)):
                continue
            if packet.dts is not None:
                if last is not None and packet.dts < last:  # several videos in a row
                    return array("q"), [], False
                last = packet.dts
            whole = whole and packet.pts is not None and not packet.is_corrupt
            if packet.pts is not None:
                stamps.append(packet.pts)
                if packet.is_keyframe and whole:
                    keys.append(packet.pts)
    except (av.FFmpegError, OSError):
        whole = False
    return array("q", sorted(stamps)), sorted(keys), whole


def _hidden(packet: "av.Packet[av.VideoStream]") -> bool:
    """Whether a packet of VP8 holds a frame that is only there to predict others from; RFC 6386, section 9.1."""
    return not memoryview(packet)[0] & 0x10


def _proven_start(decoder: Decoder, stamps: Sequence[int]) -> int | None:
    """The place of the first frame that decodes; None where the frames that follow are not as promised."""
    try:
        shown = [frame.pts for frame in islice(decoder.frames(), PROVEN)]
    except (av.FFmpegError, OSError):
        return None
    if not shown or shown[0] is None:
        return None
    start = bisect_left(stamps, shown[0])
    return start if list(stamps[start : start + PROVEN]) == shown else None


def _decoded(decoder: Decoder, clock: Clock, sure: FrameIndex) -> FrameIndex:
    """The index up to its last keyframe, and from there on what decodes."""
    ticks, stamps, keys = (array("q", part) for part in (sure.ticks, sure.stamps, sure.keys))
    start = keys[-1] if keys else 0
    numbered, whole = sure.sought(decoder, start) or enumerate(decoder.frames()), True
    try:
        for number, frame in numbered:
            if number <= start:  # where nothing could be sought, all comes again
                del ticks[number:], stamps[number:]
                clock.last = ticks[-1] if ticks else None
            tick = clock.tick(frame, number)
            ticks.append(tick)
            stamps.append(tick if frame.pts is None else frame.pts)
            if frame.key_frame and number > start and frame.pts is not None:
                keys.append(number)
    except (av.FFmpegError, OSError):
        whole = False
    if not ticks:
        return sure
    often = Counter(stamps)
    certain = (key for key in keys if often[stamps[key]] == 1)
    return FrameIndex(ticks, ticks if ticks == stamps else stamps, array("q", sorted({0, *certain})), whole)
