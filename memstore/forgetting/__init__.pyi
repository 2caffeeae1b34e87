from .choice import CompactionPlan as CompactionPlan
from .choice import plan_compaction as plan_compaction
from .compaction import CompactionProgress as CompactionProgress
from .compaction import KeptTexts as KeptTexts
from .compaction import compact as compact
from .compaction import shrink as shrink
