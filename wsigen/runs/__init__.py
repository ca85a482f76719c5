"""What keeps a long run: stages, canvases, state, storage, work folder, progress, speed."""
