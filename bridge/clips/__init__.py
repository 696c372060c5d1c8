"""Clips: loops and recordings as WAV files that a DAW puts on its grid by itself."""
