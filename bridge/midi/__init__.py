"""MIDI in: ports that come and go, the default map, learnt controls, soft takeover."""

from bridge.midi.hub import MidiHub
from bridge.midi.messages import Realtime

__all__ = ["MidiHub", "Realtime"]
