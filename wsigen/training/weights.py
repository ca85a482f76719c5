"""Files of tensors: safetensors, never pickle, and either whole or not there."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from wsigen.errors import WsigenError
from wsigen.models import PACKED
from wsigen.outputs import whole


def write_safetensors(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """Write a safetensors file that is either whole or not there."""
    try:
        with whole(path) as part:
            # safetensors' own save_file leaves a file that nobody else may read (its issue 782)
            part.write_bytes(save(tensors, header))
    except (SafetensorError, OSError) as error:
        raise WsigenError(
            f"{path}: cannot be written ({error}); make room or choose another folder, then resume"
        ) from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the header of a file; raises WsigenError for a damaged or foreign one."""
    if path.suffix == PACKED:
        return read_named(path)[:2]
    with _whole(path), safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_header(path: Path) -> dict[str, str]:
    """The header of a file, without its tensors."""
    with _whole(path), safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def read_named(path: Path) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """The same with the SHA-256 of the file's content, from one pass over it."""
    with _whole(path):
        whole = content(path)
        size = int.from_bytes(whole[:8], "little")  # of the header, which comes next
        tensors = load(whole)
        header = json.loads(whole[8 : 8 + size]).get("__metadata__", {})
    return tensors, header, hashlib.sha256(whole).hexdigest()


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    try:
        yield
    except (SafetensorError, OSError, ValueError, EOFError) as error:
        raise WsigenError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from error


def content(path: Path) -> bytes:
    """What a file of tensors holds. One that ships is packed, so that a clone is smaller."""
    packed = path.read_bytes()
    return gzip.decompress(packed) if path.suffix == PACKED else packed


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors of one part of a file, without its prefix."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
