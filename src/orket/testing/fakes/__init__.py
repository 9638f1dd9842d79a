"""Stand-ins for ports: models that follow a script or want out, a clock moved by hand, a ledger of effects."""

from orket.stores import MemoryStore
from orket.testing.fakes._cassette import CassetteDriftError, RecordingModel
from orket.testing.fakes._clock import SimulatedClock
from orket.testing.fakes._errors import ScriptError
from orket.testing.fakes._hostile import HostileModel
from orket.testing.fakes._ledger import Effect, EffectLedger
from orket.testing.fakes._scripted import ScriptedModel

__all__ = [
    "CassetteDriftError",
    "Effect",
    "EffectLedger",
    "HostileModel",
    "MemoryStore",
    "RecordingModel",
    "ScriptError",
    "ScriptedModel",
    "SimulatedClock",
]
