"""Slides that are drawn, with tissue whose every cell is known."""
