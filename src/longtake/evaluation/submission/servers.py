"""What the servers of the benchmarks take, as data: which frames and ids, and how they lie in an archive.

DAVIS 2017 and MOSE want the videos' folders at the top (the program of DAVIS's server refuses anything else),
YouTube-VOS below a folder `Annotations`. For LVOS that is what others hand in; its server's own program is not public.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from longtake.data.dataset import Layout
from longtake.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Server:
    """A benchmark's server."""

    name: str
    layouts: tuple[Layout, ...]
    """Of data sets whose predictions it takes."""
    splits: tuple[str, ...]
    """The splits it scores; the first that is there is taken where none is named."""
    folder: str = ""
    """The folder that holds those of the videos; none where they lie at the top."""
    frames: Literal["all", "listed"] = "all"
    """Every frame of a video, or those that the metadata lists for any of its objects."""
    ids: Literal["first mask", "all masks", "metadata"] = "all masks"
    """What says which ids there may be; all masks where metadata is meant and there is none."""
    year: str | None = None
    """Whose lists of sequences a DAVIS folder is read by."""

    def path(self, video: str, frame: str) -> str:
        """Where a prediction lies."""
        return "/".join([*([self.folder] if self.folder else []), video, f"{frame}.png"])


SERVERS: Mapping[str, Server] = {
    server.name: server
    for server in (
        Server(
            name="davis",
            layouts=("davis",),
            splits=("test-dev", "test-challenge", "val"),
            ids="first mask",
            year="2017",
        ),
        Server(
            name="youtube-vos",
            layouts=("youtube-vos",),
            splits=("valid", "test"),
            folder="Annotations",
            frames="listed",
            ids="metadata",
        ),
        Server(
            name="lvos",
            layouts=("lvos", "mose"),
            splits=("test", "valid", "val"),
            folder="Annotations",
            ids="metadata",
        ),
        Server(name="mose", layouts=("mose",), splits=("valid", "test")),
    )
}


def find_server(name: str) -> Server:
    """The server of a name. Raises SettingError listing all."""
    if name not in SERVERS:
        raise SettingError(f"--to {name}: not a format; use one of: {', '.join(SERVERS)}")
    return SERVERS[name]
