"""The rating app: one secret link per reader, and behind it whatever step comes next.

    GET  /r/LINK                              the page of the reader's next step
    POST /r/LINK/steps                        append a step
    GET  /r/LINK/tiles/ALIAS/LEVEL/COL_ROW.jpg

A slide is known to a reader's browser by an alias, an HMAC of its name under the reader's own link: two readers cannot
compare what they see, and no name, place or label leaves the server. Only the slide in question is served. The app
reads config.json, slides/ and ratings.sqlite; it never opens the key.
"""

import hmac
import sqlite3
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from wsigen.slides.tiles import Tiles
from wsigen.study.design import RATINGS, SLIDES, load_study
from wsigen.study.guard import READING, problem
from wsigen.study.site import image_response, viewer_app
from wsigen.study.store import MAX_STEPS, Conflict, Step, Store

UNKNOWN = "This link is not valid, or no longer. Ask whoever invited you for a new one."


class Post(BaseModel):
    """A step as a browser sends it: the columns of the same name, and the alias of the slide."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    serial: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    kind: Literal["consent", "change", "submit"]
    alias: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    rating: Annotated[int, Field(ge=0, le=100)] | None = None
    dwell_ms: Annotated[int, Field(ge=0, le=10**9)] | None = None
    mpp_min: Annotated[float, Field(gt=0, le=1e6)] | None = None
    mpp_max: Annotated[float, Field(gt=0, le=1e6)] | None = None
    centre_x: Annotated[float, Field(ge=-10, le=10)] | None = None
    centre_y: Annotated[float, Field(ge=-10, le=10)] | None = None


def study_app(folder: Path) -> FastAPI:
    """The rating app of a study folder.

    Raises:
        WsigenError: no study there, or the viewer is not installed.
    """
    study = load_study(folder)
    store = Store(folder / RATINGS, create=True)
    tiles = Tiles(lambda name: folder / SLIDES / f"{name}.tiff", tile_px=study.tile_px)
    app, templates = viewer_app("Reader study")

    def known(link: str) -> int:
        reader = store.reader(link)
        if reader is None:
            raise HTTPException(404, UNKNOWN)
        return reader

    def alias(link: str, slide: str) -> str:
        return hmac.digest(link.encode(), slide.encode(), "sha256").hex()[:32]

    @app.api_route("/", methods=READING, response_class=HTMLResponse)
    def start(request: Request) -> Response:
        text = "Please open the link in your invitation."
        return templates.TemplateResponse(request, "error.html", {"text": text})

    @app.api_route("/r/{link}", methods=READING, response_class=HTMLResponse)
    def page(request: Request, link: str) -> Response:
        reader = known(link)
        state, order, practice = store.state(reader), study.order(reader), len(study.practice)
        values = {
            "link": link,
            "serial": state.serial,
            "n": len(study.slides),
            "practice": practice,
        }
        if state.position == 0:
            return templates.TemplateResponse(request, "consent.html", values)
        if state.position > len(order):
            return templates.TemplateResponse(request, "done.html", values)
        values |= {
            "number": state.position if state.position <= practice else state.position - practice,
            "practising": state.position <= practice,
            "rating": state.rating,
            "alias": alias(link, order[state.position - 1]),
            "study": study,
        }
        return templates.TemplateResponse(request, "slide.html", values)

    @app.post("/r/{link}/steps")
    def append(link: str, post: Post) -> Response:
        reader = known(link)
        position, order = store.state(reader).position, study.order(reader)
        slide = order[position - 1] if 0 < position <= len(order) else None
        if post.kind == "consent":
            step = Step("consent", 0)
        else:
            if post.alias not in {alias(link, name) for name in order}:
                return problem(404, "no such slide")
            if slide is None or post.alias != alias(link, slide):
                return problem(409, "this slide is not the current one; reload the page")
            if post.rating is None:
                return problem(422, "missing, unknown or out of range: rating")
            step = Step(
                position=position, slide=slide, **post.model_dump(exclude={"serial", "alias"})
            )
        try:
            state = store.append(reader, post.serial, step)
        except Conflict:
            return problem(
                409, "this step was taken already, here or on another screen; reload the page"
            )
        except sqlite3.Error:
            return problem(503, "could not be saved; keep this page open, it is tried again")
        return JSONResponse({"serial": state.serial}, 201)

    @app.api_route("/r/{link}/tiles/{name}/{address:path}", methods=READING)
    def tile(request: Request, link: str, name: str, address: str) -> Response:
        reader = known(link)
        position, order = store.state(reader).position, study.order(reader)
        slide = order[position - 1] if 0 < position <= len(order) else None
        if slide is None or name != alias(link, slide):
            raise HTTPException(404, "no such tile")
        return image_response(request, lambda: tiles.tile(slide, address))

    return app
