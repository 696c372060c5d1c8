"""The picture of the music that consoles are shown: what it is worked out from, how it is sent."""
