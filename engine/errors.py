"""The errors an engine raises. Every message says the value, the range and the remedy.

SidemanError                 everything a user can be told in one line
├── BadValue                 an argument out of range or of the wrong kind (exit status 2)
├── NotAvailable             something that comes in a later version
└── EngineError              the engine cannot do what was asked
    ├── EngineUnavailable    not installed, no weights, no memory: names what is missing
    ├── EngineLost           the engine's process died or stopped answering
    └── OutOfMemory          the device has no room for all streams that play
"""

from __future__ import annotations


class SidemanError(Exception):
    """Root of the tree: `str(error)` is one line that a user can act on."""


class BadValue(SidemanError):
    """An argument out of range or of the wrong kind."""


class NotAvailable(SidemanError):
    """Something that comes in a later version."""


class EngineError(SidemanError):
    """The engine cannot do what was asked."""


class EngineUnavailable(EngineError):
    """The engine cannot start here; the message names what is missing and the remedy."""


class EngineLost(EngineError):
    """The engine's process died or stopped answering."""


class OutOfMemory(EngineError):
    """The device has no room for all streams that play."""
