"""The frames of a video beside their masks, for pictures made of both."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from longtake.errors import MaskError, SourceError
from longtake.export.exchange import MaskVideo
from longtake.types import Frame
from longtake.video.ahead import read_ahead
from longtake.video.source import Source
from longtake.video.sources import is_address, open_source


def footage(video: MaskVideo, given: str | None = None) -> Source:
    """The video that masks are of: the given one, or that of the run's record. Raises SourceError."""
    address = given or video.source
    if address is None:
        raise SourceError(f"{video.name}: nothing tells where the video is; add --source VIDEO")
    if given is None and (address.isdigit() or is_address(address)):
        raise SourceError(f"{video.name}: {address} is a camera or a stream, which is over; add --source VIDEO")
    if not is_address(address) and not Path(address).exists():
        hint = "" if given else " (so run.json says); add --source VIDEO"
        raise SourceError(f"{address}: no such file or folder{hint}")
    return open_source(address, video.span)


def beside(source: Source, video: MaskVideo) -> Iterator[tuple[Frame, int | None]]:
    """Every frame with the place of its masks among `stills`, None where it has none.

    They are the same by name, or by number. Raises MaskError where sizes differ or masks are left over.
    """
    places = {still.name: place for place, still in enumerate(video.stills)}
    numbers = {int(name): place for name, place in places.items() if name.isdecimal()}
    left = set(places.values())
    with closing(read_ahead(source)) as frames:
        for frame in frames:
            number = int(frame.name) if frame.name.isdecimal() else frame.index
            place = places.get(frame.name, numbers.get(number))
            if place is not None:
                left.discard(place)
                (height, width), size = frame.size, video.stills[place].size
                if frame.size != size:
                    raise MaskError(
                        f"{video.name}, frame {frame.name}: masks of {size[1]}x{size[0]} pixels, but the video has "
                        f"{width}x{height}"
                    )
            yield frame, place
    if left:
        names = ", ".join(video.stills[place].name for place in sorted(left)[:3])
        raise MaskError(f"{video.name}: {len(left)} masks fit no frame of the video (first: {names})")
