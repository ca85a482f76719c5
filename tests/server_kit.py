"""What tests with other processes share: a server that runs, ports, and patience for a machine that is busy."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import httpx
from fastapi import FastAPI

# A test run in the background of a shell ignores interrupts, and would hand that on: for Popen's preexec_fn.
HEED_CTRL_C = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
PATIENCE_S = 120  # for what takes a moment where nothing else runs
# Below those that the system gives to whoever asks for any: nobody is given one of them in between.
PORTS = iter(range(10_000 + os.getpid() * 13 % 20_000, 32_000))


@contextmanager
def serving(*words: object, threads: int = 1) -> Iterator[tuple[str, subprocess.Popen]]:
    """A verb of `wsigen` that serves, in a process of its own; yields its address and the process, ended by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wsigen", *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=HEED_CTRL_C,
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
    )
    try:
        assert process.stdout is not None
        address = re.search(r"https?://\S+", process.stdout.readline())
        assert address is not None, "the server did not start"
        yield address[0], process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) in (0, -signal.SIGKILL)


def free_port() -> int:
    """A port for who must know it before it is bound; another each time."""
    for port in PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


class Direct:
    """A client of an app without a server."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def get(self, path: str, **options) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, options))

    def head(self, path: str, **options) -> httpx.Response:
        return asyncio.run(self._ask("HEAD", path, options))

    def post(self, path: str, **options) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, options))

    async def _ask(self, method: str, path: str, options: dict) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, **options)


def error_page(app: FastAPI) -> str:
    """The heading and title of the page for an address that there is not."""
    answer = Direct(app).get("/elsewhere", headers={"accept": "text/html"})
    assert answer.status_code == 404
    found = re.search(r"<title>(.*)</title>.*<h1>\1</h1>", answer.text, re.DOTALL)
    assert found is not None
    return found[1]
