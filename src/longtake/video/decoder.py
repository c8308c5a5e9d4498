"""A video file that is open: packets and frames from its beginning, or frames from a time on."""

from collections.abc import Callable, Iterator

import av

Opened = tuple[av.container.InputContainer, av.VideoStream]


class Decoder:
    """One container at a time; reading from the beginning again opens it anew, since not all can be wound back."""

    def __init__(self, opening: Callable[[], Opened]) -> None:
        self._opening, self._fresh = opening, True
        self.container, self.stream = opening()

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self.container.close()

    def packets(self) -> Iterator["av.Packet[av.VideoStream]"]:
        """All packets, in the order in which they are stored."""
        self._rewind()
        return self.container.demux(self.stream)

    def frames(self) -> Iterator[av.VideoFrame]:
        """All frames, in the order in which they are shown."""
        self._rewind()
        return _decoded(self.container, self.stream)

    def frames_from(self, stamp: int) -> Iterator[av.VideoFrame]:
        """Frames from a keyframe at or before a time on, in ticks of the stream, if the file can be sought in.

        Where some are shown before the keyframe and stored after it, they may be missing or spoiled.
        """
        self._fresh = False
        self.container.seek(stamp, stream=self.stream)
        return _decoded(self.container, self.stream)

    def _rewind(self) -> None:
        if not self._fresh:
            self.close()
            self.container, self.stream = self._opening()
        self._fresh = False


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Frames as they decode; at a break, those that the decoder still holds come before its error.

    Not by threads that take a frame each: at a break those lose frames, and the error with them.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except (av.FFmpegError, OSError):
            yield from _drained(stream)
            raise
        if packet is None:
            return
        yield from frames


def _drained(stream: av.VideoStream) -> list[av.VideoFrame]:
    try:
        return list(stream.codec_context.decode(None))
    except (av.FFmpegError, OSError):
        return []
