"""The sound of a source beside the video made from it."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.audio.resampler import AudioResampler

if TYPE_CHECKING:
    Packet = av.Packet[av.AudioStream]

COPIED = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"})
"""What an MP4 file holds as it is; anything else becomes AAC."""


class Sound:
    """The first sound track of a file, muxed along with the pictures up to their time."""

    def __init__(self, path: Path, output: av.container.OutputContainer, origin: Fraction) -> None:
        """origin: the second of the source that is the output's beginning."""
        self.output, self.origin = output, origin
        self.source = av.open(str(path))
        track = self.source.streams.audio[0]
        copied = track.codec_context.name in COPIED
        self.stream = (
            output.add_stream_from_template(track)
            if copied
            else output.add_stream("aac", rate=track.codec_context.sample_rate)
        )
        self.packets = self._copied(track) if copied else self._encoded(track)
        self.waiting: Packet | None = None

    def until(self, seconds: Fraction) -> None:
        """Mux what begins before this second of the source."""
        while (packet := self.waiting or next(self.packets, None)) is not None:
            self.waiting = packet
            if packet.dts is not None and packet.dts * Fraction(packet.time_base) + self.origin >= seconds:
                return
            self.output.mux(packet)
            self.waiting = None

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()

    def _copied(self, track: av.AudioStream) -> "Iterator[Packet]":
        for packet in self._intact(track):
            shift = round(self.origin / Fraction(packet.time_base))
            packet.pts, packet.dts = (packet.pts or 0) - shift, (packet.dts or 0) - shift
            packet.stream = self.stream
            if self.origin == 0 or packet.pts >= 0:
                yield packet

    def _encoded(self, track: av.AudioStream) -> "Iterator[Packet]":
        wanted = self.stream.codec_context
        resampler = AudioResampler(wanted.format, wanted.layout, wanted.sample_rate)
        for packet in self._intact(track):
            for frame in packet.decode():
                for ready in resampler.resample(frame):
                    if ready.pts is None or ready.time_base is None:
                        continue
                    ready.pts -= round(self.origin / Fraction(ready.time_base))
                    if ready.pts >= 0:
                        yield from self.stream.encode(ready)
        yield from self.stream.encode(None)

    def _intact(self, track: av.AudioStream) -> "Iterator[Packet]":
        """Packets as far as they can be read: sound ends where a damaged file breaks."""
        try:
            for packet in self.source.demux(track):
                if packet.dts is not None and packet.pts is not None:
                    yield packet
        except (av.FFmpegError, OSError):
            return
