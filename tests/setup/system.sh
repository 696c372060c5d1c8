#!/bin/sh
# System packages, on Debian and Ubuntu, where this user may install them.
#
#   sh tests/setup/system.sh play      what playing needs: PortAudio
#   sh tests/setup/system.sh develop   and the programs that the tests play with
#
# Elsewhere it says what is missing and what that means. It never fails and never asks: sideman
# runs without PortAudio (--output null), and a test whose program is missing skips itself.

set -u

missing=""   # packages
meaning=""   # what their absence means

want() { # want PACKAGE PRESENT? MEANING
    if [ "$2" = no ]; then
        missing="$missing $1"
        meaning="$meaning
  $1: $3"
    fi
}

has_library() {
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -q "$1" && echo yes || echo no
}

has_program() {
    command -v "$1" >/dev/null 2>&1 && echo yes || echo no
}

# On macOS and Windows PortAudio comes with the sounddevice package.
if [ "$(uname -s)" != Linux ]; then
    [ "${1:-}" = develop ] && echo "tests against jackd, liblo and lua skip what is not installed"
    exit 0
fi

want libportaudio2 "$(has_library libportaudio.so.2)" "no sound card can be opened; --output null and files work"
if [ "${1:-}" = develop ]; then
    want jackd2 "$(has_program jackd)" "the tests of the sound card and of MIDI are skipped"
    want liblo-tools "$(has_program oscsend)" "the tests with oscsend and oscdump are skipped"
    want ffmpeg "$(has_program ffmpeg)" "the test of loudness against another meter is skipped"
    want lua5.4 "$(has_program lua5.4)" "the tests of the REAPER action are skipped"
    want nodejs "$(has_program node)" "the tests of the Bitwig script are skipped"
    want sox "$(has_program soxi)" "the test that reads clips with sox is skipped"
    want ardour "$(has_program ardour)" "the tests with a running DAW are skipped"
    want audacity "$(has_program audacity)" "the test that imports clips into an editor is skipped"
    [ "$(has_program chromium)" = yes ] ||
        want chromium-headless-shell "$(has_program chromium-headless-shell)" "the tests of the console in a browser are skipped"
    want xvfb "$(has_program Xvfb)" "as without audacity, and without most of ardour: they need a screen"
    want supercollider-language "$(has_program sclang)" "the tests with SuperCollider are skipped"
    want puredata-core "$(has_program pd)" "the tests with Pure Data are skipped"
fi
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && [ "$(has_program apt-get)" = yes ]; then
    echo "installing$missing"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Acquire::Retries=3 update >"$log" 2>&1
    known=""  # one that a release does not have must not keep the others out
    for package in $missing; do
        apt-cache show "$package" >/dev/null 2>&1 && known="$known $package"
    done
    # shellcheck disable=SC2086  # a list of words
    if apt-get -qq -o Acquire::Retries=3 -y --no-install-recommends install $known \
        >>"$log" 2>&1 </dev/null && [ "$known" = "$missing" ]; then
        rm -f "$log"
        exit 0
    fi
    echo "could not install$missing:"
    tail -n 3 "$log"
    rm -f "$log"
else
    echo "not here, and only root may install it: apt-get install$missing"
fi
echo "without:$meaning"
exit 0
