"""The bridge between a DAW, a controller or a web page and a resident engine: musical time, OSC,
MIDI, decks, mixer, clips."""

__version__ = "0.1.0"

PROTOCOL = "1.0"
"""Version of the OSC protocol, as `/version` answers it."""
