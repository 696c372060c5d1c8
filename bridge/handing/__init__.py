"""Finished clips handed on: seen as they come, given to a command, or put into a host."""
