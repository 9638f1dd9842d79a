"""Simulations: crews work on one store through a storm of faults, and one seed decides everything that happens.

``Simulation``        runs seeds                         in simulated time, scheduled by chance
``Simulated``         what came of one seed              its journal, its trace, its problems
``SimulationReport``  what came of many
``random_crew``       the crew that a seed makes up      for orket itself
"""

from orket.testing.simulation._crew import random_crew
from orket.testing.simulation._report import Simulated, SimulationReport
from orket.testing.simulation._simulation import Simulation

__all__ = ["Simulated", "Simulation", "SimulationReport", "random_crew"]
