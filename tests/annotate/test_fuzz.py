"""Every operation of the page's server, with what it asks for and with what it does not: no failure, no loose end."""

import contextlib
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import apart
from longtake.annotate.app import build
from longtake.annotate.editors import Editors
from longtake.annotate.news import News
from longtake.annotate.project import Project

EXAMPLES = 15
"""Of each operation, with what it asks for; and with what it does not."""

CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance, content_type_conformance]


@pytest.fixture
def schemas(
    folder_clip: tuple[Path, Path], tiny_model: Path, tmp_path: Path
) -> Iterator[Callable[[], schemathesis.BaseSchema]]:
    """Makes the OpenAPI document, on its application, of a project with masks, accepted frames and a check."""
    followers = Editors(str(tiny_model), size=64)
    with contextlib.closing(Project(tmp_path / "first", followers)) as first:
        first.add(str(folder_clip[0]), folder_clip[1] / "0.png", coarse_rate=10.0, fine_rate=None)
        first.run(1, 1)
        while first.jobs.runs:
            time.sleep(0.01)
        first.desk(1).annotation.accept(0, 3)
        first.check(1, 1, None, "Ada")
    opened = list[Project]()

    def schema() -> schemathesis.BaseSchema:
        folder = tmp_path / f"project {len(opened)}"
        shutil.copytree(tmp_path / "first", folder)
        opened.append(Project(folder, followers))
        news = News()
        news.close()  # so that the stream of events ends
        app = build(opened[-1], news)
        loaded = schemathesis.openapi.from_dict(app.openapi())
        loaded.app = app
        return loaded

    yield schema
    for project in opened:
        project.close()


def likely(value: Any, count: int) -> Any:
    """The same with numbers as the clip has them, and with what only fits by plan."""
    if isinstance(value, list):
        return [likely(item, count) for item in value]
    if not isinstance(value, dict):
        return value % count if isinstance(value, int) and not isinstance(value, bool) else value
    value = {name: likely(item, count) for name, item in value.items()}
    if "runs" in value and all(isinstance(value.get(side), int) for side in ("width", "height")):
        value["runs"] = [0, value["width"] * value["height"]]
    return value | ({"format": "masks"} if "format" in value else {})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")  # as schemathesis does
def test_no_request_breaks_the_server(schemas: Callable[[], schemathesis.BaseSchema]) -> None:
    problems = list[str]()
    for number in range(len([*schemas().get_all_operations()])):
        operation = [*schemas().get_all_operations()][number].ok()
        problems += [told for mode in GenerationMode for told in attempt(operation, mode)]
    assert not problems, "\n\n".join(problems)


def attempt(operation: Any, mode: GenerationMode) -> list[str]:
    """What goes wrong with some requests of one operation: as they come, of its video, and of the clip's size."""
    problems = dict[str, str]()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from(["fits", "of the video", "any"]))
    def tried(case: schemathesis.Case, kind: str) -> None:
        if kind != "any" and case.path_parameters:
            case.path_parameters = {**likely(case.path_parameters, 6), "v": 1}
        if kind == "fits":
            case.body, case.query = likely(case.body, 6), likely(case.query, 6)
        try:
            case.validate_response(case.call(), checks=CHECKS)
        except (Exception, BaseExceptionGroup) as error:  # told at the end: hypothesis would take its state for chance
            text = "".join(traceback.format_exception(error))[-2000:]
            problems.setdefault(type(error).__name__ + str(error)[:60], f"{case.as_curl_command()}\n{text}")

    with contextlib.suppress(Unsatisfiable):  # where nothing is asked for, nothing can be wrong
        tried()
    return list(problems.values())


@pytest.mark.parametrize("name", ["x.mp4", "..", "a/../../b.mp4", "a\0.mp4", "é" * 150 + ".mp4", ".mp4", "x.png"])
def test_an_upload_that_is_no_video_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    async def send(app: FastAPI) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
            return await client.post("/api/videos", params={"name": name}, content=b"no video")

    with contextlib.closing(Project(tmp_path, Editors())) as project:
        answer = apart.run(send(build(project, News())))
        assert answer.status_code == 400, answer.text
        assert not [path for path in (tmp_path / "videos").rglob("*") if path.is_file()]
        assert project.store.videos() == []
