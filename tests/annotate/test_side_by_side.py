"""What happens at the same time in a project, and what a server leaves that was killed."""

import asyncio
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.testclient import TestClient

import apart
from longtake.annotate import app, deliver
from longtake.annotate.app import add_video, build
from longtake.annotate.desk import Desk
from longtake.annotate.editors import Editors
from longtake.annotate.jobs import Progress, Stopped
from longtake.annotate.news import News
from longtake.annotate.project import Project
from longtake.annotate.runs import encode_mask

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]


@pytest.fixture
def truth(rendered: Rendered, tmp_path: Path) -> list[np.ndarray]:
    """A clip in tmp_path/clip, and its masks."""
    images, ids = rendered(3)
    (tmp_path / "clip").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "clip" / f"{index:03d}.png")
    return ids


@pytest.fixture
def project(truth: list[np.ndarray], tmp_path: Path) -> Iterator[Project]:
    opened = Project(tmp_path / "a project, ü", Editors(), annotator="Ada")
    opened.add(tmp_path / "clip")
    yield opened
    opened.close()


def drawn(client: TestClient, mask: np.ndarray) -> None:
    height, width = mask.shape
    body = {"object": 1, "left": 0, "top": 0, "width": width, "height": height, "runs": encode_mask(mask)}
    answer = client.post("/api/videos/1/frames/0/patch", json=body, headers={"X-Tab": "mine"})
    assert answer.status_code == 200, answer.text


def test_news_of_a_call_without_a_tab_are_nobodys_own(
    project: Project, truth: list[np.ndarray], tmp_path: Path
) -> None:
    """Threads serve one call after the other: what one said of itself does not hold for the next."""
    heard = list[dict[str, Any]]()
    with TestClient(build(project, News())) as client:
        project.told = lambda news: heard.append(dict(news))
        drawn(client, truth[0] == 1)
        assert heard.pop()["tab"] == "mine"
        with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive, archive.open("1.png", "w") as file:
            Image.fromarray(truth[1].astype(np.uint8)).save(file, "PNG")
        path = "/api/videos/1/proposals?name=masks.zip"
        assert client.post(path, content=(tmp_path / "masks.zip").read_bytes()).status_code == 200
        assert {news["tab"] for news in heard} == {None}
        heard.clear()
        whose = {"X-Tab": "theirs"}
        Image.fromarray(truth[2].astype(np.uint8)).save(tmp_path / "2.png")
        with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
            archive.write(tmp_path / "2.png", "2.png")
        client.post(path, content=(tmp_path / "masks.zip").read_bytes(), headers=whose)
        assert {news["tab"] for news in heard} == {"theirs"}


def test_an_object_is_not_removed_while_it_is_followed(project: Project, truth: list[np.ndarray]) -> None:
    """Else it would come back on the frames that follow."""
    gate = threading.Event()

    def work(progress: Progress) -> None:
        gate.wait()

    with TestClient(build(project, News())) as client:
        drawn(client, truth[0] == 1)
        project.jobs.start(1, "Follow", work)
        try:
            removed = client.delete("/api/videos/1/objects/1")
            moved = client.post("/api/videos/1/objects/1/relabel", json={"into": 5})
        finally:
            gate.set()
        project.jobs.stop(wait=True)
        assert (removed.status_code, moved.status_code) == (409, 409)
        assert removed.json()["detail"] == "Follow is still going on; wait, or stop it first"
        assert client.delete("/api/videos/1/objects/1").status_code == 200


def test_a_video_is_opened_once_however_many_ask_at_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that each hold its masks would not see each other's edits."""
    made, asked = list[Desk](), list[Desk]()
    add = project.store.add
    threads = list[threading.Thread]()

    def slowly(*args: Any) -> int:
        number = add(*args)
        threads.append(threading.Thread(target=lambda: asked.append(project.desk(number))))
        threads[-1].start()
        time.sleep(0.2)
        return number

    monkeypatch.setattr(project.store, "add", slowly)
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (96, 64)).save(other / "0.png")
    made.append(project.desk(project.add(other)))
    threads[0].join()
    assert asked == made


def test_an_upload_that_is_cut_off_while_it_is_added_leaves_no_video_without_a_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is stopped, but the thread that reads the video goes on."""
    (entered, gate, ended), numbers = (threading.Event() for _ in range(3)), list[bool]()

    def add(path: Path) -> int:
        entered.set()
        gate.wait(5)
        numbers.append(path.exists())
        ended.set()
        return 1

    async def receive(request: Request, path: Path, room: int) -> None:
        path.write_bytes(b"video")

    monkeypatch.setattr(project, "add", add)
    monkeypatch.setattr(app, "_receive", receive)

    async def run() -> None:
        task = asyncio.create_task(add_video(Request({"type": "http"}), project, "clip.mp4"))
        while not entered.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.05)
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(ended.wait, 5)

    apart.run(run())
    assert numbers == [True]
    assert (project.folder / "videos" / "clip.mp4").read_bytes() == b"video"


def test_what_a_killed_server_left_is_gone_when_it_is_opened_again(project: Project) -> None:
    project.close()
    folder = project.folder
    left = [".scratch-1/masks.zip", "videos/.clip.mp4.partial", "videos/clip.mp4", "exports/.coco-1.zip.partial"]
    left += ["exports/.coco-1/coco.json", "masks/.new-1/a.png", "masks/.a.png.partial"]
    kept = ["videos/other.mp4", "exports/coco-1.zip", "masks/a.png", ".notes", "notes/.x.partial"]
    for name in (*left, *kept):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "videos/clip.mp4" else b"x")
    Project(folder, Editors()).close()
    assert not [name for name in left if (folder / name).exists()]
    assert not [name for name in left if "/" in name and name[0] == "." and (folder / name).parent.exists()]
    assert all((folder / name).exists() for name in kept)


def test_an_archive_is_stopped_and_leaves_nothing(project: Project, truth: list[np.ndarray]) -> None:
    with TestClient(build(project, News())) as client:
        drawn(client, truth[0] == 1)

        def report(done: int, count: int | None) -> None:
            if any((project.folder / "exports").glob("*.zip.partial")) or any(
                (project.folder / "exports").glob(".*zip*")
            ):
                raise Stopped

        (project.folder / "exports").mkdir()
        with pytest.raises(Stopped):
            deliver.deliver([project.desk(1)], "masks", False, project.folder / "exports", report)
        assert list((project.folder / "exports").iterdir()) == []


def test_masks_of_many_frames_are_given_at_once(project: Project, truth: list[np.ndarray], tmp_path: Path) -> None:
    """What was given before is looked up once, not for each frame."""
    counted = list[int]()
    given = type(project.desk(1).annotation).given.fget
    assert given is not None
    (tmp_path / "masks").mkdir()
    for frame, labels in enumerate(truth):
        Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "masks" / f"{frame:03d}.png")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            type(project.desk(1).annotation), "given", property(lambda self: counted.append(1) or given(self))
        )
        project.add(tmp_path / "clip", tmp_path / "masks")
    assert len(counted) == 1
    assert sorted(project.desk(1).annotation.given) == [0, 1, 2]


def test_a_video_that_is_slow_to_open_holds_no_other_up(
    project: Project, truth: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose frames are told by decoding it to its end."""
    gate, entered, made = threading.Event(), threading.Event(), list[Desk]()
    project.desk(1).annotation.give(0, truth[0])
    project.desk(1).annotation.accept(0)
    number = project.check(1, 1, None, "Ada")
    project._desks.pop(number).close()
    opened = project._desk

    def slowly(*args: Any) -> Desk:
        entered.set()
        assert gate.wait(5)
        return opened(*args)

    monkeypatch.setattr(project, "_desk", slowly)
    threads = [threading.Thread(target=lambda: made.append(project.desk(number))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert entered.wait(5)
    other = threading.Thread(target=lambda: made.append(project.desk(1)))
    other.start()
    other.join(2)
    assert [desk.entry.video for desk in made] == [1]
    gate.set()
    for thread in threads:
        thread.join()
    assert made[1] is made[2]
