"""A demo of one's own for the run, Chromium, and people in front of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import postgres
from ops.state import State
from tests.browser.person import PASSWORD, Person
from tests.browser.product import Product, demo, siaga

HERE = Path(__file__).parent
SECOND_OPERATOR = "operator-2"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: it needs Chromium and a running product, and gets minutes on a busy machine."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """Return a demo as `./siaga demo --detach` starts it.

    `SIAGA_BROWSER_DEMO` names the state folder of a demo that runs already, for work on these tests.
    """
    if given := os.environ.get("SIAGA_BROWSER_DEMO"):
        running = Product(State.at(given))
        running.close_all()
        yield running
        return
    if not postgres.installed():
        pytest.skip("PostgreSQL with PostGIS is not installed (run ./siaga as root)")
    with demo() as running:
        yield running


@pytest.fixture(scope="session")
def second_operator(product: Product) -> str:
    """Return the name of a second operator of the demo."""
    if not product.query("SELECT 1 FROM siaga.account WHERE name = %s", SECOND_OPERATOR):
        account = ("user", "add", SECOND_OPERATOR, "--role", "operator", "--password-stdin")
        siaga(product.state, *account, typed=PASSWORD + "\n")
    return SECOND_OPERATOR


@pytest.fixture
def someone(product: Product, chromium: Any) -> Iterator[Callable[..., Person]]:
    """Return a function that opens a browser for one more person; at the end none may have complained."""
    people: list[Person] = []

    def open_one(**options: Any) -> Person:
        people.append(Person(chromium, product.pages, **options))
        return people[-1]

    yield open_one
    for one in people:
        one.close()
    assert [one.complaints for one in people] == [[] for _ in people]
