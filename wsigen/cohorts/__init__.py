"""Many slides: tables, checks, packs, downloads, and the patches that are drawn from them."""
