from . import sandbox as sandbox
from .json_lines import add_line as add_line
from .json_lines import read_lines as read_lines
from .label_budget import LabelPlan as LabelPlan
from .label_budget import choose_labelled_queries as choose_labelled_queries
from .label_budget import plan_labels as plan_labels
from .scratch import Scratch as Scratch
