"""A planner for orket: the longest remaining path first, with limits of work in progress for each seat."""

from orket_critical_path_planner._paths import EstimateError
from orket_critical_path_planner._planner import CriticalPathPlanner

__all__ = ["CriticalPathPlanner", "EstimateError"]
