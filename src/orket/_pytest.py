"""The option of pytest that tests installed nodes: all that pytest loads of orket unless the option is given."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--orket-nodes``."""
    parser.getgroup("orket").addoption(
        "--orket-nodes",
        action="append",
        metavar="NODES",
        help="with --pyargs orket.testing.installed: which installed decision nodes to test. 'all', a kind ('router'), "
        "'KIND=NAME', or 'KIND={\"name\": …, \"options\": {…}}'; several separated by commas, or the option repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load what finds and tests the nodes, when the option is given."""
    if (chosen := config.getoption("orket_nodes")) is not None:
        from orket.testing._discovery import InstalledNodes  # a host that tests no nodes never loads it

        config.pluginmanager.register(InstalledNodes(chosen), "orket-installed-nodes")
