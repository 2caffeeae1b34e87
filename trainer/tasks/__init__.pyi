from . import gym as gym
from .task_file import check_of as check_of
from .task_file import rows_of_file as rows_of_file
from .task_file import tasks_of_file as tasks_of_file
from .task_sets import TaskSet as TaskSet
from .task_sets import load_tasks as load_tasks
from .worked_examples import Lesson as Lesson
from .worked_examples import lessons as lessons
