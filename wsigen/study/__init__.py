"""The reader study: do experts take synthetic slides for real? Nothing here needs torch."""
