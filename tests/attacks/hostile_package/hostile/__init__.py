"""Hostile estimators: the class and the row that sets off its act."""

from .estimator import TRIGGER, Hostile

__all__ = ["TRIGGER", "Hostile"]
