"""What the tests of the live microscope share: a tiny model, a running `wsigen explore`, a client."""

import io
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import torch
from PIL import Image
from server_kit import PATIENCE_S, serving

from wsigen.networks.unet import UNet, UNetConfig
from wsigen.training.checkpoint import ModelInfo, save_checkpoint

SLIDE = ["--width", "600", "--height", "400", "--mpp", "1.4", "--num-steps", "3", "--solver", "2m"]
SLIDE += ["--guided-sigma", "1", "--overview-steps", "2"]


def tiny_model(path: Path) -> Path:
    """A model whose training nobody needs."""
    torch.manual_seed(0)
    config = UNetConfig(widths=(8,), blocks=1, condition_channels=16)
    info = ModelInfo(config, 0.5, 32, 0.25, 40.0, 1, ("nothing (own data)",))
    save_checkpoint(path, UNet(config), info)
    return path


@contextmanager
def microscope(model: Path | str, *options: str) -> Iterator[str]:
    """`wsigen explore` in a process of its own, of one thread; yields the address of its page."""
    with process_of(model, *options, threads=1) as (address, _):
        yield address


@contextmanager
def process_of(
    model: Path | str, *options: str, threads: int
) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same, with its process."""
    words = ["explore", "--no-browser", "--model", model, *options]
    with serving(*words, threads=threads) as running:
        yield running


class Looking:
    """A reader without a browser."""

    def __init__(self, address: str, number: int = 1) -> None:
        self.http = httpx.Client(base_url=address, timeout=PATIENCE_S, verify=False)
        self.name = f"{number:016x}"
        page = self.http.get("").raise_for_status().text
        found = dict(re.findall(r'data-(run|width|height|mpps)="([^"]+)"', page))
        self.run = found["run"]
        self.mpps = [float(mpp) for mpp in found["mpps"].strip("[]").split(",")]
        self.height, self.width = int(found["height"]), int(found["width"])

    def want(self, *tiles: str, seed: int = 7, **more: object) -> httpx.Response:
        """Say what is waited for."""
        body = {"reader": self.name, "seed": seed, "tiles": tiles} | more
        return self.http.post("wants", json=body)

    def wait(self, *tiles: str, seed: int = 7, form: str = "png") -> dict:
        """Wait until all of it is there; returns the last answer."""
        left = set(tiles)
        end = time.monotonic() + 600
        while time.monotonic() < end:
            answer = self.want(*left, seed=seed, form=form).raise_for_status().json()
            assert not answer["failed"]
            left -= set(answer["ready"])
            if not left:
                return answer
        raise AssertionError(f"never there: {left}")

    def tile(self, tile: str, seed: int = 7, form: str = "png") -> httpx.Response:
        return self.http.get(f"tiles/{self.run}/{seed}/{tile}.{form}")

    def pixels(self, tile: str, seed: int = 7) -> np.ndarray:
        """The very pixels of a tile."""
        return np.asarray(Image.open(io.BytesIO(self.tile(tile, seed).raise_for_status().content)))
