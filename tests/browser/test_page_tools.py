"""Every tool, by hand, against what it ought to leave."""

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from scipy.ndimage import binary_fill_holes

from longtake.annotate.desk import colour_of
from workbench import Server, Tab, until


def ring(page: Tab) -> None:
    """A closed line around (40, 30)."""
    page.find("size").fill("1.4")  # the logarithm of 4 pixels
    page.stroke((25, 15), (55, 15), (55, 45), (25, 45), (25, 15))


def test_brush_eraser_and_right_button(page: Tab, server: Server) -> None:
    page.find("size").fill("1.4")
    page.stroke((20, 30), (60, 30))
    drawn = server.ids(0)
    assert drawn[28:32, 20:60].all() and not drawn[:27].any() and not drawn[34:].any()
    page.find("command-eraser").click()
    page.stroke((30, 30), (35, 30))
    assert not server.ids(0)[30, 30:35].any() and server.ids(0)[30, 40]
    page.press("b").stroke((50, 30), (55, 30), button="right")
    assert not server.ids(0)[30, 50:55].any() and server.ids(0)[30, 58]
    size = page.page.locator("#size-value").inner_text()
    page.press("]", "]", "[")
    assert int(page.page.locator("#size-value").inner_text()) > int(size)
    np.testing.assert_array_equal(page.ids(), server.ids(0))


def test_polygon(page: Tab, server: Server) -> None:
    page.find("command-polygon").click()
    page.click((10, 10), (60, 10), (80, 60), (60, 50))
    page.press("Backspace")
    page.click((60, 50), (10, 50))
    page.press("Enter")
    until(lambda: server.ids(0).any())
    stored = server.ids(0)
    assert stored[12:48, 12:58].all() and not stored[:9].any() and not stored[55:, :70].any()
    assert not page.state("accepted")
    page.click((2, 2), (4, 2))
    page.press("Escape", "Enter")  # no polygon is left: the frame is accepted
    until(lambda: 0 in server.project.desk(1).annotation.accepted)


def test_a_polygon_is_closed_by_a_click_where_it_began(page: Tab, server: Server) -> None:
    page.press("p")
    page.click((10, 10), (60, 10), (60, 50), (10, 10))
    page.settle()
    assert server.ids(0)[15, 55] == 1 and server.ids(0)[45, 15] == 0


def test_fill_clear_and_absent(page: Tab, server: Server) -> None:
    ring(page)
    hollow = server.ids(0) == 1
    page.find("command-fill").click()
    page.settle()
    np.testing.assert_array_equal(server.ids(0) == 1, binary_fill_holes(hollow))
    page.press("f")
    page.heard("has no holes here")
    page.find("command-clear").click()
    page.settle()
    assert not server.ids(0).any()
    page.press("Control+z")
    until(lambda: page.ids().any())
    page.press("a")
    page.heard("is not to be seen on this frame")
    origin, confidence = server.project.desk(1).annotation.known(0)[1]
    assert origin in ("given", "corrected") and confidence is None
    expect(page.find("object-1")).to_contain_text("not seen")
    page.press("Control+z")
    until(lambda: np.array_equal(page.ids() == 1, binary_fill_holes(hollow)))


def test_a_box_finds_an_outline_and_clicks_mend_it(page: Tab, server: Server) -> None:
    page.press("r")
    page.stroke((5, 5), (60, 60))
    until(lambda: server.ids(0).any())
    before = server.ids(0)
    rows, columns = np.nonzero(before)
    page.click((float(columns[0]) + 0.5, float(rows[0]) + 0.5), button="right")
    page.settle()
    until(lambda: (server.ids(0) != before).any() or page.find("notice").count())
    np.testing.assert_array_equal(page.ids(), server.ids(0))
    page.click((3, 3))
    page.press("Escape")
    page.click((3, 3))
    page.heard("Drag a box around the object")


def test_zoom_and_pan(page: Tab, server: Server) -> None:
    page.find("command-zoom-in").click()
    page.press("+", "+")
    assert page.state("place()")["zoom"] > 1.9
    x, y = page.place((20, 20))
    page.page.mouse.move(x, y)
    page.page.mouse.wheel(0, -240)
    until(lambda: page.state("place()")["zoom"] > 2.2)
    assert np.allclose(page.place((20, 20)), (x, y), atol=1)  # the point under the pointer stays
    page.drag((20, 20), (30, 25), button="middle")
    assert np.allclose(page.place((20, 20)), (x, y), atol=1) is False
    where = page.place((30, 30))
    page.page.keyboard.down("Space")
    page.page.mouse.move(*where)
    page.page.mouse.down()
    page.page.mouse.move(where[0] + 40, where[1] + 10, steps=3)
    page.page.mouse.up()
    page.page.keyboard.up("Space")
    assert np.allclose(page.place((30, 30)), (where[0] + 40, where[1] + 10), atol=1)
    assert not server.ids(0).any() and not page.state("playing")
    page.stroke((30, 30), (40, 30))
    assert server.ids(0)[30, 35] == 1
    page.press("0")
    assert page.state("place()")["zoom"] == 1
    expect(page.find("zoom")).to_have_text("100 %")
    page.press("1")
    look = page.state("place()")
    assert look["zoom"] < 1


def colour(page: Tab, x: float, y: float) -> list[int]:
    """What the canvas shows at a point of the video."""
    left, top = page.place((x, y))
    shot = page.page.screenshot(clip={"x": left, "y": top, "width": 1, "height": 1})
    with Image.open(io.BytesIO(shot)) as image:
        return list(image.convert("RGB").tobytes())


def test_objects_are_hidden_and_shown(page: Tab, server: Server) -> None:
    bare = colour(page, 70, 20)
    page.stroke((50, 20), (80, 20))
    page.press("n").stroke((50, 40), (80, 40))
    assert server.ids(0)[[20, 40], 70].tolist() == [1, 2]
    assert colour(page, 70, 20) != bare
    page.find("object-1-eye").click()
    until(lambda: colour(page, 70, 20) == bare)
    assert colour(page, 70, 40) != bare
    page.page.wait_for_timeout(1000)
    page.page.reload()
    page.settle()
    expect(page.find("object-1-eye")).to_have_attribute("aria-pressed", "false")
    page.find("object-1-eye").click()
    until(lambda: colour(page, 70, 20) != bare)
    page.page.keyboard.down("h")
    until(lambda: colour(page, 70, 20) == bare)
    page.page.keyboard.up("h")
    until(lambda: colour(page, 70, 20) != bare)
    strong = colour(page, 70, 20)
    page.find("opacity").fill("0")
    until(lambda: colour(page, 70, 20) != strong)


def test_split_merge_delete_and_remove(page: Tab, server: Server) -> None:
    for frame in (0, 4, 8):
        page.go(frame).stroke((20, 30), (60, 30))

    def change(words: str, first: str, last: str) -> None:
        page.find("relabel").locator("visible=true").click()
        dialog = page.find("dialog-relabel")
        dialog.get_by_label("Its masks become").select_option(label=words)
        dialog.get_by_label("from frame").fill(first)
        dialog.get_by_label("to frame").fill(last)
        page.find("dialog-action").click()
        expect(dialog).to_have_count(0)
        page.settle()

    def names() -> list[int]:
        return [int(server.ids(frame)[30, 40]) for frame in (0, 4, 8)]

    change("a new object (split)", "4", "")
    until(lambda: names() == [1, 2, 2])
    expect(page.find("object-2")).to_have_class(re.compile("chosen"))
    change("part of object 1 (merge)", "8", "8")
    until(lambda: names() == [1, 2, 1])
    expect(page.find("object-1")).to_have_class(re.compile("chosen"))
    change("nothing (delete them)", "0", "0")
    until(lambda: names() == [0, 2, 1])
    expect(page.find("object-2")).to_contain_text("1 frame")
    page.find("object-2").click()
    expect(page.find("object-2")).to_have_class(re.compile("chosen"))
    page.find("remove-object").locator("visible=true").click()
    expect(page.find("dialog-remove")).to_contain_text("1 frame")
    page.find("dialog-action").click()
    until(lambda: names() == [0, 0, 1])
    expect(page.find("object-2")).to_have_count(0)
    page.settle()
    for expected in ([0, 2, 1], [1, 2, 1], [1, 2, 2], [1, 1, 1]):
        page.press("Control+z")
        until(lambda expected=expected: names() == expected)


def test_objects_look_the_same_to_page_and_server(page: Tab) -> None:
    script = (
        "import(`${location}static/state.js`).then((of) => Array.from({ length: 300 }, (_, at) => of.colourOf(at + 1)))"
    )
    colours = page.page.evaluate(script)
    assert colours == [colour_of(name) for name in range(1, 301)]
    shades = np.array([[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in colours])
    assert shades.max(1).min() > 230  # bright
    near = np.abs(shades[:6, None] - shades[None, :6]).sum(-1) + 999 * np.eye(6)
    assert near.min() > 90  # and well apart
    page.stroke((50, 20), (80, 20))
    expect(page.find("object-1-colour")).to_have_value(colours[0])


def test_it_plays_and_steps(page: Tab) -> None:
    page.find("command-play").click()
    until(lambda: page.state("playing"))
    until(lambda: page.state("frame") > 2)
    page.page.keyboard.press("k")
    until(lambda: not page.state("playing"))
    page.settle().go(3)
    for key, frame in {"ArrowRight": 4, "ArrowLeft": 3, "Shift+ArrowRight": 9, "Shift+ArrowLeft": 3, "End": 11}.items():
        page.press(key)
        until(lambda frame=frame: page.state("frame") == frame)
    page.press(",")
    until(lambda: page.state("frame") == 6)
    page.press("Home", ".")
    until(lambda: page.state("frame") == 6)
    page.press("End")
    page.page.keyboard.press("Space")  # from the end: from the beginning
    until(lambda: page.state("playing") and page.state("frame") < 11)
    until(lambda: not page.state("playing") and page.state("frame") == 11)
    box = page.find("ruler").bounding_box()
    assert box is not None
    page.page.mouse.click(box["x"] + box["width"] * 4.5 / 12, box["y"] + 5)
    until(lambda: page.state("frame") == 4)


def test_all_that_is_left_of_a_step_is_accepted_at_once(page: Tab, server: Server) -> None:
    for frame in (0, 6):
        page.go(frame)
        page.stroke((20, 30), (60, 30))
    page.press("Shift+Y")
    expect(page.find("dialog-accept")).to_contain_text("not accepted yet")
    page.find("dialog-action").click()
    until(lambda: set(server.project.desk(1).annotation.accepted) == {0, 6})
    until(lambda: page.state("accepted"))
    page.press("Control+z")
    until(lambda: not page.state("accepted"))
