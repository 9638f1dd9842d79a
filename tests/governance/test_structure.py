"""iDesign: places, names and imports of source files."""

import pytest

from orket.governance._structure import category, import_fault, is_source, naming_fault, structure_fault


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("managers/order_manager.py", "managers"),
        ("agent_output/shop/Engines/tax_engine.ts", "engines"),
        ("managers/ui/page.jsx", "managers"),
        ("engines/tests/test_tax.py", "tests"),
        ("managers.py", ""),
        ("shop/order.py", ""),
        ("", ""),
    ],
)
def test_the_innermost_known_folder_is_the_category(path: str, place: str) -> None:
    """A file is of the innermost folder that iDesign knows."""
    assert category(path) == place


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("managers/order_manager.py", True),
        ("shop/contracts/order.py", True),
        ("docs/conf.py", True),
        ("main.py", True),
        ("shop/__init__.py", True),
        ("order.py", False),
        ("src/order.py", False),
        ("managers/engines/x_engine.py", False),
        ("engines/engines/x_engine.py", True),
    ],
)
def test_source_lies_in_a_known_folder(path: str, fine: bool) -> None:
    """Source files lie in one layer or a free folder; entry points lie anywhere."""
    assert (structure_fault(path) == "") == fine


@pytest.mark.parametrize(
    ("path", "content", "fine"),
    [
        ("managers/order_manager.py", "class OrderManager: ...", True),
        ("managers/OrderManager.ts", "class OrderEngine {}", True),
        ("managers/ui/page.jsx", None, True),
        ("managers/order.py", None, False),
        ("managers/_types.py", None, True),
        ("managers/__init__.py", None, True),
        ("managers/tax_engine.py", None, False),
        ("engines/ui/order_manager.py", None, False),
        ("order_manager.py", None, False),
        ("managers/order_manager.py", "class TaxEngine: ...", False),
        ("managers/order_manager.py", "class Broken(:", True),
        ("accessors/db_accessor.py", "def f():\n    class LocalManager: ...\n", True),
        ("tests/test_x.py", "class FakeOrderManager: ...", True),
        ("contracts/order_manager.py", "class OrderManager: ...", True),
    ],
)
def test_names_say_the_layer(path: str, content: str | None, fine: bool) -> None:
    """Files and classes named after a layer lie in it; files directly in a layer are named after it."""
    assert (naming_fault(path, content) == "") == fine


@pytest.mark.parametrize(
    ("place", "source", "fine"),
    [
        ("managers", "from shop.engines.tax_engine import TaxEngine\nimport shop.accessors.db_accessor", True),
        ("engines", "from ..accessors import db_accessor", True),
        ("engines", "import shop.managers.order_manager", False),
        ("engines", "from .. import managers", False),
        ("engines", "from ..managers import order_manager as _", False),
        ("engines", "def f():\n    from shop import managers", False),
        ("engines", "import importlib\nimportlib.import_module('shop.managers.x')", False),
        ("engines", "__import__('managers')", False),
        ("engines", "import_module(name)", True),
        ("engines", "'managers'", True),
        ("accessors", "from shop.engines import tax_engine", False),
        ("accessors", "from shop.managers import order_manager", False),
        ("accessors", "import sqlite3", True),
        ("contracts", "from shop.accessors import db_accessor", False),
        ("utilities", "from shop.engines import tax_engine", False),
        ("tests", "from shop.managers import order_manager", True),
        ("managers", "def broken(:", False),
        ("tests", "a\0b", False),
        ("managers", "x = '\ud800'", False),
        ("managers", "(" * 100_000, False),
        ("managers", "-" * 100_000 + "1", False),
        ("managers", "a" + "()" * 100_000, False),
        ("managers", "x = '\\d'\n", True),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_imports_go_down_only(place: str, source: str, fine: bool) -> None:
    """Engines import no managers, accessors neither of both; Python that cannot be read is refused, never raised."""
    assert (import_fault(f"shop/{place}/x.py", source) == "") == fine


def test_the_fault_names_the_import_and_its_line() -> None:
    """An agent is told which line to change."""
    fault = import_fault("engines/tax_engine.py", "import os\nfrom managers import order_manager\n")
    assert fault == "imports 'managers.order_manager' in line 2: engines may not use managers"


def test_source_is_known_by_its_suffix() -> None:
    """Code is judged, documents and data are not."""
    assert [name for name in ("a.py", "b.TSX", "c.md", "d.json", "py", "e.d/f", "") if is_source(name)] == [
        "a.py",
        "b.TSX",
    ]
