"""The command line, as `docs/quickstart.md` describes it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from bridge import __version__
from bridge.cli.options import add_bits, add_clips, add_engine, add_sound
from engine.errors import BadValue


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise BadValue(f"{message} (see {self.prog} --help)")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments; `run` is what to call with them. Raises BadValue."""
    parser = _Parser(
        prog="sideman",
        description="A text-to-music player that lives beside a DAW and follows its tempo.",
    )
    parser.add_argument("--version", action="version", version=f"sideman {__version__}")
    parser.add_argument("--debug", action="store_true", help="show where an error came from")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _serve(commands.add_parser("serve", help="run the server until it is interrupted"))
    _generate(commands.add_parser("generate", help="make music into WAV files"))
    _demo(commands.add_parser("demo", help="the whole chain once, over its own OSC port"))
    _send(commands.add_parser("send", help="one OSC message, and the replies"))
    _plain(commands.add_parser("devices", help="list the sound devices"), "devices")
    _doctor(commands.add_parser("doctor", help="check this machine, and say what to do"))
    _replay(commands.add_parser("replay", help="make a clip again from what it says of itself"))
    _bench(commands.add_parser("bench", help="measure this machine"))
    _convert(commands.add_parser("convert", help="make one GGUF file of a model"))
    _warp(commands.add_parser("warp", help="bring a recording to a tempo, onto the grid"))
    _watch(commands.add_parser("watch", help="print or hand on each clip as it is finished"))
    _import(commands.add_parser("import", help="clips into the host that runs"))
    return parser.parse_args(words)


def _run(module: str) -> Callable[[argparse.Namespace], int]:
    """`run(arguments)` of a module of this package, imported when it is called."""

    def run(arguments: argparse.Namespace) -> int:
        called: int = import_module(f"bridge.cli.{module}").run(arguments)
        return called

    return run


def _plain(parser: argparse.ArgumentParser, module: str) -> None:
    parser.set_defaults(run=_run(module))


def _serve(parser: argparse.ArgumentParser) -> None:
    add_engine(parser)
    parser.add_argument(
        "--osc", default="127.0.0.1:9740", metavar="HOST:PORT",
        help="UDP; TCP is two ports above it; port 0 is any free one (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--http", metavar="HOST:PORT",
        help="OSCQuery: the addresses described and their values, over HTTP and WebSocket"
        " (default: OSC's host, one port above it)",
    )  # fmt: skip
    parser.add_argument("--no-http", action="store_true", help="no HTTP server")
    parser.add_argument(
        "--token", metavar="TEXT",
        help="what a browser must bring to be let in (default: SIDEMAN_TOKEN of the environment;"
        " else drawn anew at every start, and needed only if --http is not this machine alone)",
    )  # fmt: skip
    parser.add_argument(
        "--announce", action=argparse.BooleanOptionalAction,
        help="be found in the local network, by mDNS (default: if --http is not this machine"
        " alone)",
    )  # fmt: skip
    add_sound(parser)
    parser.add_argument("--decks", type=int, default=4, help="1..8 (default %(default)s)")
    add_clips(parser)
    add_bits(parser)
    parser.add_argument(
        "--remember", type=float, default=256.0, metavar="SECONDS",
        help="of what was played, for captures and loops: 0.4 MB each second for each deck and the"
        " master (default %(default)g, 64 bars at 60 BPM)",
    )  # fmt: skip
    parser.add_argument(
        "--midi-in", action="append", default=[], metavar="NAME",
        help="only inputs whose name contains NAME; may be given again (default: all)",
    )  # fmt: skip
    parser.add_argument("--no-midi", action="store_true", help="open no MIDI input")
    parser.add_argument(
        "--midi-map", action="append", default=[], metavar="NAME[@PORT]",
        help="a controller's map, and its lights: a folder of daw_presets or a .toml file; PORT is"
        " a part of the port's name, if it is another than usual; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--dialect", action="append", default=[], metavar="NAME",
        help="understand a host in its own words, and answer in them: a folder of daw_presets or a"
        " .toml file; NAME@HOST:PORT is told there, and NAME,PORT heard at that port instead of"
        " where the file says; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--clock", default="internal", metavar="SOURCE",
        help="who leads the tempo: internal (default), osc, midi or link; /clock changes it",
    )  # fmt: skip
    parser.add_argument(
        "--midi-clock-out", default="", metavar="NAME",
        help="send MIDI clock to the output whose name contains NAME; 'virtual' makes one of our"
        " own, 'sideman clock', for others to connect to",
    )  # fmt: skip
    parser.add_argument(
        "--key", default="", help="to play in, such as 'A minor'; /key changes it (default: any)"
    )
    parser.add_argument(
        "--as-typed", action="store_true",
        help="add neither tempo nor key to the prompts; /prompt/words changes it",
    )  # fmt: skip
    parser.add_argument(
        "--master", action="store_true",
        help="bring every rendered clip to -16 LUFS, with true peaks of at most -1.5 dBTP",
    )  # fmt: skip
    _plain(parser, "serve")


def _generate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", nargs="+", metavar="PROMPT")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("-t", "--seconds", type=float, help="how long (default 15)")
    length.add_argument("--bars", type=int, help="a loop of so many bars")
    parser.add_argument("--bpm", type=float, help="20..400 (for --bars: 120 if not given)")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        help="the file, or a folder for several; never written over: see what is printed",
    )
    parser.add_argument("--batch-size", type=int, default=4, help="prompts in one pass")
    parser.add_argument("--seed", type=int, default=-1, help="-1 draws one")
    parser.add_argument("--temperature", type=float, default=0.85, help="0.05..2")
    parser.add_argument("--top-k", type=int, default=250, help="1..2048")
    parser.add_argument("--guidance", type=float, default=3.0, help="1..10")
    parser.add_argument(
        "--rate", type=int, help="Hz (default: the engine's own; groove's is 48000)"
    )
    parser.add_argument("--key", default="", help="added to the prompt: 'A minor', 'F# dorian'")
    parser.add_argument(
        "--as-typed", action="store_true", help="add neither tempo nor key to the prompt"
    )
    parser.add_argument(
        "--continue-from", type=Path, metavar="WAV",
        help="go on from the end of this recording; only the new music is written (musicgen)",
    )  # fmt: skip
    add_bits(parser)
    parser.add_argument("--melody", type=Path, metavar="WAV", help="not available yet")
    parser.add_argument(
        "--master", action="store_true",
        help="bring it to -16 LUFS, with true peaks of at most -1.5 dBTP",
    )  # fmt: skip
    add_engine(parser)
    _plain(parser, "generate")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", default="default", help="as for serve")
    parser.add_argument(
        "--clips", type=Path, default=Path("demo"), metavar="DIR",
        help="where the files go (default ./%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--replay", metavar="FILE",
        help="instead, be driven by a host: send what oscdump recorded of one; 'reaper' is a file"
        " that comes along",
    )  # fmt: skip
    parser.add_argument(
        "--dialect", default="reaper", metavar="NAME",
        help="the host's, with --replay (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="store_true",
        help="then keep a server up, and say where its page is, until Ctrl-C",
    )  # fmt: skip
    _plain(parser, "demo")


def _send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--osc", default="127.0.0.1:9740", metavar="HOST:PORT")
    parser.add_argument("--wait", type=float, default=0.3, help="seconds to wait for replies")
    parser.add_argument(
        "--file", type=Path,
        help="messages from a file instead, a line each, their words parted by tabs",
    )  # fmt: skip
    parser.add_argument(
        "--follow", action="store_true",
        help="send what is added to the file as it comes; a line 'end', or 10 s without any line,"
        " ends it",
    )  # fmt: skip
    parser.add_argument(
        "--into", type=Path, metavar="FILE",
        help="write the replies to this file instead, there once it is complete; its last line is"
        " the exit status",
    )  # fmt: skip
    parser.add_argument("address", nargs="?")
    parser.add_argument(
        "args", nargs="*", metavar="ARG",
        help="numbers, T, F or strings; s:808 is a string, f:3 a float, i:3 an integer",
    )  # fmt: skip
    _plain(parser, "send")


def _doctor(parser: argparse.ArgumentParser) -> None:
    add_engine(parser)
    add_clips(parser)
    parser.add_argument("--osc", default="127.0.0.1:9740", metavar="HOST:PORT")
    parser.add_argument("--prompt", metavar="TEXT", help="check a prompt")
    _plain(parser, "doctor")


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("-o", "--out", type=Path, help="the file (default: beside the clip)")
    parser.add_argument(
        "--continue-from", type=Path, metavar="WAV",
        help="the recording that the clip goes on from, if it is not beside it",
    )  # fmt: skip
    _plain(parser, "replay")


def _convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="as --model of serve")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FILE.gguf", help="the file"
    )
    parser.add_argument(
        "--type", default="q8_0",
        help="of the weights: f32, f16, q8_0, a quarter of f32 (default), or q4_0, an eighth",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace a file of that name")
    _plain(parser, "convert")


def _warp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="IN.wav")
    parser.add_argument("--bpm", type=float, required=True, help="the tempo wanted, 20..400")
    parser.add_argument(
        "--from-bpm", type=float, metavar="BPM",
        help="about the tempo it has (default: about the tempo wanted)",
    )  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT.wav")
    _plain(parser, "warp")


def _watch(parser: argparse.ArgumentParser) -> None:
    add_clips(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="first those that lie there already")
    which.add_argument("--new", action="store_false", dest="all", help="only new ones (default)")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each")
    parser.add_argument("--to", choices=["audacity"], help="put each into the host that runs")
    parser.add_argument(
        "command", nargs="*", metavar="COMMAND",
        help="after --: run it for each, with the file's path as its last argument, or in place of"
        " {}; one at a time, and through no shell",
    )  # fmt: skip
    _plain(parser, "watch")


def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", choices=["audacity"], default="audacity", help="(default)")
    add_clips(parser)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="CLIP",
        help="WAV files (default: the newest clip in the clips folder)",
    )  # fmt: skip
    _plain(parser, "import_clip")


def _bench(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    _measure(what.add_parser("bridge", help="the bridge and its embedded engine"), "bench")
    time = what.add_parser("time", help="clocks, the tempo lock and loops")
    time.add_argument(
        "--plot", type=Path, metavar="DIR", help="pictures, too: clock.png, warp.png, seam.png"
    )
    _measure(time, "bench_time")
    engine = what.add_parser("engine", help="MusicGen, beside transformers on the same weights")
    engine.add_argument(
        "--model", default="",
        help="as for serve (default: random weights, musicgen-small's shape, 2.4 GB on disk)",
    )  # fmt: skip
    engine.add_argument("--device", default="auto", help="cuda, mps or cpu (default: auto)")
    engine.add_argument(
        "--plot", type=Path, metavar="FILE", help="a picture, too: .png, .svg or .pdf"
    )
    _measure(engine, "bench_engine")


def _measure(parser: argparse.ArgumentParser, module: str) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON, too")
    parser.add_argument("--quick", action="store_true", help="shorter, for a first look")
    _plain(parser, module)
