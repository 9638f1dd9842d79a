"""A router for orket: work goes to the cheapest seat that has the skills it asks for."""

from orket_cost_router._router import CostAwareRouter
from orket_cost_router._tariff import Tariff, TariffError

__all__ = ["CostAwareRouter", "Tariff", "TariffError"]
