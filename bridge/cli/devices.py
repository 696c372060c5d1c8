"""`sideman devices`: the sound devices that `--output` can name."""

from __future__ import annotations

import argparse

from bridge.audio.devices import list_devices


def run(_: argparse.Namespace) -> int:
    for device in list_devices():
        mark = "*" if device.default else " "
        print(
            f"{mark} {device.index:3d}  {device.name}  ({device.hostapi}, "
            f"{device.max_output_channels} out, {device.default_rate} Hz)"
        )
    print("       jack  (JACK ports for the master and for each deck)")
    print("       null  (no device: consumes in real time, makes no sound)")
    return 0
