"""Sound: outputs, the master limiter, fades, and the buffers that decks play from."""
