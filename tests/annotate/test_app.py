"""What the page asks for, answered by a project on a rendered clip."""

import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from longtake.annotate.app import build
from longtake.annotate.editors import Editors
from longtake.annotate.news import News
from longtake.annotate.project import Project, ranges
from longtake.annotate.runs import encode_mask
from longtake.data.layouts import open_dataset
from longtake.errors import OutputError, SettingError
from longtake.types import VideoInfo
from longtake.video.sinks import VideoSink

Rendered = Callable[..., tuple[list[np.ndarray], list[np.ndarray]]]
COUNT = 12


@pytest.fixture
def truth(rendered: Rendered, tmp_path: Path) -> list[np.ndarray]:
    """A clip in tmp_path/clip, and its masks."""
    images, ids = rendered(COUNT)
    (tmp_path / "clip").mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "clip" / f"{index:03d}.png")
    return ids


@pytest.fixture
def heard() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def project(truth: list[np.ndarray], tmp_path: Path, tiny_model: Path) -> Iterator[Project]:
    opened = Project(tmp_path / "project", Editors(weights=tiny_model), annotator="Ada")
    opened.add(tmp_path / "clip", coarse_rate=6.0, fine_rate=12.0)
    yield opened
    opened.close()


class Page:
    """Asks as the page does."""

    def __init__(self, project: Project, heard: list[dict[str, Any]]) -> None:
        self.project = project
        self.client = TestClient(build(project, News()))
        project.told = lambda news: heard.append(json.loads(json.dumps(news)))

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = self.client.request(method, f"/api/{path}", **({"json": body} if body is not None else {}), **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def draw(self, frame: int, name: int, mask: np.ndarray, status: int = 200, video: int = 1, **more: Any) -> Any:
        height, width = mask.shape
        body = {"object": name, "left": 0, "top": 0, "width": width, "height": height, "runs": encode_mask(mask)}
        return self("POST", f"videos/{video}/frames/{frame}/patch", body | more, status, headers={"X-Tab": "mine"})

    def shown(self, frame: int, video: int = 1) -> np.ndarray | None:
        runs = self("GET", f"videos/{video}/frames/{frame}/masks")["runs"]
        return None if runs is None else np.repeat(runs[::2], runs[1::2]).reshape(64, 96)

    def wait(self) -> Any:
        thread = self.project.jobs._thread
        assert thread is not None
        thread.join()
        return self("GET", "job")


@pytest.fixture
def page(project: Project, heard: list[dict[str, Any]]) -> Page:
    return Page(project, heard)


def test_from_an_object_to_a_data_set(page: Page, truth: list[np.ndarray], tmp_path: Path) -> None:
    assert page("GET", "project")["videos"][0]["frames"] == COUNT
    assert page("GET", "videos/1/pipeline")["coarse"] == [0, 4, 8]
    page("POST", "videos/1/run", {"step": 1}, 409)
    page.draw(0, 1, truth[0] == 1, seconds=3, strokes=2)
    page("PUT", "videos/1/objects/1", {"category": "disc", "description": "a disc that rolls"})
    page("POST", "videos/1/run", {"step": 1})
    assert page.wait() | {"job": 0} == {
        "job": 0,
        "video": 1,
        "name": "Follow, 6 a second",
        "done": COUNT - 1,
        "total": COUNT - 1,
        "seconds_left": 0.0,
        "state": "done",
        "message": "2 frames have new masks",
    }
    assert [frame for frame in range(COUNT) if page.shown(frame) is not None] == [0, 4, 8]
    assert page("GET", "videos/1/pipeline")["present"] == 2
    assert {look["frame"] for look in page("GET", "videos/1/queue")} == {0, 4, 8}
    page.draw(4, 1, truth[4] == 1, seconds=60)
    assert page("GET", "videos/1/frames/4/masks")["objects"]["1"]["origin"] == "corrected"
    page("POST", "videos/1/accept", {"frames": [0, 4, 8]})
    assert "accepted" in page.draw(4, 1, truth[4] == 2, 409)["detail"]
    page("POST", "videos/1/run", {"step": 3})
    assert page.wait()["state"] == "done"
    assert page("GET", "videos/1/pipeline")["present"] == 4
    page("POST", "videos/1/accept", {"frames": None})
    assert page("GET", "videos/1/pipeline")["steps"][3]["done"] == 6
    page("POST", "videos/1/undo")
    rows = page("GET", "videos/1/grid?columns=100")["rows"]
    assert rows[0]["origins"][:5:4] == "aa"  # a model that knows nothing may see nothing beyond
    assert [letter == "." for letter in rows[0]["origins"]] == [False, True] * 6
    effort = page("GET", "videos/1/effort")
    assert [(step["corrected"], step["seconds"], step["strokes"]) for step in effort["steps"][:2]] == [
        (1, 3.0, 2),
        (1, 60.0, 1),
    ]
    assert effort["minutes_per_500_frames"] == pytest.approx(63 / 60 / 3 * 500)
    assert {row["annotator"] for row in effort["rows"]} == {"Ada"}
    page("POST", "export", {"format": "lvos-dataset", "only_accepted": True})
    job = page.wait()
    assert job["state"] == "done", job
    (export,) = page("GET", "exports")
    assert export["name"] == job["message"]
    archive = page.client.get(f"/api/exports/{export['name']}")
    zipfile.ZipFile(io.BytesIO(archive.content)).extractall(tmp_path / "read")
    video = open_dataset(tmp_path / "read" / "lvos" / "train").videos[0]
    assert list(video.masks) == ["00000001", "00000006", "00000011"]
    assert video.objects[1].category == "disc"
    assert "a disc that rolls" in (tmp_path / "read/lvos/train/train_expression_meta.json").read_text()
    with Image.open(video.masks["00000006"]) as image:
        assert np.array_equal(np.array(image), truth[4] == 1)
    assert "Ada" in (tmp_path / "read" / "effort.csv").read_text()
    assert json.loads((tmp_path / "read" / "objects.json").read_text())["clip"]["1"]["category"] == "disc"


@pytest.mark.parametrize("form", ["masks", "coco", "ytvis", "cvat", "yolo", "overlay", "matte"])
def test_every_format_is_an_archive(page: Page, truth: list[np.ndarray], form: str) -> None:
    for frame in range(COUNT):
        page.draw(frame, 1, truth[frame] == 1)
    page("POST", "export", {"format": form})
    job = page.wait()
    assert job["state"] == "done", job
    names = zipfile.ZipFile(page.project.folder / "exports" / job["message"]).namelist()
    assert {"objects.json", "effort.csv"} < set(names)
    assert any(name.startswith(form) for name in names)
    assert not list((page.project.folder / "exports").glob(".*"))


def test_an_overlay_needs_masks_on_every_frame(page: Page, truth: list[np.ndarray]) -> None:
    page("POST", "export", {"format": "coco"})
    assert "nothing to export" in page.wait()["message"]
    page.draw(0, 1, truth[0] == 1)
    page("POST", "export", {"format": "overlay"})
    assert "1 of 12 frames have masks" in page.wait()["message"]
    page("POST", "export", {"format": "tiff"}, 400)
    page("POST", "export", {"format": "coco", "videos": [7]}, 404)


def test_a_patch_changes_its_rectangle_alone_and_is_a_step(page: Page, truth: list[np.ndarray]) -> None:
    page.draw(2, 1, truth[2] == 1)
    page.draw(2, 2, truth[2] == 2)
    before = page.shown(2)
    assert before is not None
    piece = {"object": 2, "left": 10, "top": 20, "width": 30, "height": 8, "runs": [0, 240], "tool": "brush"}
    answer = page("POST", "videos/1/frames/2/patch", piece)
    assert answer["runs"] is None
    assert answer["objects"]["2"] == {"origin": "given", "confidence": 1.0}
    after = before.copy()
    after[20:28, 10:40] = 2
    assert np.array_equal(page.shown(2), after)
    assert page("POST", "videos/1/undo")["frames"] == [2]
    assert np.array_equal(page.shown(2), before)
    assert page("POST", "videos/1/redo")["name"] == "mark object 2 on frame 2"
    assert page("POST", "videos/1/redo")["name"] is None
    page("POST", "videos/1/frames/2/patch", piece | {"left": 5, "runs": [0, 5, 235], "how": "adds"})
    after[20, 5:10] = 2
    page("POST", "videos/1/frames/2/patch", piece | {"left": 5, "runs": [3, 9, 228], "how": "takes"})
    after[20, 8:17] = 0
    assert np.array_equal(page.shown(2), after)
    nothing = page.draw(2, 1, np.zeros((64, 96), bool), tool="absent")
    assert nothing["objects"]["1"]["confidence"] is None
    for wrong, status in (
        ({"runs": [1]}, 400),
        ({"left": 80}, 400),
        ({"width": 0}, 422),
        ({"object": 0}, 422),
        ({"object": 70_000}, 422),
        ({"colour": "red"}, 422),
    ):
        page("POST", "videos/1/frames/2/patch", piece | wrong, status)
    page("POST", "videos/1/frames/99/patch", piece, 404)
    page("POST", "videos/9/frames/2/patch", piece, 404)


def test_a_box_becomes_a_mask_that_nobody_has_stored(page: Page, truth: list[np.ndarray]) -> None:
    rows, columns = np.nonzero(truth[0] == 1)
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    found = page("POST", "videos/1/frames/0/suggest", {"object": 1, "box": box})
    inside = sum(found["runs"][1::2])
    assert 0.5 < inside / len(rows) < 1.5
    assert page.shown(0) is None
    page("POST", "videos/1/frames/0/patch", found | {"object": 1, "tool": "box"})
    assert (page.shown(0) == 1).sum() == inside
    page("POST", "videos/1/frames/0/suggest", {"object": 1, "box": [0, 0, 9999, 5]}, 400)
    page("POST", "videos/1/frames/0/suggest", {"object": 1}, 400)


def test_other_pages_are_told(page: Page, truth: list[np.ndarray], heard: list[dict[str, Any]]) -> None:
    page.draw(3, 1, truth[3] == 1)
    assert [(news["frames"], news["tab"]) for news in heard if news["type"] == "changed"] == [([[3, 3]], "mine")]
    page("PUT", "videos/1/objects/1", {"name": "disc"})
    assert heard[-1]["objects"]
    page("POST", "videos/1/accept", {"frames": [3]}, headers={"X-Tab": "other"})
    assert (heard[-1]["frames"], heard[-1]["tab"]) == ([[3, 3]], "other")
    heard.clear()
    page("POST", "videos/1/spread", {"frame": 3, "to": "forward"})
    page.wait()
    changed = {f for n in heard if n["type"] == "changed" for a, b in n["frames"] for f in range(a, b + 1)}
    assert changed == {4, 8}
    assert {news["tab"] for news in heard if news["type"] == "changed"} == {None}
    assert heard[-1]["type"] == "job" or heard[-2]["type"] == "job"
    assert ranges([1, 2, 3, 5, 8, 9]) == [(1, 3), (5, 5), (8, 9)]


def test_objects_are_named_moved_and_removed(page: Page, truth: list[np.ndarray]) -> None:
    for frame in (0, 1, 2):
        page.draw(frame, 1, truth[frame] == 1)
    assert [(o["object"], o["name"], o["masks"]) for o in page("GET", "videos/1/objects")] == [(1, "object 1", 3)]
    page("PUT", "videos/1/objects/4", {"name": "the late one", "colour": "#00ff00"})
    assert page("POST", "videos/1/objects/1/relabel", {"into": 4, "first": 1, "last": 1})["frames"] == [1]
    assert [(o["object"], o["masks"]) for o in page("GET", "videos/1/objects")] == [(1, 2), (4, 1)]
    assert page("POST", "videos/1/objects/1/relabel", {"into": 0, "first": 2})["frames"] == [2]
    assert page("DELETE", "videos/1/objects/1")["frames"] == [0]
    assert [o["object"] for o in page("GET", "videos/1/objects")] == [4]
    page.draw(0, 1, truth[0] == 1)  # another object may have the id
    assert [(o["object"], o["name"]) for o in page("GET", "videos/1/objects")] == [(1, "object 1"), (4, "the late one")]
    page("POST", "videos/1/undo")
    page("DELETE", "videos/1/objects/9", status=404)
    for _ in range(4):
        page("POST", "videos/1/undo")
    assert [o["object"] for o in page("GET", "videos/1/objects")] == [1]
    page("PUT", "videos/1/objects/5", status=422, content=b'{"name": "\\ud800"}')


def test_it_is_opened_where_it_was_left(
    page: Page, project: Project, truth: list[np.ndarray], tmp_path: Path, tiny_model: Path
) -> None:
    assert page("GET", "videos/1/place") is None
    page.draw(0, 1, truth[0] == 1)
    place = page("PUT", "videos/1/place", {"frame": 7, "hidden": [1], "opacity": 0.25, "zoom": 2.0, "object": 1})
    page("PUT", "videos/1/pipeline", {"coarse_rate": 2.0, "fine_rate": None})
    project.close()
    with pytest.raises(sqlite3.ProgrammingError):
        project.store.videos()
    again = Project(tmp_path / "project", Editors())
    assert again.add(tmp_path / "clip") == 1
    other = Page(again, [])
    assert other("GET", "project")["current"] == 1
    assert other("GET", "videos/1/place") == place
    assert other("GET", "videos/1/pipeline")["settings"] == {"coarse_rate": 2.0, "fine_rate": None, "look": "all"}
    assert np.array_equal(other.shown(0), np.where(truth[0] == 1, 1, 0))
    assert other("POST", "videos/1/undo")["frames"] == [0]
    again.close()


def test_several_videos_share_a_project(page: Page, project: Project, truth: list[np.ndarray], tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "clip", tmp_path / "other" / "clip")
    assert project.add(tmp_path / "other" / "clip") == 2
    assert [video["name"] for video in page("GET", "project")["videos"]] == ["clip", "clip 2"]
    page.draw(0, 1, truth[0] == 1)
    page.draw(0, 2, truth[0] == 2, video=2)
    assert not np.array_equal(page.shown(0), page.shown(0, 2))
    page("POST", "videos/2/undo")
    assert page.shown(0) is not None
    assert page.shown(0, 2) is None


def test_a_video_that_vanishes_is_told_and_its_masks_stay(
    page: Page, project: Project, truth: list[np.ndarray], tmp_path: Path
) -> None:
    page.draw(5, 1, truth[5] == 1)
    assert page.client.get("/api/videos/1/frames/5/image").headers["content-type"] == "image/jpeg"
    (tmp_path / "clip").rename(tmp_path / "away")
    assert "is gone; put it back" in page("GET", "project")["videos"][0]["problem"]
    assert "006" in page("GET", "videos/1/frames/6/image", status=410)["detail"]
    assert page.shown(5) is not None
    page.draw(5, 2, truth[5] == 2)
    page("POST", "videos/1/spread", {"frame": 5})
    assert page.wait()["state"] == "failed"
    again = Page(Project(project.folder, Editors()), [])
    assert "is gone" in again("GET", "videos/1/frames/5/masks", status=410)["detail"]
    (tmp_path / "away").rename(tmp_path / "clip")
    assert page.client.get("/api/videos/1/frames/6/image").status_code == 200
    assert again.shown(5) is not None
    again.project.close()


def test_videos_are_uploaded_and_what_is_none_is_refused(page: Page, rendered: Rendered, tmp_path: Path) -> None:
    images, _ = rendered(5)
    with VideoSink(tmp_path / "clip.mp4", VideoInfo("clip", 5, Fraction(10), Fraction(1, 10))) as sink:
        for index, image in enumerate(images):
            sink.add(image, Fraction(index, 10))
    content = (tmp_path / "clip.mp4").read_bytes()
    for expected in ("clip.mp4", "clip 2.mp4"):
        video = page("POST", "videos?name=../../clip.mp4", content=content)
        assert video["frames"] == 5
        assert Path(video["source"]) == page.project.folder / "videos" / expected
    before = page("GET", "project")
    assert "not a readable video" in page("POST", "videos?name=no.mp4", content=b"nothing", status=400)["detail"]
    page("POST", "videos?name=cut.mp4", content=content[:2000], status=400)
    assert page("GET", "project") == before
    assert sorted(path.name for path in (page.project.folder / "videos").iterdir()) == ["clip 2.mp4", "clip.mp4"]


def test_proposals_are_a_start_that_pins_nothing(page: Page, truth: list[np.ndarray], tmp_path: Path) -> None:
    def packed(frames: dict[str, np.ndarray]) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, labels in frames.items():
                image = io.BytesIO()
                Image.fromarray(labels.astype(np.uint8)).save(image, "PNG")
                archive.writestr(f"{name}.png", image.getvalue())
        return content.getvalue()

    page.draw(4, 1, truth[4] == 1)
    drawn = page.shown(4)
    content = packed({"000": truth[0], "004": truth[0], "008": truth[8]})
    assert page("POST", "videos/1/proposals?name=masks.zip", content=content)["frames"] == [0, 4, 8]
    assert np.array_equal(page.shown(8), truth[8])
    assert np.array_equal(page.shown(4) == 1, drawn == 1)
    assert page("GET", "videos/1/frames/8/masks")["objects"]["1"]["origin"] == "imported"
    assert page("GET", "videos/1/pipeline")["present"] == 2
    stands = [page("GET", f"videos/1/frames/{frame}/masks") for frame in range(COUNT)]
    wrong = packed({"000": truth[1], "001": np.ones((8, 8))})
    assert "8x8" in page("POST", "videos/1/proposals?name=masks.zip", content=wrong, status=400)["detail"]
    page("POST", "videos/1/proposals?name=masks.txt", content=b"no", status=400)
    assert [page("GET", f"videos/1/frames/{frame}/masks") for frame in range(COUNT)] == stands
    assert page("POST", "videos/1/undo")["count"] == 3
    assert page.shown(8) is None
    assert not list(page.project.folder.glob(".scratch*"))


def test_a_check_compares_what_is_annotated_again(page: Page, truth: list[np.ndarray]) -> None:
    page("POST", "videos/1/checks", {"count": 2}, 400)
    for frame in (0, 4, 8):
        page.draw(frame, 1, truth[frame] == 1)
    page("POST", "videos/1/accept", {"frames": [0, 4, 8]})
    check = page("POST", "videos/1/checks", {"count": 2, "seed": 1}, headers={"X-Annotator": "B%C3%A9a"})
    number, frames = check["video"], check["check"]["frames"]
    assert (check["check"]["annotator"], check["check"]["reference"], len(frames)) == ("Béa", 1, 2)
    assert page.shown(frames[0], number) is None
    assert page("GET", "videos/1/quality")["mean"] is None
    half = (truth[frames[0]] == 1) & (np.arange(64)[:, None] < 32)
    for frame, mask in zip(frames, (truth[frames[0]] == 1, half), strict=True):
        page.draw(frame, 1, mask, video=number)
    page("POST", f"videos/{number}/accept", {"frames": frames[:1]})
    quality = page("GET", "videos/1/quality")
    assert (quality["mean"], quality["paper"], quality["annotators"]) == (
        1.0,
        0.95,
        [{"annotator": "Béa", "frames": 1, "mean": 1.0}],
    )
    page("POST", f"videos/{number}/accept", {"frames": frames[1:]})
    whole = truth[frames[1]] == 1
    expected = (half & whole).sum() / (half | whole).sum()
    assert page("GET", "videos/1/quality")["rows"][1]["j"] == pytest.approx(expected)
    page("POST", f"videos/{number}/checks", {"count": 1}, 400)


def test_a_job_is_stopped_and_what_was_accepted_stays(page: Page, truth: list[np.ndarray]) -> None:
    page.draw(0, 1, truth[0] == 1)
    page("POST", "videos/1/accept", {"frames": [0]})
    stands = page.shown(0)
    page("POST", "videos/1/run", {"step": 1})
    assert "still" in page("POST", "videos/1/run", {"step": 1}, 409)["detail"]
    page("POST", "job/stop")
    assert page.wait()["state"] in ("stopped", "done")
    assert np.array_equal(page.shown(0), stands)
    assert page("GET", "videos/1/frames/0/masks")["accepted"]


def test_a_full_disk_is_told_and_the_project_stays_whole(
    page: Page, project: Project, truth: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    page.draw(0, 1, truth[0] == 1)
    stands = page.shown(0)

    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        assert "is the disk full?" in page.draw(0, 1, truth[0] == 2, 507)["detail"]
    base = project.desk(1).history._base
    base.execute(f"PRAGMA max_page_count = {base.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(OutputError):
        for frame in range(COUNT):
            project.desk(1).annotation.give(frame, dict.fromkeys(range(1, 500), truth[frame] == 1), again=True)
    base.execute("PRAGMA max_page_count = 1000000")
    while not np.array_equal(page.shown(0), stands):
        assert page("POST", "videos/1/undo")["name"] is not None
    page.draw(1, 1, truth[1] == 1)


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    base = sqlite3.connect(tmp_path / "project" / "project.sqlite")
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(SettingError, match="of a later longtake"):
        Project(tmp_path / "project", Editors())


def test_another_program_can_read_the_store(page: Page, truth: list[np.ndarray]) -> None:
    page.draw(0, 1, truth[0] == 1)
    page.draw(1, 2, truth[1] == 2)
    page("POST", "videos/1/accept", {"frames": [1]})
    page("PUT", "videos/1/objects/1", {"category": "disc"})
    base = sqlite3.connect(page.project.folder / "project.sqlite")
    rows = base.execute("SELECT frame, object, origin, confidence, file FROM mask").fetchall()
    assert [row[:4] for row in rows] == [(0, 1, "given", 1.0), (1, 2, "accepted", 1.0)]
    assert all((page.project.folder / "masks" / row[4]).is_file() for row in rows)
    assert base.execute("SELECT object, category FROM object").fetchall() == [(1, "disc")]
    assert base.execute("SELECT count(*) FROM event").fetchone() == (2,)
    base.close()
