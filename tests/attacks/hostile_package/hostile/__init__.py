"""Hostile estimators: the class and its acts."""

from .estimator import Hostile

__all__ = ["Hostile"]
