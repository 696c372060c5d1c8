"""The demo: a story played over OSC by a client of its own process, heard and measured here."""
