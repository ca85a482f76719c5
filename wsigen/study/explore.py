"""The live microscope as a web app: tiles of a slide that is drawn where somebody looks.

    GET  /                                     the page; seed, x, y and um in the address name a slide and a place
    POST /wants                                what a page waits for, all of it; answers as soon as some of it is there
    GET  /tiles/RUN/SEED/STAGE/COL_ROW.jpg     a tile that is there; .png for its very pixels
    GET  /region.tiff                          a window of a stage as a slide of its own

A HEAD is answered as the GET, but for a region, which would be drawn for it.

All behind /TOKEN where there is one. The levels of the viewer are the stages of the slide. A tile is drawn only when
it was asked for with a POST; so whatever fetches addresses costs no evaluation, and what a page no longer names is
dropped.
"""

import asyncio
import json
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from wsigen import __version__
from wsigen.grid import Window
from wsigen.study.guard import READING, problem
from wsigen.study.offer import TILE_PX, Offer
from wsigen.study.site import image_response, viewer_app
from wsigen.zoom.desk import Desk, Full, Piece, Pixels

WAIT_S, LOOK_S = 1.0, 0.03  # how long an answer waits for news, and how often it looks
MOST_TILES = 128  # that a page may wait for
MOST_PX = 4096  # side of a region to be saved
MOST_SAVING = 4  # regions at the same time
MOST_SEED = 2**53  # a browser counts no further
STRIP_ROWS = 256

Seed = Annotated[int, Query(ge=0, lt=MOST_SEED)]
Place = Annotated[float, Query(ge=0, le=1e7)]
Side = Annotated[int, Query(ge=1, le=MOST_PX)]


class Wants(BaseModel):
    """What a page waits for, as it sends it: tiles of one slide as stage/column_row, the most wanted first."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reader: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    seed: Annotated[int, Field(ge=0, lt=MOST_SEED)]
    tiles: Annotated[
        list[Annotated[str, Field(pattern=r"^\d{1,2}/\d{1,6}_\d{1,6}$")]],
        Field(max_length=MOST_TILES),
    ]
    form: Literal["jpg", "png"] = "jpg"


def explore_app(desk: Desk, offer: Offer, token: str | None = None) -> FastAPI:
    """The app before a desk.

    Raises:
        WsigenError: the viewer is not installed.
    """
    app, templates = viewer_app("Live microscope")
    prefix = f"/{token}" if token else ""
    router = APIRouter(prefix=prefix)
    saving = asyncio.Semaphore(MOST_SAVING)

    @router.api_route("/", methods=READING, response_class=HTMLResponse)
    def page(
        request: Request,
        seed: Seed = offer.seed,
        x: Place | None = None,
        y: Place | None = None,
        um: Annotated[float | None, Query(gt=0, le=1e5)] = None,
    ) -> Response:
        finest = offer.scales[-1]
        values = {
            "prefix": prefix,
            "offer": offer,
            "finest": finest,
            "seed": seed,
            "tile_px": TILE_PX,
            "most_px": MOST_PX,
            "mpps": json.dumps([scale.mpp for scale in offer.scales]),
        }
        return templates.TemplateResponse(request, "explore.html", values)

    @router.post("/wants")
    async def wants(request: Request, wanted: Wants) -> Response:
        found = {a: offer.piece(wanted.seed, a, wanted.form) for a in wanted.tiles}
        pieces = {piece: address for address, piece in found.items() if piece is not None}
        if len(pieces) < len(found):
            return problem(404, "no such tile")
        try:
            standing = desk.ask(wanted.reader, list(pieces))
        except Full as error:
            return problem(503, str(error))
        end = asyncio.get_running_loop().time() + WAIT_S
        while pieces and not standing.ready and not standing.failed:
            if asyncio.get_running_loop().time() > end or await request.is_disconnected():
                break
            await asyncio.sleep(LOOK_S)
            standing = desk.standing(wanted.reader)
        return JSONResponse(
            {
                "ready": [pieces[piece] for piece in standing.ready if piece in pieces],
                "failed": {pieces[p]: text for p, text in standing.failed.items() if p in pieces},
                "lacking": standing.lacking,
                "total": standing.total,
                "others": standing.others,
                "spent": spent(desk, wanted.seed),
            }
        )

    @router.api_route("/tiles/{run}/{seed}/{stage}/{place}.{form}", methods=READING)
    def tile(request: Request, run: str, seed: int, stage: str, place: str, form: str) -> Response:
        try:
            asked = Wants(reader="0" * 16, seed=seed, tiles=[f"{stage}/{place}"])
        except ValueError as error:
            raise HTTPException(422, "expected RUN/SEED/STAGE/COLUMN_ROW.jpg or .png") from error
        piece = offer.piece(seed, asked.tiles[0], form) if form in ("jpg", "png") else None
        if run != offer.run or piece is None:
            raise HTTPException(404, "no such tile")

        def find() -> bytes:
            found = desk.get(piece)
            if found is None:
                raise HTTPException(
                    409, "not drawn yet, or no longer kept: ask for it with POST /wants"
                )
            return bytes(found)

        return image_response(request, find, "image/jpeg" if form == "jpg" else "image/png")

    @router.get("/region.tiff")
    async def region(
        request: Request,
        seed: Seed,
        stage: Annotated[int, Query(ge=0, lt=len(offer.scales))],
        top: Annotated[int, Query(ge=0)],
        left: Annotated[int, Query(ge=0)],
        height: Side,
        width: Side,
    ) -> Response:
        window, scale = Window(top, left, height, width), offer.scales[stage]
        if not window.inside(scale.height, scale.width):
            size = f"{scale.width} x {scale.height} px"
            return problem(422, f"the region reaches beyond stage {stage}, which has {size}")
        if saving.locked():
            return problem(503, f"{MOST_SAVING} regions are being saved; try again in a while")
        async with saving:
            pixels = await drawn(request, desk, seed, stage, window)
            if pixels is None:
                return problem(503, "this region could not be drawn; try again")
            return await run_in_threadpool(as_file, pixels, offer, seed, stage, window)

    app.include_router(router)
    if token:

        @app.api_route("/", methods=READING, response_class=HTMLResponse)
        def start(request: Request) -> Response:
            text = "Please open the link that was printed where this microscope runs."
            return templates.TemplateResponse(request, "error.html", {"text": text}, 404)

    return app


def spent(desk: Desk, seed: int) -> dict[str, float]:
    """What has been spent on a slide in this session, and what share of the whole that made."""
    slide = desk.slides.get(seed)
    if slide is None:
        return {"evaluations": 0, "seconds": 0.0, "share": 0.0}
    so_far = slide.spent
    return {
        "evaluations": so_far.evaluations,
        "seconds": round(so_far.seconds, 1),
        "share": slide.share,
    }


async def drawn(
    request: Request, desk: Desk, seed: int, stage: int, window: Window
) -> Pixels | None:
    """A region, strip by strip as one reader among the others; None where it failed or nobody waits any more."""
    reader = f"save-{secrets.token_hex(8)}"
    pixels = np.empty((window.height, window.width, 3), np.uint8)
    try:
        for row in range(0, window.height, STRIP_ROWS):
            rows = min(STRIP_ROWS, window.height - row)
            strip = Window(window.top + row, window.left, rows, window.width)
            piece = Piece(seed, stage, strip, "pixels")
            while not (standing := desk.ask(reader, [piece])).ready:
                if standing.failed or await request.is_disconnected():
                    return None
                await asyncio.sleep(LOOK_S)
            found = desk.get(piece)
            if found is None:
                return None
            pixels[row : row + rows] = found
    except Full:
        return None
    finally:
        desk.leave(reader)
    return pixels


def as_file(pixels: Pixels, offer: Offer, seed: int, stage: int, window: Window) -> Response:
    """A region as a pyramidal TIFF to be downloaded."""
    # not before: the first picture need not wait for libvips
    from wsigen.slides.pyramid import write_pyramid

    folder = tempfile.TemporaryDirectory(prefix="wsigen-region-")
    file = Path(folder.name) / "region.tiff"
    description = {
        "SYNTHETIC": True,
        "generator": f"wsigen {__version__}",
        **offer.described,
        "seed": seed,
        "region": {"stage": stage, **window._asdict()},
    }
    mpp = offer.scales[stage].mpp
    write_pyramid(file, pixels, mpp, description=description)
    name = f"synthetic_seed{seed}_{mpp:.3g}um_{window.left}_{window.top}.tiff"
    clean = BackgroundTask(folder.cleanup)
    return FileResponse(file, media_type="image/tiff", filename=name, background=clean)
