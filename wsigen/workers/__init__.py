"""Many workers on one slide, each with a band of its rows."""
