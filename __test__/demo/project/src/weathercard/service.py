"""The weather service: a real HTTP client that talks to a server inside the program."""

import httpx
from pydantic import BaseModel

from weathercard.stations import load


class Report(BaseModel):
    """What the service says about one station."""

    station: str
    celsius: float
    wind: float

    @property
    def feels_like(self) -> float:
        """Wind chill after the formula of 2001, where it applies."""
        kmh = self.wind * 3.6
        if self.celsius > 10 or kmh < 4.8:
            return self.celsius
        return 13.12 + 0.6215 * self.celsius - 11.37 * kmh**0.16 + 0.3965 * self.celsius * kmh**0.16


class UnknownStation(Exception):
    """The service does not know the station."""


def _answer(request: httpx.Request) -> httpx.Response:
    station = load().get(request.url.params["station"])
    if station is None:
        return httpx.Response(404, json={"error": "no such station"})
    return httpx.Response(200, json={"station": station.id, "celsius": station.celsius, "wind": station.wind})


def report(station: str) -> Report:
    """Asks the service about a station."""
    with httpx.Client(base_url="https://weather.invalid", transport=httpx.MockTransport(_answer)) as client:
        response = client.get("/report", params={"station": station})
    if response.status_code == httpx.codes.NOT_FOUND:
        raise UnknownStation(station)
    response.raise_for_status()
    return Report.model_validate_json(response.content)
