"""Questions about sandboxes: every stack, odd folders, hostile passwords."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import SandboxPorts, SandboxQuestion, TechStack

# Long enough not to stand in a file by chance.
PASSWORDS: Final = (
    *("correct-horse-battery", "Tr0ub4dor-and-3", "x" * 100, "пароль-от-базы", 'p$w{d}@:/ "%', "a]b[c@evil.example"),
    *("#fragment-of-it", "?query=of&it", "${HOME}-is-here", "//evil.example/x", "new\nline-in-it", "it's: {json}"),
)
SANDBOX_IDS: Final = ("sandbox-launch", "sandbox-core-2", "a", "0", "a--b", "sandbox-" + "x" * 40)
_PRODUCTS: Final = ("./product", "/srv/product", "/srv/$HOME/${X}", "/srv/продукт и ко", "product")
_ADMINS: Final = (None, 8081)


def passwords() -> SearchStrategy[str]:
    """Generate passwords: plain ones, and what would mean something in a URL, in JSON or in a compose file."""
    return st.sampled_from(PASSWORDS)


def sandbox_ids() -> SearchStrategy[str]:
    """Generate ids that sandboxes have."""
    return st.sampled_from(SANDBOX_IDS)


def sandbox_ports() -> SearchStrategy[SandboxPorts]:
    """Generate ports, with and without one of an administration."""
    return st.builds(
        SandboxPorts,
        api=st.sampled_from((8001, 1)),
        frontend=st.just(3001),
        database=st.sampled_from((5433, 65535)),
        admin=st.sampled_from(_ADMINS),
    )


def sandbox_questions() -> SearchStrategy[SandboxQuestion]:
    """Generate questions about compose files."""
    return st.builds(
        SandboxQuestion,
        sandbox_id=st.sampled_from(SANDBOX_IDS),
        stack=st.sampled_from(TechStack),
        ports=sandbox_ports(),
        product=st.sampled_from(_PRODUCTS),
        database_password=passwords(),
    )
