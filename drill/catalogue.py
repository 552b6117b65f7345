"""Every accident there is, in the order in which they are played."""

from drill import accidents_of_people, accidents_of_the_machine, accidents_of_the_source, accidents_of_undo
from drill.scene import ACCIDENTS, Accident

MODULES = (accidents_of_the_source, accidents_of_people, accidents_of_the_machine, accidents_of_undo)
"""Importing them puts their accidents on the list."""

__all__ = ["ACCIDENTS", "MODULES", "Accident"]
