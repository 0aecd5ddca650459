"""The command line."""

import sys

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from weathercard import __version__
from weathercard.service import UnknownStation, report
from weathercard.stations import load

EXIT_UNKNOWN_STATION = 7


@click.group()
@click.version_option(__version__, prog_name="weathercard")
def main() -> None:
    """Weather of a few stations, as cards in the terminal."""


@main.command()
@click.argument("station")
def show(station: str) -> None:
    """Show the card of STATION; exit with 7 if there is no such station."""
    try:
        weather = report(station)
    except UnknownStation:
        click.echo(f"weathercard: no such station: {station}", err=True)
        sys.exit(EXIT_UNKNOWN_STATION)
    place = load()[station]
    table = Table.grid(padding=(0, 2))
    table.add_row("air", f"{weather.celsius:.1f} °C")
    table.add_row("feels like", f"{weather.feels_like:.1f} °C")
    table.add_row("wind", f"{weather.wind:.1f} m/s")
    Console().print(Panel(table, title=place.name, subtitle=f"{place.latitude:.2f} {place.longitude:.2f}", width=36))


@main.command()
@click.argument("text", nargs=-1)
def echo(text: tuple[str, ...]) -> None:
    """Write each TEXT as it came, with a zero byte after it."""
    for item in text:
        sys.stdout.buffer.write(item.encode("utf-8", "surrogateescape") + b"\0")


@main.command("stations")
def stations() -> None:
    """List the stations."""
    _list()


def list_stations() -> None:
    """Entry point of the script `weathercard-stations`."""
    _list()


def _list() -> None:
    table = Table("id", "name", "latitude", "longitude")
    for station in load().values():
        table.add_row(station.id, station.name, f"{station.latitude:.2f}", f"{station.longitude:.2f}")
    Console().print(table)
