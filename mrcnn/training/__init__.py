"""Schedules, callbacks and the folder of a run."""
