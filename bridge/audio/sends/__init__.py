"""Audio into other programs by UDP, at the pace of the sound card: VBAN and ReaStream."""
