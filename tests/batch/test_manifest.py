"""Manifests as people write them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.batch.manifest import Job, read_manifest
from longtake.errors import SettingError, UnfitError


def write(folder: Path, text: str, name: str = "videos.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_manifest_and_names_are_the_sources_own(tmp_path: Path) -> None:
    (tmp_path / "frames.x").mkdir()
    path = write(
        tmp_path, "source,masks,name,size\na/one.mp4,a/one.png,,native\nframes.x,/m.png,,\nb.mkv,m,other,240\n"
    )
    one, frames, other = read_manifest(path, {"size": "360", "save": ""})
    assert (one.source, one.masks) == (str(tmp_path / "a/one.mp4"), tmp_path / "a/one.png")
    assert [job.name for job in (one, frames, other)] == ["one", "frames.x", "other"]
    assert [job.size for job in (one, frames, other)] == [None, 360, 240]
    assert frames.masks == Path("/m.png")
    assert one.save == ""


def test_json_lines(tmp_path: Path) -> None:
    lines = [{"source": "a.mp4", "masks": "a.png", "size": None, "start": "0:10"}, {"source": "b.mp4", "masks": "b"}]
    path = write(tmp_path, "\n\n".join(map(json.dumps, lines)), "videos.jsonl")
    first, second = read_manifest(path, {})
    assert (first.start, first.size, second.start) == ("0:10", 480, None)


def test_an_address_needs_a_name(tmp_path: Path) -> None:
    path = write(tmp_path, "source,masks,name\nrtsp://camera/1,m.png,door\nrtsp://camera/2,m.png,\n")
    with pytest.raises(UnfitError, match=r"line 3: rtsp://camera/2 has no name of its own"):
        read_manifest(path, {})


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "source,masks,name,size,colour\n"
        "a.mp4,a.png,,12,\n"
        "b.mp4,,,,\n"
        "c.mp4,c.png,,,red\n"
        "d.mp4,d.png,../up,,\n"
        "e.mp4,e.png,,,,more\n"
        "f.mp4,f.png,,,\n"
        "sub/f.mp4,f.png,,,\n",
    )
    with pytest.raises(UnfitError) as caught:
        read_manifest(path, {})
    words = [problem.removeprefix(f"{path}, ") for problem in caught.value.problems]
    assert words[0].startswith("line 2: size 12: input should be greater than or equal to 16")
    assert words[1] == "line 3: no masks"
    assert words[2].startswith("line 4: colour is no setting; there are: source, masks, name, model")
    assert words[3] == "line 5: name ../up: the name of a folder, without / and not beginning with a dot"
    assert words[4] == "line 6: more cells than the first line has names"
    assert words[5] == "line 8: the name f is that of line 7, too; add a column `name`"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "", "no videos"),
        ("a.csv", "source,masks\n", "no videos"),
        ("a.jsonl", "\n", "no videos"),
        ("a.jsonl", "[1]\n", "line 1: no object"),
        ("a.jsonl", "{'source'}\n", "line 1: no JSON"),
        ("b.csv", None, "no manifest can be read"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    path = tmp_path / name if text is None else write(tmp_path, text, name)
    with pytest.raises((SettingError, UnfitError), match=words):
        read_manifest(path, {})


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\\\0\r\n"), min_size=1).map(str.strip))
def test_any_name_of_a_folder_survives_json(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = tmp_path_factory.mktemp("any") / "videos.jsonl"
    path.write_text(json.dumps({"source": "a.mp4", "masks": "a.png", "name": name}), encoding="utf-8")
    if name.startswith("."):
        with pytest.raises(UnfitError, match="line 1: name"):
            read_manifest(path, {})
    else:
        assert read_manifest(path, {})[0].name == (name or "a")


def test_a_job_survives_its_record() -> None:
    job = Job(source="/a.mp4", masks=Path("/a.png"), name="a", size=240)
    assert Job(**json.loads(job.model_dump_json())) == job
