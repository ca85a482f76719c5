"""Outputs, checked before the work that fills them: an hour lost to a name is an hour lost."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wsigen.errors import WsigenError

SLIDE = (".tiff", ".tif")
PICTURE = (".png", ".jpg", ".jpeg", ".webp")
TABLE = (".json",)


def check_file(
    path: Path | str,
    *,
    overwrite: bool = False,
    suffixes: Sequence[str] = (),
    apart_from: Sequence[Path | None] = (),
) -> None:
    """Raise WsigenError where a file cannot or must not be written.

    Args:
        path: of the file; missing folders are no fault, whoever writes makes them.
        overwrite: an existing file may be replaced.
        suffixes: that say what is written; the first is the one to advise. None at all is any.
        apart_from: other outputs, and inputs, of the same command.
    """
    path = Path(path)
    if path.is_dir():
        raise WsigenError(f"{path} is a folder: give the name of a file")
    kinds = [suffix.lower() for suffix in path.suffixes]
    if suffixes and (kinds[-1:] or [""])[0] not in suffixes:
        wanted = path.with_suffix(suffixes[0]).name
        raise WsigenError(
            f"{path}: what is written is no {path.suffix or 'file without a suffix'}; name it {wanted}"
        )
    if suffixes and ".ome" in kinds[-2:-1]:
        wanted = path.with_suffix("").with_suffix(suffixes[0]).name
        raise WsigenError(f"{path}: what is written is no OME-TIFF; name it {wanted}")
    for other in apart_from:
        if other is not None and same_file(path, other):
            raise WsigenError(f"{path} is named twice: one file would replace the other")
    if path.exists() and not overwrite:
        raise WsigenError(f"{path} exists: choose another name or use --overwrite")
    check_place(path.absolute().parent)


def same_file(one: Path | str, other: Path | str) -> bool:
    """Whether two names are those of one file: spelled with ``..``, through links, there or not yet."""
    one, other = Path(one), Path(other)
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to, which becomes ``path`` when all is written.

    After an error or Ctrl-C it is gone, and ``path`` as it was. Missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, replaces: str) -> Iterator[Path]:
    """A folder beside ``path`` to write files into, which go to ``path`` when all are written.

    Then files there whose names match ``replaces`` go first, and others of the same names are replaced. After an error
    or Ctrl-C ``path`` is as it was.
    """
    path = path.resolve()  # "." has no name
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.mkdir(parents=True)
    try:
        yield part
        path.mkdir(exist_ok=True)
        for earlier in path.glob(replaces):
            earlier.unlink()
        for file in part.iterdir():
            os.replace(file, path / file.name)
    finally:
        shutil.rmtree(part)


def written_as(path: Path) -> str:
    """The format of a picture by its name, as Pillow and Matplotlib call it: what :func:`whole` gives has no suffix."""
    suffix = path.suffix.lower().removeprefix(".")
    return {"jpg": "jpeg"}.get(suffix, suffix)


def check_place(folder: Path) -> None:
    """Raise WsigenError where a folder is none, or could not be made or written to."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            if not os.access(place, os.W_OK):
                raise WsigenError(f"{place}: nothing can be written there; choose another folder")
            return
        if place.exists():
            raise WsigenError(f"{place} is a file, and was to be a folder; choose another name")
