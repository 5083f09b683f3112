"""What is wrong with a running shop, in plain words, and what to do about it; the command is `manage.py doctor`."""

from nexus.eventbus.doctor.diagnosis import Diagnosis, State
from nexus.eventbus.doctor.examination import examine

__all__ = ["Diagnosis", "State", "examine"]
