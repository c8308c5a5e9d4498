"""What comes in, and what is told of the work: videos, proposals, quality, effort, settings."""

import base64
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from workbench import Server, Tab, until


def test_a_video_is_dropped_on_the_page(tabs: Callable[..., Tab], clip: Path, server: Server) -> None:
    page = tabs()
    script = """(content) => {
        const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "dropped.mp4", { type: "video/mp4" }));
        const room = document.querySelector("#stage");
        for (const type of ["dragenter", "dragover", "drop"]) {
            room.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }
    }"""
    page.page.evaluate(script, base64.b64encode(clip.read_bytes()).decode())
    expect(page.find("videos").get_by_role("option")).to_have_text(["dropped"])
    page.settle()
    until(lambda: page.state("loaded"))
    assert (server.folder / "videos" / "dropped.mp4").read_bytes() == clip.read_bytes()


def test_masks_are_imported(page: Tab, server: Server, rendered: Callable, tmp_path: Path) -> None:
    truth = rendered(12)[1]
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
        for frame in (0, 5):
            content = io.BytesIO()
            Image.fromarray(truth[frame].astype(np.uint8)).save(content, "PNG")
            archive.writestr(f"{frame}.png", content.getvalue())
    with page.page.expect_file_chooser() as chooser:
        page.find("command-import").click()
    chooser.value.set_files(tmp_path / "masks.zip")
    page.heard("masks.zip: masks on 2 frames.")
    until(lambda: page.settle() and np.array_equal(page.ids(), truth[0]))
    np.testing.assert_array_equal(server.ids(5), truth[5])
    expect(page.find("object-1")).to_contain_text("imported")
    expect(page.find("object-2")).to_be_visible()
    (tmp_path / "masks.zip").write_bytes(b"nothing")
    page.provoked = "status of 400"
    with page.page.expect_file_chooser() as chooser:
        page.find("command-import").click()
    chooser.value.set_files(tmp_path / "masks.zip")
    page.heard(re.compile(r"masks\.zip"))


def test_a_quality_check_from_its_start_to_its_figure(page: Tab, server: Server) -> None:
    for frame in (0, 6):
        page.go(frame).stroke((20, 30), (60, 30))
        page.press("Enter")
        until(lambda frame=frame: frame in server.project.desk(1).annotation.accepted)
    page.settle()
    page.find("command-quality").click()
    expect(page.find("dialog-quality")).to_contain_text("Nothing has been labelled again yet")
    page.find("dialog-quality").get_by_label("Frames to label again").fill("2")
    page.find("check-start").click()
    expect(page.find("videos").locator("option:checked")).to_contain_text("quality check, Ada")
    page.settle()
    expect(page.find("step-2")).to_have_attribute("data-total", "2")
    for count in (1, 2):
        frame = page.state("frame") if count == 2 else 0
        page.go(frame)
        assert not page.ids().any()
        page.stroke((20, 30), (60, 30) if count == 1 else (40, 30))
        expect(page.find("next")).to_have_text("Accept this frame")
        page.find("next").click()
        until(lambda count=count: len(server.project.desk(2).annotation.accepted) == count)
        page.settle()
        if count == 1:
            until(lambda: page.state("frame") == 6)
            page.settle()
    expect(page.find("next")).to_have_text("Show how well it agrees")
    page.find("next").click()
    ours = server.project.quality(1).mean
    assert ours is not None and 0.6 < ours < 0.9
    expect(page.find("quality-mean")).to_have_text(f"{ours:.3f} mean J; 0.95 in the LVOS paper")
    expect(page.find("dialog-quality").locator("tbody tr")).to_have_count(2)


def test_effort(page: Tab, server: Server) -> None:
    page.find("annotator").fill("Grace")
    page.page.keyboard.press("Enter")
    page.stroke((20, 30), (60, 30))
    page.stroke((20, 40), (60, 40))
    page.go(6).stroke((20, 40), (60, 40))
    page.find("command-effort").click()
    dialog = page.find("dialog-effort")
    expect(page.find("effort-minutes")).to_contain_text("minutes of work on this video")
    rows = dialog.locator("table").nth(1).locator("tbody tr")
    expect(rows.first).to_contain_text("Grace")
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    strokes = {int(cell[0]): int(cell[5]) for cell in cells if cell[1] == "object 1" and int(cell[5])}
    assert strokes == {0: 2, 6: 1}
    assert sum(event.strokes for event in server.project.store.events(1)) == 3
    expect(dialog.locator("svg")).to_have_count(2)


def test_rates(page: Tab, server: Server) -> None:
    page.find("command-settings").click()
    page.find("dialog-settings").get_by_label("First pass").fill("2")
    page.find("dialog-settings").get_by_label("Second pass").fill("")
    page.find("dialog-action").click()
    expect(page.find("step-1")).to_have_attribute("data-total", "4")
    assert (server.project.desk(1).settings.coarse_rate, server.project.desk(1).settings.fine_rate) == (2, None)
    page.provoked = "status of 400"
    page.find("command-settings").click()
    page.find("dialog-settings").get_by_label("Second pass").fill("1")
    page.find("dialog-action").click()
    page.heard("the fine rate, 1, is below the coarse one, 2")
