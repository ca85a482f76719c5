#!/usr/bin/env bash
# PyTorch's layer norm on a processor is slower without weight and bias than with ones and zeros.
#
# In float32 the kernel has a loop over vectors for rows with both, and one over single numbers for rows that lack
# either. One expects that doing less takes no longer. The values are the same, bit for bit. Each is timed in turns, and
# the fastest of many counts, so that other work on the machine is no matter; half as long again is asked for before it
# is called slower. PyTorch's build for processors is meant: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$folder/packages" \
    torch==2.13.0 filelock==4.2.11 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    sympy==1.14.0 typing-extensions==4.16.0
cd "$folder"
PYTHONPATH="$folder/packages" python3 -S - <<'PYTHON'
import sys
import time
from importlib.metadata import version

import torch
from torch.nn.functional import layer_norm

torch.set_num_threads(1)
x = torch.randn(16, 32, 32, 64, generator=torch.Generator().manual_seed(0))
one, zero = torch.ones(64), torch.zeros(64)


def seconds(*weights: torch.Tensor) -> float:
    """Time of one call."""
    began = time.perf_counter()
    layer_norm(x, (64,), *weights)
    return time.perf_counter() - began


turns = [(seconds(), seconds(one, zero)) for _ in range(200)]
plain, weighted = (min(each) for each in zip(*turns, strict=True))
same = torch.equal(layer_norm(x, (64,)), layer_norm(x, (64,), one, zero))
print(f"without {1000 * plain:.2f} ms, with {1000 * weighted:.2f} ms")

seen = (plain > 1.5 * weighted, same)
expected = (False, True)
recorded = (True, True)
print("version:  torch", version("torch"))
print("expected:", expected)
print("seen:    ", seen)
if seen != recorded:
    sys.exit(f"changed:  {recorded} was recorded")
PYTHON
