"""Train the denoiser, and save and load it."""
