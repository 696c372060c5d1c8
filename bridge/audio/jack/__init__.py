"""JACK ports of our own: the master, and each deck as a track for a DAW beside it."""
