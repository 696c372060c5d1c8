"""Who leads the tempo: the transport itself, a host over OSC, MIDI clock, or Ableton Link."""
