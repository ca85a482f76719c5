"""The slide viewer for any slides on one's own machine."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import openslide
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from wsigen.slides.slide import unreadable
from wsigen.slides.tiles import Tiles
from wsigen.study.guard import READING
from wsigen.study.site import image_response, viewer_app


@dataclass(frozen=True)
class Shown:
    """A slide on the page; ``mpp`` is None where the file does not say it."""

    name: str
    title: str
    height: int
    width: int
    tile_px: int
    mpp: float | None


def view_app(paths: Sequence[Path]) -> FastAPI:
    """An app with one page that shows all slides.

    Raises:
        WsigenError: a file is missing or no slide, or the viewer is not installed.
    """
    run = secrets.token_hex(4)  # so that no browser shows tiles of an earlier run from its cache
    files = {f"{run}-{index}": path for index, path in enumerate(paths)}
    tiles = Tiles(files.__getitem__)
    shown = []
    for name, path in files.items():
        height, width = tiles.size(name)
        shown.append(Shown(name, path.name, height, width, tiles.tile_px, _mpp(path)))
    app, templates = viewer_app("wsigen view")

    @app.api_route("/", methods=READING, response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "view.html", {"slides": shown})

    @app.api_route("/tiles/{name}/{address:path}", methods=READING)
    def tile(request: Request, name: str, address: str) -> Response:
        if name not in files:
            raise HTTPException(404, "no such slide")
        return image_response(request, lambda: tiles.tile(name, address))

    return app


def _mpp(path: Path) -> float | None:
    try:
        with openslide.open_slide(path) as slide:
            return float(slide.properties[openslide.PROPERTY_NAME_MPP_X])
    except (KeyError, ValueError):
        return None
    except (openslide.OpenSlideError, OSError) as error:
        raise unreadable(path, error) from error
