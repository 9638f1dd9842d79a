"""The page of contract rules is what the suites and their mutants say."""

import importlib.util

from pages import DOCS, read


def test_the_page_of_rules_is_current() -> None:
    """Every rule stands there with its claim and its mutant; ``python docs/write_rules.py`` writes them anew."""
    spec = importlib.util.spec_from_file_location("write_rules", DOCS / "write_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = read(DOCS / "contract-rules.md")
    assert module.update(page) == page
    assert page.count("\n| `store-") >= 60
