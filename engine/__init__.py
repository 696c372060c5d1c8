"""Engines that make music in small chunks. They know samples and frames, never beats or devices
beyond the `Timing` they are given, and import nothing from `bridge`."""
