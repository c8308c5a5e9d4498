"""The sound of a source beside the video made from it: never a reason for that video to fail."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.audio.resampler import AudioResampler

if TYPE_CHECKING:
    Packet = av.Packet[av.AudioStream]

log = logging.getLogger("longtake")


@dataclass(frozen=True)
class Track:
    """What sound a kind of file takes; by default as MP4 does."""

    copied: frozenset[str] = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"})
    """What it holds as it is."""
    codec: str = "aac"
    """What anything else becomes."""
    rates: tuple[int, ...] = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
    """Samples per second that its players know."""
    early: bool = True
    """Whether it holds what comes before 0, as the first packets of AAC do, without shifting the pictures."""


TROUBLE = (av.FFmpegError, OSError, ValueError, AttributeError)
"""What PyAV raises on tracks that are damaged, or that it has no decoder for (whose context is None)."""


class Sound:
    """The first sound track of a file, muxed along with the pictures up to their time, as far as it is sound."""

    def __init__(
        self, path: Path, output: av.container.OutputContainer, origin: Fraction, kind: Track | None = None
    ) -> None:
        """origin: the second of the source that is the output's beginning."""
        self.path, self.output, self.origin, self.kind = path, output, origin, kind or Track()
        self.source: av.container.InputContainer | None = None
        self.waiting: Packet | None = None
        self.last: int | None = None
        try:
            self.source = av.open(str(path))
            track = self.source.streams.audio[0]
            self.packets = self._copied(track) if track.codec_context.name in self.kind.copied else self._encoded(track)
        except TROUBLE as error:
            self._give_up(error)

    def until(self, seconds: Fraction) -> None:
        """Mux what begins before this second of the source."""
        try:
            while self.source is not None and (packet := self.waiting or next(self.packets, None)) is not None:
                self.waiting = packet
                if (packet.dts or 0) * Fraction(packet.time_base or 0) + self.origin >= seconds:
                    return
                self.waiting = None
                if self.last is None or (packet.dts or 0) > self.last:  # joined recordings go back in time
                    self.last = packet.dts
                    self.output.mux(packet)
        except TROUBLE as error:
            self._give_up(error)

    def close(self) -> None:
        """Let go of the source."""
        if self.source is not None:
            self.source.close()
            self.source = None

    def _give_up(self, error: Exception) -> None:
        log.warning("%s: its sound is left out from here on (%s)", self.path, getattr(error, "strerror", error))
        self.close()

    def _copied(self, track: av.AudioStream) -> "Iterator[Packet]":
        stream = self.output.add_stream_from_template(track)
        return self._shifted(track, stream)

    def _shifted(self, track: av.AudioStream, stream: av.AudioStream) -> "Iterator[Packet]":
        for packet in self._intact(track):
            shift = round(self.origin / Fraction(packet.time_base or 1))
            packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift
            packet.stream = stream
            if packet.pts >= 0 or (self.origin == 0 and self.kind.early):
                yield packet

    def _encoded(self, track: av.AudioStream) -> "Iterator[Packet]":
        have = track.codec_context.sample_rate
        stream = self.output.add_stream(self.kind.codec, rate=min(self.kind.rates, key=lambda rate: abs(rate - have)))
        assert isinstance(stream, av.AudioStream)
        return self._resampled(track, stream)

    def _resampled(self, track: av.AudioStream, stream: av.AudioStream) -> "Iterator[Packet]":
        """Samples are counted from the first one's time: what a damaged packet lacks, closes up."""
        wanted = stream.codec_context
        resampler, tick = (
            AudioResampler(wanted.format, wanted.layout, wanted.sample_rate),
            Fraction(1, wanted.sample_rate),
        )
        place: int | None = None
        for frame in self._samples(track):
            if place is None and frame.pts is not None and frame.time_base is not None:
                place = round((frame.pts * Fraction(frame.time_base) - self.origin) / tick)
            for ready in resampler.resample(frame):
                ready.pts, ready.time_base = place or 0, tick
                place = (place or 0) + ready.samples
                if ready.pts >= 0:
                    yield from stream.encode(ready)
        yield from stream.encode(None)

    def _samples(self, track: av.AudioStream) -> Iterator[av.AudioFrame]:
        for packet in self._intact(track):
            try:
                frames = packet.decode()
            except TROUBLE:
                continue
            yield from (frame for frame in frames if isinstance(frame, av.AudioFrame))

    def _intact(self, track: av.AudioStream) -> "Iterator[Packet]":
        """Packets as far as they can be read: sound ends where a damaged file breaks."""
        assert self.source is not None
        try:
            for packet in self.source.demux(track):
                if packet.dts is not None and packet.pts is not None:
                    yield packet
        except (av.FFmpegError, OSError):
            return
