"""From an empty project to a data set on disk, by what is written on the buttons."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from longtake.annotate.editors import Editors
from longtake.data.layouts import open_dataset
from workbench import Server, Tab, until


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """An empty project with the model that comes along."""
    served = Server(tmp_path / "project", Editors())
    served.start()
    yield served
    served.stop()


def accept(tab: Tab, server: Server, frames: int) -> None:
    """Press the button that says so until there are no more."""
    accepted = server.project.desk(1).annotation
    before = len(accepted.accepted)
    for count in range(1, frames + 1):
        expect(tab.find("next")).to_have_text("Accept this frame")
        frame = tab.state("frame")
        tab.find("next").click()
        until(lambda count=count: len(accepted.accepted) == before + count)
        if count < frames:
            until(lambda frame=frame: tab.state("frame") != frame)
        tab.settle()


def test_a_newcomer_gets_from_a_video_to_a_data_set(
    tabs: Callable[..., Tab], clip: Path, server: Server, tmp_path: Path, rendered: Callable
) -> None:
    tab = tabs()
    page = tab.page
    truth = rendered(12)[1]

    expect(page.get_by_text("No video yet")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add a video").first.click()
    chooser.value.set_files(clip)
    expect(tab.find("first-use")).to_be_visible()
    tab.settle()

    next_ = tab.find("next")
    expect(next_).to_have_text("Draw the object")
    page.get_by_role("button", name=re.compile("^Box")).click()
    rows, columns = np.nonzero(truth[0] == 1)
    tab.stroke((columns.min() - 2, rows.min() - 2), (columns.max() + 3, rows.max() + 3))
    until(lambda: server.ids(0).any())
    page.get_by_role("button", name="Brush", exact=True).click()
    tab.find("size").fill("1.1")
    middle = (columns.mean(), rows.mean())
    tab.stroke(middle, (middle[0] + 2, middle[1]))
    found = server.ids(0) == 1
    assert (found & (truth[0] == 1)).sum() / (found | (truth[0] == 1)).sum() > 0.8

    expect(next_).to_have_text("Follow it: 1 mask a second")
    next_.click()
    tab.job_done()
    expect(next_).to_have_text("Accept this frame")
    expect(tab.find("step-2")).to_have_attribute("data-total", "2")

    # the second kept frame is corrected, then both are accepted
    tab.find("queue-6").click()
    tab.settle()
    tab.stroke((3, 60), (9, 60))
    expect(tab.find("object-1")).to_contain_text("corrected")
    accept(tab, server, 2)
    expect(next_).to_have_text("Fill in between: 6 masks a second")
    next_.click()
    tab.job_done()
    expect(tab.find("step-3")).to_have_attribute("data-done", "12")

    # once more, with names
    tab.go(3).stroke((90, 3), (92, 3))
    tab.find("object-1").click()
    tab.find("object-1-name").fill("the ball")
    tab.find("object-1-category").fill("ball")
    tab.find("object-1-description").fill("a red and yellow ball that turns as it crosses")
    page.get_by_text("Objects", exact=True).click()
    tab.settle()
    expect(tab.find("timeline")).to_contain_text("the ball")
    accept(tab, server, 10)
    expect(next_).to_have_text("Export the masks")
    next_.click()
    tab.find("dialog-export").get_by_label("Format").select_option("lvos-dataset")
    tab.find("export-start").click()
    link = tab.find("exports").get_by_role("link")
    with page.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path / "read")

    (video,) = open_dataset(tmp_path / "read" / "lvos" / "train").videos
    assert video.name == "walk" and len(video.masks) == 12
    assert video.objects[1].category == "ball"
    captions = (tmp_path / "read/lvos/train/train_expression_meta.json").read_text()
    assert "a red and yellow ball that turns as it crosses" in captions and json.loads(captions)
    for index, path in enumerate(video.masks.values()):
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.array(image), server.ids(index))
    assert (server.ids(6)[60, 3:9] == 1).all() and (server.ids(3)[3, 90:92] == 1).all()
    overlaps = [
        ((server.ids(frame) == 1) & (truth[frame] == 1)).sum() / ((server.ids(frame) == 1) | (truth[frame] == 1)).sum()
        for frame in (2, 8, 11)
    ]
    assert min(overlaps) > 0.5
