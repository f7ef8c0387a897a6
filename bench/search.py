"""The search for people in a large institution: the time to the first page of answers."""

from __future__ import annotations

import random
import time
from statistics import median, quantiles
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.visit import Figures

if TYPE_CHECKING:
    from bench.servers import Server
    from bench.visit import Plan

PEOPLE = 100_000
PAGE = 50
# Beginnings of a given name, of a family name, of several words, and of an address; some have tens
# of thousands of people behind them, and some have nobody.
SEARCHES = ("a", "m", "jo", "jose", "nun", "angst", "anna b", "obrien", "weiss", "zz", "0", "4f")
GIVEN = (
    *("Anna", "José", "Maria", "Jürgen", "Zoë", "Ahmed", "Mei", "Anders", "İbrahim", "Chloé"),
    *("Jean-Luc", "Olga", "Mohamed", "Marta", "Joan", "Søren", "Aiko", "Ada", "Lena", "Tomás"),
)
FAMILY = (
    *("Núñez", "Ångström", "Weiß", "O'Brien", "Müller", "Smith", "Nguyen", "Kowalski", "Rossi"),
    *("Berg", "Bianchi", "D'Angelo", "García", "Yıldız", "Andersson", "Meyer", "Martin", "Jones"),  # noqa: RUF001
)
WARM_UP = 20


def search(server: Server, plan: Plan) -> Figures:
    """Measure searches one after another on an idle server.

    Args:
        server: A server of ours.
        plan: Amount of measurement.
    """
    teacher = server.seeder.people(PEOPLE, _name)
    taken = []
    for number in range(WARM_UP + plan.searches):
        path = f"/class/students?limit={PAGE}&search={quote(SEARCHES[number % len(SEARCHES)])}"
        began = time.perf_counter()
        server.api.ask(path, teacher.token)
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
    slowest = quantiles(taken, n=100)[-1]
    return Figures({"search_p50": round(median(taken), 1), "search_p99": round(slowest, 1)})


def _name(number: int) -> str:
    choice = random.Random(number)  # noqa: S311 - the same people in each run
    return f"{choice.choice(GIVEN)} {choice.choice(GIVEN)} {choice.choice(FAMILY)}"
