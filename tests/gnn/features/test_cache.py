"""What a file of kept features is named after; what it keeps is tested in tests/gnn/jobs."""

import json
import subprocess
import sys

from gnn.features.cache import _CODE


def test_all_code_that_the_features_come_from_counts() -> None:
    """What the modules of the features import decides what they are, too."""
    code = (
        "import json, sys, gnn.features.text, gnn.features.options, gnn.features.code\n"
        "print(json.dumps([name for name in sys.modules if name.startswith(('gnn.', 'schema.'))]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    packages = {"gnn.features", "schema.answers", "schema.mathematics"}
    assert set(json.loads(shown)) - packages <= set(_CODE)
