"""What the apps with a slide viewer have in common: guard, static files, pages and pictures. It reads no slides."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from wsigen.errors import WsigenError
from wsigen.study.guard import add_guard

HERE = Path(__file__).parent
CACHE = "private, max-age=86400, immutable"


def viewer_app(name: str) -> tuple[FastAPI, Jinja2Templates]:
    """An app with the guard and the static files of the slide viewer, and nothing else yet; and its HTML pages.

    Args:
        name: what the app is called on pages without a title of their own, such as errors.

    Raises:
        WsigenError: OpenSeadragon has not been brought from npm.
    """
    if not (HERE / "static" / "vendor" / "openseadragon.min.js").is_file():
        raise WsigenError(
            "the slide viewer OpenSeadragon is not installed; run `make viewer` once (needs npm)"
        )
    templates = Jinja2Templates(HERE / "templates")
    templates.env.globals["app_name"] = name
    app = FastAPI(openapi_url=None)
    add_guard(app, templates)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    return app, templates


def image_response(
    request: Request, find: Callable[[], bytes | None], media_type: str = "image/jpeg"
) -> Response:
    """A picture whose address never changes its content; ``find`` is only asked where the browser has not got it."""
    # The tag is made of the address, so that 304 costs no reading.
    tag = f'"{hashlib.sha256(request.url.path.encode()).hexdigest()[:16]}"'
    headers = {"Cache-Control": CACHE, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    try:
        found = find()
    except WsigenError as error:
        raise HTTPException(503, "this slide cannot be read at the moment") from error
    if found is None:
        raise HTTPException(404, "no such tile")
    return Response(found, headers=headers, media_type=media_type)
