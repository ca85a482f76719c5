"""Fetch files that are large from servers that are busy: resumed, checked, and never twice.

A file arrives as NAME.part and gets its name when its size and md5 are right. What was fetched before a connection
broke is kept, and the server is asked for the rest (``Range: bytes=N-``). Servers that are busy (429) or down (5xx)
are asked again after the time they name, or after 1, 2, 4, ... seconds.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from wsigen import __version__
from wsigen.errors import WsigenError

LONGEST_PAUSE = 300.0  # seconds, whatever the server asks for
SPARE = 100e6  # bytes of the disk that stay free

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch, with what its publisher says of it."""

    url: str
    name: str
    size: int
    md5: str
    case: str = ""

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise WsigenError(
                f"{self.url}: offers a file named {self.name!r}; expected a plain name"
            )

    def is_in(self, folder: Path) -> bool:
        """Whether the whole file lies in ``folder``; reads it."""
        path = folder / self.name
        return path.is_file() and path.stat().st_size == self.size and _md5(path) == self.md5

    def bytes_left(self, folder: Path) -> int:
        """How much of a file that is not there is still to come."""
        part = _part(folder, self)
        return self.size - (min(part.stat().st_size, self.size) if part.is_file() else 0)


class Again(Exception):
    """A failure that may pass; ``seconds`` if the server said when."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Server:
    """An HTTP server that is asked patiently.

    Args:
        attempts: in a row that may fail without a byte gained, before it is an error.
        pause: seconds before the second one; each further pause is twice as long.
        timeout: seconds without an answer, or without further bytes of one.
        sleep: what to wait with.
    """

    def __init__(
        self,
        attempts: int = 6,
        pause: float = 1.0,
        timeout: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.attempts, self.pause, self.sleep = attempts, pause, sleep
        self._client = httpx.Client(
            timeout=timeout,
            follow_redirects=True,
            headers={"User-Agent": f"wsigen/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *reason: object) -> None:
        self._client.close()

    def json(self, url: str, params: dict[str, str] | None = None) -> Any:
        """Return the JSON that ``url`` answers with."""

        def ask() -> Any:
            answer = self._client.get(url, params=params)
            _check_status(answer)
            try:
                return answer.json()
            except ValueError as error:
                raise WsigenError(f"{url}: expected JSON in answer; check the address") from error

        return self._patiently(url, ask, lambda: 0)

    def fetch(
        self, file: RemoteFile, folder: Path, progress: Callable[[int], object] = lambda count: None
    ) -> Path:
        """Fetch a file into ``folder`` unless it lies there already, and return its path.

        Args:
            file: what to fetch.
            folder: must exist.
            progress: is told how many bytes have come; fewer than none when a damaged file is thrown away.

        Raises:
            WsigenError: the server refuses, fails again and again, or sends twice what is not the published file.
        """
        path, part = folder / file.name, _part(folder, file)
        if file.is_in(folder):
            return path
        for _ in range(2):
            self._patiently(
                file.url,
                lambda: self._continue(file, part, progress),
                lambda: part.stat().st_size if part.is_file() else 0,
            )
            if _md5(part) == file.md5:
                os.replace(part, path)
                return path
            progress(-part.stat().st_size)
            part.unlink()  # nobody knows which bytes are wrong
        raise WsigenError(
            f"{file.url}: what came twice has another md5 than {file.md5}, which its publisher gives; "
            "try again later"
        )

    def _continue(self, file: RemoteFile, part: Path, progress: Callable[[int], object]) -> None:
        have = part.stat().st_size if part.is_file() else 0
        if have > file.size:
            part.unlink()
            have = 0
        if have == file.size and have:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", file.url, headers=headers) as answer:
            _check_status(answer)
            resumed = answer.headers.get("content-range", "").startswith(f"bytes {have}-")
            if have and not (answer.status_code == httpx.codes.PARTIAL_CONTENT and resumed):
                progress(-have)
                have = 0  # the server sends all of it again
            with part.open("ab" if have else "wb") as out:
                for chunk in answer.iter_raw():
                    out.write(chunk)
                    progress(len(chunk))
                    have += len(chunk)
                    if have > file.size:
                        break
        if have != file.size:
            raise Again(f"sent {have} bytes, expected {file.size}")

    def _patiently(self, url: str, action: Callable[[], T], gained: Callable[[], int]) -> T:
        failures, before = 0, gained()
        while True:
            try:
                return action()
            except (Again, httpx.TransportError) as error:
                failures = 1 if gained() > before else failures + 1
                before = gained()
                if failures >= self.attempts:
                    reason = str(error) or type(error).__name__
                    raise WsigenError(
                        f"{url}: failed {failures} times ({reason}); start again later, "
                        "what has come is kept"
                    ) from error
                asked = error.seconds if isinstance(error, Again) else None
                seconds = self.pause * 2 ** (failures - 1) if asked is None else asked
                self.sleep(min(max(seconds, 0.0), LONGEST_PAUSE))


def fetch_all(
    server: Server,
    files: Sequence[RemoteFile],
    folder: Path,
    progress: Callable[[int], object] = lambda count: None,
) -> Iterator[Path]:
    """Fetch files one after the other, yielding each when it is whole and checked."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        yield server.fetch(file, folder, progress)


def missing(files: Iterable[RemoteFile], folder: Path) -> list[RemoteFile]:
    """The files that do not lie in ``folder`` whole."""
    return [file for file in files if not file.is_in(folder)]


def check_room(folder: Path, needed: float) -> None:
    """Raise WsigenError where the disk of ``folder``, which may not exist yet, has too little room."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if needed + SPARE > free:
        raise WsigenError(
            f"{folder}: {readable(needed)} are to come and {readable(free)} are free there; "
            "make room, choose another folder or a lower --limit"
        )


def readable(count: float) -> str:
    """A number of bytes for people: 1.2 GB."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:
        count, units = count / 1000, units[1:]
    return f"{count:.3g} {units[0]}"


def _part(folder: Path, file: RemoteFile) -> Path:
    return folder / f"{file.name}.part"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
        raise Again(f"the server answers {status}", _retry_after(answer.headers.get("retry-after")))
    if status >= 400:
        raise WsigenError(
            f"{answer.url}: the server answers {status} {answer.reason_phrase}; check the address, or "
            "whether the file was withdrawn"
        )


def _retry_after(text: str | None) -> float | None:
    """Seconds from now, of a header that holds seconds or a date."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
