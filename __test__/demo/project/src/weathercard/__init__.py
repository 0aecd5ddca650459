"""Weather of a few stations, as cards in the terminal."""

from importlib.metadata import version

__version__ = version("weathercard")
