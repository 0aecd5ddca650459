"""The stations: a table that is read from the package's own data."""

import csv
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field


class Station(BaseModel):
    """A place with a thermometer and an anemometer."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    celsius: float = Field(ge=-90, le=60)
    wind: float = Field(ge=0)


def load() -> dict[str, Station]:
    """All stations by id."""
    text = files("weathercard").joinpath("data/stations.csv").read_text(encoding="utf-8")
    return {row["id"]: Station.model_validate(row) for row in csv.DictReader(text.splitlines())}
