"""What every answer of the rating app goes through: small bodies, the same origin, strict headers, short errors."""

from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.templating import Jinja2Templates
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = ["GET", "HEAD"]  # methods of pages and pictures; who asks for the head alone gets it
MAX_BODY = 4096  # bytes; a step takes about 200
# The one style element that OpenSeadragon puts into a page (it hides the outline of the focus on phones).
VIEWER_STYLE = "sha256-9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE="
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' '{VIEWER_STYLE}'; img-src 'self' data: blob:; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class Guard:
    """ASGI middleware: refuses large bodies and cross-site posts, and sets ``HEADERS`` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["method"] in READING:
            return await self.app(scope, receive, send_guarded)
        headers = Headers(scope=scope)
        body = b""
        answer = (
            None if same_origin(headers) else problem(403, "this request comes from another site")
        )
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            answer = answer or problem(415, "expected application/json")
        while answer is None:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > MAX_BODY:
                answer = problem(413, f"the body is larger than {MAX_BODY} bytes")
            elif not message.get("more_body"):
                break
        if answer is not None:
            return await answer(scope, receive, send_guarded)

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send_guarded)


def same_origin(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of this server; other clients say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def problem(status: int, text: str) -> JSONResponse:
    """A short answer for scripts."""
    return JSONResponse({"error": text}, status)


def add_guard(app: FastAPI, templates: Jinja2Templates) -> None:
    """Put the middleware in front of ``app``, and answer errors with a page where a page was asked for."""

    def failed(request: Request, error: Exception) -> Response:
        status, text = 400, "the request is not one this server understands"
        if isinstance(error, StarletteHTTPException):
            status, text = error.status_code, str(error.detail)
        elif isinstance(error, RequestValidationError):
            # Which field, and never what was in it.
            fields = {str(part) for found in error.errors() for part in found["loc"][1:]}
            status, text = (
                422,
                f"missing, unknown or out of range: {', '.join(sorted(fields)) or 'the body'}",
            )
        if request.method in READING and "text/html" in request.headers.get("accept", ""):
            return templates.TemplateResponse(request, "error.html", {"text": text}, status)
        return problem(status, text)

    app.add_middleware(Guard)
    for kind in (StarletteHTTPException, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, failed)
