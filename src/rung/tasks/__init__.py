"""Typed tasks: what is given and what comes back have JSON Schemas; in between is a chat completion.

A task is data: its two shapes, how the input is put as messages, and how the answer is read. What cannot be read is
told as such and never guessed.
"""

from rung.tasks.base import Task, schema_of
from rung.tasks.extract import EXTRACT
from rung.tasks.short import ANSWER, CHOOSE, CLASSIFY, NUMBER, YESNO

TASKS = {task.name: task for task in (ANSWER, CHOOSE, CLASSIFY, YESNO, NUMBER, EXTRACT)}

__all__ = ["TASKS", "Task", "schema_of"]
