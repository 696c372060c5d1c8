"""The tempo lock: music of an engine that keeps no time, brought onto the transport's grid."""
