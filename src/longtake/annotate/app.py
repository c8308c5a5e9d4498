"""The page's interface: each address a call of the project, its answer in the words of `messages`."""

import re
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles

import longtake
from longtake.annotate import messages as m
from longtake.annotate.deliver import FORMS
from longtake.annotate.desk import Desk
from longtake.annotate.effort import Effort
from longtake.annotate.grid import grid
from longtake.annotate.jobs import Job
from longtake.annotate.news import News
from longtake.annotate.project import EXPORTS, Project
from longtake.annotate.quality import Quality
from longtake.annotate.store import Entry
from longtake.engine.annotation import Change
from longtake.errors import LongtakeError, OutputError, SettingError, SourceError
from longtake.export.parsed import folder_name
from longtake.prompting.rough import Rough
from longtake.video.sinks import output
from longtake.video.whole import whole

STATIC = Path(str(files("longtake.annotate").joinpath("static")))

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": m.Problem, "description": "Something given cannot be used."},
    403: {"model": m.Problem, "description": "Not from the page of this server."},
    404: {"model": m.Problem, "description": "There is none."},
    409: {"model": m.Problem, "description": "Not now: a frame is accepted, or something runs."},
    410: {"model": m.Problem, "description": "The video's file is gone, or another."},
    413: {"model": m.Problem, "description": "Too large."},
    507: {"model": m.Problem, "description": "The project's disk cannot be written."},
}

FILE: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"format": "binary"}}}}
}


def build(project: Project, news: News) -> FastAPI:
    """The application of a project; what changes goes to the pages by news."""
    app = FastAPI(
        title="longtake annotate",
        version=longtake.__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
    )
    project.told = news.publish
    app.state.project, app.state.news = project, news
    app.include_router(routes, prefix="/api")
    app.add_exception_handler(LongtakeError, _told)
    app.add_api_route("/", _page, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def _page() -> FileResponse:
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store"})


def _told(request: Request, error: Exception) -> JSONResponse:
    """An error as its one line, with the status that fits."""
    status = 507 if isinstance(error, OutputError) else 410 if isinstance(error, SourceError) else 400
    return JSONResponse({"detail": " ".join(str(error).split())}, status)


def _project(request: Request) -> Project:
    project: Project = request.app.state.project
    return project


def _annotator(request: Request, x_annotator: Annotated[str | None, Header(max_length=400)] = None) -> str:
    said = urllib.parse.unquote(x_annotator or "").strip()[:100]
    return said or _project(request).annotator


Projects = Annotated[Project, Depends(_project)]
Annotator = Annotated[str, Depends(_annotator)]
Tab = Annotated[str | None, Header(alias="X-Tab", max_length=100)]
VideoNumber = Annotated[int, m.Field(ge=1, le=1 << 31)]


def _desk(project: Projects, v: VideoNumber) -> Desk:
    try:
        return project.desk(v)
    except KeyError as error:
        raise HTTPException(404, f"video {v}: there is none") from error


Desks = Annotated[Desk, Depends(_desk)]


def _frame(desk: Desks, f: m.Frame) -> int:
    if f >= desk.annotation.count:
        raise HTTPException(404, f"frame {f}: outside the video, whose frames are 0 to {desk.annotation.count - 1}")
    return f


FrameNumber = Annotated[int, Depends(_frame)]
ObjectNumber = Annotated[int, m.Field(ge=1, le=65_535)]

routes = APIRouter()


def _done(desk: Desk, change: Change | None) -> m.Done:
    frames = change.frames if change else ()
    name = change.name if change else None
    return m.Done(name=name, frames=list(frames[:1000]), count=len(frames), revision=desk.history.revision)


def _not_now(error: LongtakeError) -> HTTPException:
    return HTTPException(409, " ".join(str(error).split()))


# --- the project ------------------------------------------------------------------------------------------------------


def _video(project: Project, entry: Entry) -> m.Video:
    source = str((project.folder / entry.path).resolve())
    problem = project.problem(entry)
    return m.Video(
        video=entry.video, name=entry.name, source=source, problem=problem, check=entry.check, **asdict(entry.facts)
    )


@routes.get("/project")
def project_facts(project: Projects) -> m.ProjectFacts:
    """What the page shows first."""
    videos = [_video(project, entry) for entry in project.store.videos()]
    current = project.store.fact("current")
    return m.ProjectFacts(
        name=project.folder.name,
        version=longtake.__version__,
        model=project.editors.model,
        annotator=project.annotator,
        current=current if any(video.video == current for video in videos) else None,
        formats=[m.Format(name=form.name, label=form.label) for form in FORMS.values()],
        videos=videos,
    )


def _file_name(said: str) -> str:
    """A name that an uploaded file can have on every disk: its bytes are counted, its ending is kept."""
    path = Path(folder_name(Path(said).name))
    return path.stem.encode()[:150].decode(errors="ignore") + path.suffix[:20]


async def _receive(request: Request, path: Path, room: int) -> None:
    """Store a request's body, whole or not at all. Raises OutputError where the disk has no room."""
    with output(path), whole(path) as partial, partial.open("wb") as file:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > room:
                raise OutputError(f"{path.name}: {size >> 20} MB and more, but the disk has no room for it")
            await run_in_threadpool(file.write, piece)


@routes.post("/videos", openapi_extra=FILE)
async def add_video(
    request: Request, project: Projects, name: Annotated[str, Query(min_length=1, max_length=200)]
) -> m.Video:
    """Add a video, whose bytes are the body."""
    path = project.upload(_file_name(name))
    try:
        await _receive(request, path, project.space())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    try:
        number = await run_in_threadpool(project.add, path)
    except Exception as error:  # not where the request is cancelled: the thread goes on, and needs the file
        path.unlink(missing_ok=True)
        if isinstance(error, SourceError):
            raise HTTPException(400, " ".join(str(error).split())) from error
        raise
    return _video(project, project.entry(number))


# --- frames and masks -------------------------------------------------------------------------------------------------


@routes.get("/videos/{v}/frames/{f}/image", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def image(
    desk: Desks, f: FrameNumber, height: Annotated[int | None, Query(ge=8, le=8192)] = None, near: bool = False
) -> Response:
    """A frame; near: the keyframe at or before it, for thumbnails."""
    content = desk.image(f, height, near)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@routes.get("/videos/{v}/frames/{f}/masks")
def masks(desk: Desks, f: FrameNumber) -> m.FrameFacts:
    """What stands on a frame."""
    return m.FrameFacts(**desk.masks(f))


@routes.post("/videos/{v}/frames/{f}/patch")
def patch(
    project: Projects, desk: Desks, f: FrameNumber, body: m.Patch, who: Annotator, x_tab: Tab = None
) -> m.FrameFacts:
    """Change an object's mask within a rectangle."""
    project.by(x_tab)
    if desk.history.get("accepted", f):
        raise HTTPException(409, f"frame {f} was accepted; reopen it first")
    try:
        desk.patch(f, body.object, (body.left, body.top, body.width, body.height), body.runs, body.how)
    except SettingError as error:
        raise _not_now(error) from error
    desk.spent(f, body.object, who, body.tool, body.seconds, body.strokes)
    return m.FrameFacts(**desk.masks(f, runs=False))


@routes.post("/videos/{v}/frames/{f}/suggest")
def suggest(desk: Desks, f: FrameNumber, body: m.Asked) -> m.Suggestion:
    """A mask made of a box or points; nothing is stored."""
    rough = Rough(body.box, tuple(body.inside), tuple(body.outside))
    (left, top, width, height), runs = desk.suggest(f, body.object, rough)
    return m.Suggestion(left=left, top=top, width=width, height=height, runs=runs)


@routes.post("/videos/{v}/accept")
def accept(project: Projects, desk: Desks, body: m.Accepted, x_tab: Tab = None) -> m.Done:
    """Lock frames: nothing changes them until they are reopened."""
    project.by(x_tab)
    frames = desk.pipeline.waiting() if body.frames is None else body.frames
    return _done(desk, desk.annotation.accept(*sorted(set(frames))))


@routes.post("/videos/{v}/reopen")
def reopen(project: Projects, desk: Desks, body: m.Chosen, x_tab: Tab = None) -> m.Done:
    """Frames that were accepted may be changed again."""
    project.by(x_tab)
    return _done(desk, desk.annotation.reopen(*sorted(set(body.frames))))


@routes.post("/videos/{v}/undo")
def undo(project: Projects, desk: Desks, x_tab: Tab = None) -> m.Done:
    """Take the last edit back."""
    project.by(x_tab)
    try:
        return _done(desk, desk.annotation.undo())
    except SettingError as error:
        raise _not_now(error) from error


@routes.post("/videos/{v}/redo")
def redo(project: Projects, desk: Desks, x_tab: Tab = None) -> m.Done:
    """Do the edit again that was taken back last."""
    project.by(x_tab)
    return _done(desk, desk.annotation.redo())


# --- objects ----------------------------------------------------------------------------------------------------------


@routes.get("/videos/{v}/objects")
def objects(desk: Desks) -> list[m.ThingFacts]:
    """All objects of a video."""
    counts = desk.counts()
    return [
        m.ThingFacts(object=name, masks=counts.get(name, 0), **asdict(thing)) for name, thing in desk.things().items()
    ]


@routes.put("/videos/{v}/objects/{o}")
def describe(project: Projects, desk: Desks, o: ObjectNumber, body: m.Said, x_tab: Tab = None) -> m.ThingFacts:
    """Say something of an object, which makes it where it is not there."""
    project.by(x_tab)
    try:
        desk.describe(o, body.model_dump(exclude_none=True))
    except SettingError as error:
        raise _not_now(error) from error
    return m.ThingFacts(object=o, masks=desk.counts().get(o, 0), **asdict(desk.things()[o]))


def _check_still(project: Project, video: int) -> None:
    try:
        project.check_still(video)
    except SettingError as error:
        raise _not_now(error) from error


@routes.delete("/videos/{v}/objects/{o}")
def remove(project: Projects, v: VideoNumber, desk: Desks, o: ObjectNumber, x_tab: Tab = None) -> m.Done:
    """Take an object away, from every frame that is not accepted."""
    project.by(x_tab)
    _check_still(project, v)
    try:
        return _done(desk, desk.remove(o))
    except SettingError as error:
        raise HTTPException(404, str(error)) from error


@routes.post("/videos/{v}/objects/{o}/relabel")
def relabel(
    project: Projects, v: VideoNumber, desk: Desks, o: ObjectNumber, body: m.Relabel, x_tab: Tab = None
) -> m.Done:
    """Give an object another id for some frames: 0 deletes its masks there, another's id joins it."""
    project.by(x_tab)
    _check_still(project, v)
    return _done(desk, desk.annotation.relabel(o, body.into, body.first, body.last))


# --- steps ------------------------------------------------------------------------------------------------------------


@routes.get("/videos/{v}/grid")
def grid_facts(
    desk: Desks,
    first: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    last: Annotated[int | None, Query(ge=0, le=1 << 31)] = None,
    columns: Annotated[int, Query(ge=1, le=4000)] = 600,
) -> m.GridFacts:
    """Objects and time, in so many columns."""
    end = desk.annotation.count - 1
    last = end if last is None else min(last, end)
    first = min(first, last)
    edges, rows = grid(desk.annotation, first, last, columns)
    return m.GridFacts(first=first, last=last, columns=len(edges), edges=edges, rows=rows)


@routes.get("/videos/{v}/queue")
def queue(desk: Desks, count: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[m.Look]:
    """Where to look next."""
    pipeline = desk.pipeline
    found = pipeline.queue(pipeline.present(pipeline.steps()), count)
    return [
        m.Look(frame=frame, object=name, confidence=value, why="next" if name is None else "doubt")
        for frame, name, value in found
    ]


@routes.get("/videos/{v}/pipeline")
def pipeline_facts(desk: Desks) -> m.PipelineFacts:
    """The four steps."""
    pipeline = desk.pipeline
    steps = pipeline.steps()
    return m.PipelineFacts(
        settings=pipeline.settings,
        steps=steps,
        present=pipeline.present(steps),
        coarse=pipeline.coarse,
        fine=None if len(pipeline.fine) == desk.annotation.count else pipeline.fine,
    )


@routes.put("/videos/{v}/pipeline")
def set_pipeline(desk: Desks, body: m.NewSettings) -> m.PipelineFacts:
    """Change the rates."""
    changes = body.model_dump(exclude_unset=True)
    desk.set(**{name: value for name, value in changes.items() if value is not None or name == "fine_rate"})
    return pipeline_facts(desk)


@routes.post("/videos/{v}/run")
def run(project: Projects, v: VideoNumber, desk: Desks, body: m.Run) -> Job:
    """Let the model do a step."""
    try:
        return project.run(v, body.step)
    except SettingError as error:
        raise _not_now(error) from error


@routes.post("/videos/{v}/spread")
def spread(project: Projects, v: VideoNumber, desk: Desks, body: m.Spread) -> Job:
    """Follow from a frame as far as the next ones that a person gave."""
    try:
        return project.spread(v, _frame(desk, body.frame), body.to)
    except SettingError as error:
        raise _not_now(error) from error


@routes.get("/job")
def job(project: Projects) -> Job | None:
    """What runs, or ran last."""
    return project.jobs.now


@routes.post("/job/stop")
def stop(project: Projects) -> Job | None:
    """Stop what runs, after the frame that it is at."""
    project.stop()
    return job(project)


@routes.post("/videos/{v}/proposals", openapi_extra=FILE)
async def proposals(
    request: Request,
    project: Projects,
    v: VideoNumber,
    desk: Desks,
    name: Annotated[str, Query(max_length=200)],
    x_tab: Tab = None,
) -> m.Done:
    """Masks of another program, whose file is the body, as a start."""
    project.by(x_tab)
    with project.scratch() as folder:
        path = folder / _file_name(name)
        await _receive(request, path, project.space())
        return _done(desk, await run_in_threadpool(project.take, v, path))


# --- people -----------------------------------------------------------------------------------------------------------


@routes.get("/videos/{v}/place")
def place(desk: Desks) -> m.Place | None:
    """Where the video was left."""
    found = desk.store.get(desk.entry.video, "place")
    return None if found is None else m.Place(**found)


@routes.put("/videos/{v}/place")
def leave(project: Projects, v: VideoNumber, desk: Desks, body: m.Place) -> m.Place:
    """Remember where a video is left."""
    desk.store.set(v, "place", body.model_dump())
    project.store.set_fact("current", v)
    return body


@routes.post("/videos/{v}/time")
def spent(desk: Desks, body: m.Spent, who: Annotator) -> None:
    """Time on a frame without an edit."""
    desk.spent(_frame(desk, body.frame), body.object, who, "look", body.seconds, 0)


@routes.get("/videos/{v}/effort")
def effort(desk: Desks) -> Effort:
    """What the video took, beside what the paper says."""
    return desk.effort()


@routes.post("/videos/{v}/checks")
def check(project: Projects, v: VideoNumber, desk: Desks, body: m.NewCheck, who: Annotator) -> m.Video:
    """A random sample of accepted frames, to be annotated again."""
    return _video(project, project.entry(project.check(v, body.count, body.seed, who)))


@routes.get("/videos/{v}/quality")
def quality(project: Projects, v: VideoNumber, desk: Desks) -> Quality:
    """How well what was annotated again agrees."""
    return project.quality(v)


@routes.post("/export")
def export(project: Projects, body: m.Export) -> Job:
    """Write an archive for other programs."""
    if body.format not in FORMS:
        raise HTTPException(400, f"{body.format!r}: not a format; one of: {', '.join(FORMS)}")
    try:
        return project.export(body.format, body.videos, body.only_accepted)
    except KeyError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except SettingError as error:
        raise _not_now(error) from error


@routes.get("/exports")
def exports(project: Projects) -> list[m.Exported]:
    """The archives that were made, the newest first."""
    found = [(path, path.stat()) for path in (project.folder / EXPORTS).glob("[!.]*.zip")]
    facts = [m.Exported(name=path.name, bytes=stat.st_size, made=stat.st_mtime) for path, stat in found]
    return sorted(facts, key=lambda each: -each.made)


@routes.get("/exports/{name}", response_class=FileResponse, responses={200: {"content": {"application/zip": {}}}})
def exported(project: Projects, name: str) -> FileResponse:
    """An archive."""
    if not re.fullmatch(r"[\w-]+\.zip", name) or not (path := project.folder / EXPORTS / name).is_file():
        raise HTTPException(404, f"{name}: there is no such export")
    return FileResponse(path, media_type="application/zip", filename=name)


@routes.get("/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
def events(request: Request, last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
    """What changes, as it changes."""
    told: AsyncIterator[str] = request.app.state.news.subscribe(last_event_id)
    return StreamingResponse(told, media_type="text/event-stream")
