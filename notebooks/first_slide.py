# %% [markdown]
# # A first slide
#
# **Question.** What does one slide from noise look like, from the overview down to the cells?
#
# ```{figure} ../figures/one_slide.jpg
# :alt: Sixteen patches drawn one by one, a chessboard of tissues; as large a part of one slide; and that slide from afar.
#
# Patches drawn one by one make no slide (left). Stages do (middle, and from afar).
# ```
#
# **Predict before you run.** The model draws the whole slide at its lowest magnification first. What can it decide
# there, and what is left for later stages: the outline of the tissue? Its colours? The place of a single nucleus?

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, classroom or paper: how large the slide is
cohort: str = "phantom"  # not used: this slide needs no real one
seed: int = 0  # names the slide: each seed is another one
mpp: float = 2.0  # micrometres per pixel of the finished slide
out: str = "out/first_slide"  # folder for the slide and its tiles

# %%
from functools import partial
from pathlib import Path

from wsigen.coarse_to_fine import drain, run_stage
from wsigen.plan import PAPER, stages
from wsigen.plan import plan as named_plan
from wsigen.plots.shown import Shown, show
from wsigen.plots.whole_slide import film_strip
from wsigen.runs.canvas import strips
from wsigen.slides import write_pyramid
from wsigen.training.checkpoint import load_denoiser
from wsigen.zoom.pages import write_frames, write_zoom

Path(out).mkdir(parents=True, exist_ok=True)
save = partial(show, out)  # a figure, its name, and words for those who cannot see it

# %% [markdown]
# One model draws all stages. It was trained on patches at every scale, and is told how many micrometres a pixel spans.

# %%
side = {"smoke": 320, "classroom": 1536, "paper": 16384}[profile]
denoiser = load_denoiser()
plan = PAPER if profile == "paper" else named_plan(denoiser.plan_name)
path = stages(side, side, mpp, patch_px=64, mpp_max=denoiser.info.mpp_max)
for stage in path:
    print(f"stage {stage.index}: {stage.width} x {stage.height} px at {stage.mpp:g} µm per pixel")

# %% [markdown]
# Each stage is one diffusion run over its whole canvas, and is shown the stage before.

# %%
painter, images = denoiser.painter(plan, seed=seed), [None]
for stage in path:
    images.append(drain(run_stage(painter, stage, images[-1])))
images = images[1:]

# %% [markdown]
# The stages at one size. All of them show the same slide.


# %%
def pixels(image):
    """Values in [-1, 1], channels first, as uint8 pixels."""
    return ((image.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()


labels = [f"{stage.width} px, {stage.mpp:g} µm/px" for stage in path]
save(
    film_strip([pixels(image) for image in images], labels),
    "film",
    f"One generated slide in {len(path)} stages, from a blocky thumbnail of tissue and glass on. "
    "Outline and colours stay; each stage is finer.",
)

# %% [markdown]
# ## Look at it
#
# A slide file holds its scale and smaller copies of itself, so that a viewer need not read all of it.

# %%
write_frames(
    f"{out}/stages",
    {f"{s.mpp:g} µm per pixel": pixels(i) for s, i in zip(path, images, strict=True)},
)
write_pyramid(
    f"{out}/slide.tiff",
    strips(images[-1], side, side),
    mpp,
    height=side,
    width=side,
    overwrite=True,
)
Shown(
    write_zoom(f"{out}/slide.tiff", f"{out}/zoom"),
    alt="The finished slide at a glance: dense stained tissue, and pale glass where it ends.",
)

# %% [markdown]
# Zoom in: with the buttons, with + and −, or with the wheel while you hold Ctrl. The bar shows a true length.
#
# ```{slide} book/executed/first_slide/zoom
# :alt: A generated slide in a deep-zoom viewer.
# A generated slide, from the whole of it down to single pixels.
# ```
#
# And its stages, one after the other:
#
# ```{frames} book/executed/first_slide/stages
# :alt: The same generated slide at
# :label: scale
# ```
#
# ## What we saw, beside what the paper says
#
# The outline and the colours are there from the first stage on. Each stage adds what is finer than a pixel of its
# guide, and never contradicts what was there. The paper goes the same way, in seven stages to 65 536 px a side (its
# Fig. 2), with patches of 512 px. Our overview is a thumbnail of 64 px, and knows less of how tissue is laid out.
