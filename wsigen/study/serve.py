"""Run an app with uvicorn, saying where it is; errors of the address are told in one line."""

import socket
import webbrowser
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from wsigen.errors import WsigenError


def run_server(
    app: FastAPI,
    host: str,
    port: int,
    *,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    path: str = "",
    open_browser: bool = False,
) -> None:
    """Serve until Ctrl-C or SIGTERM; port 0 takes a free one. The address is printed when the server listens.

    Args:
        app: what is served.
        host, port: where.
        tls_cert, tls_key: PEM files, to serve https.
        path: of the page to begin with.
        open_browser: whether to show it.

    Raises:
        WsigenError: the address is in use or not this machine's, or certificate and key cannot be used.
    """
    # No access log: the links are secrets. One process: the caches and the lock of the store are its own.
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    try:
        config.load()
    except OSError as error:
        raise WsigenError(
            f"{tls_cert} and {tls_key} cannot be used for TLS ({error.strerror or error}); expected PEM files"
        ) from error
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=256)
        # Connections inherit it. Without, the second packet of an answer waits 40 ms for the first's acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise WsigenError(
            f"cannot serve on {host} port {port}: {error.strerror or error}; choose another --host or --port"
        ) from error
    scheme, shown = "https" if tls_cert else "http", f"[{host}]" if ":" in host else host
    address = f"{scheme}://{shown}:{listener.getsockname()[1]}{path}"
    print(f"serving on {address} (Ctrl-C to stop)", flush=True)
    if open_browser:
        webbrowser.open(address)
    with listener, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
