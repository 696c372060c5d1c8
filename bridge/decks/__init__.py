"""Decks: players with a stream, a gain and a mute, and what launches them on the grid."""
