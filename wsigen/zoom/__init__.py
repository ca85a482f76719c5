"""One place of a slide at every scale, and only what it depends on."""
