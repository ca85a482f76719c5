"""What the book adds to Sphinx: results with their source, badges, the paper's map, claims, viewers and sliders."""

from typing import Any

from bookkit import (
    badges,
    beside,
    card,
    claims,
    docstrings,
    equations,
    exercises,
    frames,
    paper_map,
    places,
    provenance,
    quiz,
    results,
    slides,
    tables,
    wipe,
)


def setup(app: Any) -> dict[str, bool]:
    """Register roles, directives and the badge of every page (Sphinx calls this)."""
    app.add_config_value("book_profile", places.profile(), "env")
    app.add_config_value(
        "book_code", places.code(), "env"
    )  # another machinery reads all pages anew
    app.connect("html-page-context", places.without_thebe, priority=900)
    for part in (
        badges,
        beside,
        card,
        claims,
        docstrings,
        equations,
        exercises,
        frames,
        paper_map,
        provenance,
        quiz,
        results,
        slides,
        tables,
        wipe,
    ):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
