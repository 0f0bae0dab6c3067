"""The web consoles that the nodes serve: pages, their look, and the third-party code that they use."""
