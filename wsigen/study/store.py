"""Readers and every step they took, in one SQLite file; steps are appended and never changed.

A reader goes through positions: 0 is consent, then the practice slides, then the others in the reader's own order.
Each step is a row (reader, serial): ``consent``, ``change`` of the slider, or ``submit``, which goes on to the next
position. The serial counts a reader's steps from 1, so a request that was sent twice, or from a second tablet that lags
behind, finds its serial taken. The last row alone says where a reader is.

SQLite runs in WAL mode with ``synchronous=FULL``: what was acknowledged is on the disk. Of a link only its SHA-256 is
kept.
"""

import hashlib
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wsigen.errors import WsigenError

COLUMNS = (
    "reader",
    "serial",
    "time",  # UTC of the server
    "kind",  # consent, change or submit
    "position",  # in the reader's order, from 1; 0 is consent
    "slide",
    "rating",  # 0 real to 100 synthetic
    "dwell_ms",  # how long the slide has been in sight since the page was opened
    "mpp_min",  # zoom range on that page, in micrometres per screen pixel
    "mpp_max",
    "centre_x",  # middle of the view, as a fraction of the slide's width and height
    "centre_y",
)
SCHEMA = """
CREATE TABLE IF NOT EXISTS readers (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, link BLOB NOT NULL UNIQUE, revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS steps (
    reader INTEGER NOT NULL REFERENCES readers, serial INTEGER NOT NULL, time TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('consent', 'change', 'submit')), position INTEGER NOT NULL, slide TEXT,
    rating INTEGER CHECK (rating BETWEEN 0 AND 100), dwell_ms INTEGER, mpp_min REAL, mpp_max REAL,
    centre_x REAL, centre_y REAL, PRIMARY KEY (reader, serial)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON steps BEGIN SELECT RAISE(ABORT, 'steps are never changed'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON steps BEGIN SELECT RAISE(ABORT, 'steps are never deleted'); END;
"""
NAME = re.compile(r"\w[\w .-]{0,59}")
MAX_STEPS = 20_000  # of one reader: about 500 changes per slide


class Conflict(Exception):
    """The step does not follow the last one: it was sent twice, or from a page that lags behind."""


@dataclass(frozen=True)
class State:
    """Where a reader is: the next serial, the position, and the rating last set there, if any."""

    serial: int
    position: int
    rating: int | None


@dataclass(frozen=True)
class Step:
    """One step to append; the fields are the columns of the same name."""

    kind: str
    position: int
    slide: str | None = None
    rating: int | None = None
    dwell_ms: int | None = None
    mpp_min: float | None = None
    mpp_max: float | None = None
    centre_x: float | None = None
    centre_y: float | None = None


class Store:
    """The ratings of a study; safe to share between threads and between processes.

    Raises:
        WsigenError: the file is no ratings file, or it is not there and ``create`` is not given.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not create and not path.is_file():
            raise WsigenError(f"{path}: no readers yet; invite some with `wsigen study invite`")
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(
                path, check_same_thread=False, isolation_level=None, timeout=10
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            raise WsigenError(
                f"{path}: not a ratings file ({error}); restore it from a backup"
            ) from error

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def invite(self, name: str) -> str:
        """Add a reader, or give one a new link in place of the old one; returns the secret of the link."""
        if not NAME.fullmatch(name):
            raise WsigenError(
                f"{name!r} is no name for a reader; expected up to 60 letters, digits, spaces, dots and hyphens"
            )
        name = self._known(name)
        secret = secrets.token_urlsafe(24)
        with self._lock:
            self._db.execute(
                "INSERT INTO readers (name, link) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET link = excluded.link, revoked = 0",
                (name, _digest(secret)),
            )
        return secret

    def _known(self, name: str) -> str:
        """The name as it was first written: Anna and anna are one reader."""
        with self._lock:
            names = [known for (known,) in self._db.execute("SELECT name FROM readers")]
        return next((known for known in names if known.casefold() == name.casefold()), name)

    def revoke(self, name: str) -> None:
        """Make a reader's link worthless; the ratings stay."""
        name = self._known(name)
        with self._lock:
            found = self._db.execute(
                "UPDATE readers SET revoked = 1 WHERE name = ?", (name,)
            ).rowcount
        if not found:
            raise WsigenError(f"no reader {name!r}; `wsigen study readers` lists them")

    def reader(self, secret: str) -> int | None:
        """The number of the reader with this link, None where there is none or it was revoked."""
        with self._lock:
            row = self._db.execute(
                "SELECT number FROM readers WHERE link = ? AND NOT revoked", (_digest(secret),)
            ).fetchone()
        return row[0] if row else None

    def readers(self) -> list[tuple[int, str, bool]]:
        """(number, name, revoked) of all readers."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, name, revoked FROM readers ORDER BY number"
            ).fetchall()
        return [(number, name, bool(revoked)) for number, name, revoked in rows]

    def state(self, reader: int) -> State:
        """Where the reader is now."""
        with self._lock:
            return self._state(reader)

    def append(self, reader: int, serial: int, step: Step) -> State:
        """Append a step and return the state after it; when this returns, the step is on the disk.

        Raises:
            Conflict: ``serial`` or the step's position is not the next one; nothing has changed.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (reader, serial, now, *(getattr(step, name) for name in COLUMNS[3:]))
        with self._transaction():
            state = self._state(reader)
            if (serial, step.position) != (state.serial, state.position):
                raise Conflict
            self._db.execute(f"INSERT INTO steps VALUES ({','.join('?' * len(COLUMNS))})", values)
            return self._state(reader)

    def steps(self) -> list[dict[str, str | int | float | None]]:
        """All steps in order, as {column: value}, the reader by name."""
        columns = ", ".join(f"steps.{name}" for name in COLUMNS[1:])
        query = f"SELECT readers.name, {columns} FROM steps JOIN readers ON number = reader ORDER BY reader, serial"
        with self._lock:
            return [dict(zip(COLUMNS, row, strict=True)) for row in self._db.execute(query)]

    def _state(self, reader: int) -> State:
        row = self._db.execute(
            "SELECT serial, kind, position, rating FROM steps WHERE reader = ? ORDER BY serial DESC LIMIT 1",
            (reader,),
        ).fetchone()
        if row is None:
            return State(1, 0, None)
        serial, kind, position, rating = row
        if kind == "change":
            return State(serial + 1, position, rating)
        return State(serial + 1, position + 1, None)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
