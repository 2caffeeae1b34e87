"""Where the databases are and where memreward keeps its own: environment, TOML files, flags.

Strongest first: keyword overrides (the command line's flags), `MEMREWARD_*` in the environment,
`./memreward.toml`, `<home>/memreward.toml`, the defaults below.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableError

from memstore.home_names import HomeName
from schema.errors import SettingsError

REDACTED: Final = "********"
#: One `key=value` of libpq's form; a quoted value may hold spaces.
_DSN_WORD: Final = re.compile(r"(\w+)\s*=\s*('(?:\\.|[^'\\])*'|\S*)")
_HARMLESS: Final = ("host", "hostaddr", "port", "dbname", "user")


def default_home() -> Path:
    """`~/.memreward`; for root `/var/lib/memreward`, since Postgres then runs as another user."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/memreward")
    return Path.home() / ".memreward"


class PairSettings(BaseModel):
    """One more Neo4j and Postgres of yours, for shards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    neo4j_uri: str
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr
    postgres_dsn: SecretStr


class Settings(BaseSettings):
    """Addresses and places; everything else has its default where it is used."""

    model_config = SettingsConfigDict(
        env_prefix="MEMREWARD_", extra="forbid", frozen=True, env_ignore_empty=True
    )

    #: Folder of the databases that memreward runs itself, their passwords, ports and logs.
    home: Path = Field(default_factory=default_home)
    #: Folder of Neo4j's jars; default `<home>/jars`. Several homes may share one.
    jars: Path | None = None
    #: Your own Neo4j (`bolt://...`, `neo4j://...`); none: memreward runs one.
    neo4j_uri: str | None = None
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    #: Your own Postgres (`postgresql://...` or libpq `key=value`); none: memreward runs one.
    postgres_dsn: SecretStr | None = None
    #: Ports of memreward's own servers; 0: a free one, chosen once and remembered.
    neo4j_port: int = Field(default=0, ge=0, le=65535)
    postgres_port: int = Field(default=0, ge=0, le=65535)
    #: More pairs of databases, for shards; the first pair is the one above.
    pairs: tuple[PairSettings, ...] = ()

    @field_validator("home", "jars")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path if path is None else path.expanduser().absolute()

    @model_validator(mode="after")
    def _neo4j_is_whole(self) -> "Settings":
        if self.neo4j_uri is not None and self.neo4j_password is None:
            raise ValueError(
                "MEMREWARD_NEO4J_URI is given without MEMREWARD_NEO4J_PASSWORD: give both, or "
                "neither to let memreward run its own Neo4j"
            )
        if self.neo4j_uri is None and self.neo4j_password is not None:
            raise ValueError(
                "MEMREWARD_NEO4J_PASSWORD is given without MEMREWARD_NEO4J_URI: give both, or "
                "neither to let memreward run its own Neo4j"
            )
        if self.neo4j_port and self.neo4j_port == self.postgres_port:
            raise ValueError(f"neo4j_port and postgres_port are both {self.neo4j_port}")
        return self

    @property
    def jars_folder(self) -> Path:
        """Where Neo4j's jars are."""
        return self.jars or self.home / HomeName.JARS

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, then the TOML file here, then the one of the chosen home."""
        here = TomlConfigSettingsSource(settings_cls, Path.cwd() / HomeName.SETTINGS)
        chosen: dict[str, Any] = {**here(), **env_settings(), **init_settings()}
        home = Path(chosen.get("home", default_home())).expanduser()
        at_home = TomlConfigSettingsSource(settings_cls, home / HomeName.SETTINGS)
        return init_settings, env_settings, here, at_home


def origins(settings: Settings, **overrides: object) -> dict[str, str]:
    """Where the value of each setting comes from: a flag, the environment, a file, or the default.

    Args:
        settings: what `load_settings(**overrides)` gave, in the same folder and environment.
        overrides: the flags; None means not given.
    """
    files = [Path.cwd() / HomeName.SETTINGS, settings.home / HomeName.SETTINGS]
    given = {path: TomlConfigSettingsSource(Settings, path)() for path in files}
    environment = EnvSettingsSource(Settings)()
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        if overrides.get(name) is not None:
            found[name] = "flag"
        elif name in environment:
            found[name] = f"environment, MEMREWARD_{name.upper()}"
        else:
            found[name] = next((str(path) for path in files if name in given[path]), "default")
    return found


def each_pair(settings: Settings) -> list[Settings]:
    """The settings of each pair of databases, as if it were the only one; the first one first."""
    first = settings.model_copy(update={"pairs": ()})
    others = [
        {name: getattr(pair, name) for name in PairSettings.model_fields} for pair in settings.pairs
    ]
    return [first, *(first.model_copy(update=pair) for pair in others)]


def load_settings(**overrides: object) -> Settings:
    """Settings from flags (`overrides`; None means not given), environment and TOML files.

    Raises:
        SettingsError: a value is unknown, wrong or contradictory, or a TOML file cannot be read.
    """
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None
    except UnreadableError as error:
        raise SettingsError(f"{error}: it is not valid JSON (docs/shards.md)") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"a {HomeName.SETTINGS} is not valid TOML: {error}. Correct or remove it."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"settings cannot be read: {error}. Check {HomeName.SETTINGS}"
        ) from error


def redacted(settings: Settings) -> dict[str, str]:
    """Every setting as text for a person to read, passwords hidden, in DSNs and URIs too."""
    shown = {name: str(value) for name, value in settings.model_dump().items()}
    if settings.neo4j_password is not None:
        shown["neo4j_password"] = REDACTED
    if settings.neo4j_uri is not None:
        shown["neo4j_uri"] = redact_dsn(settings.neo4j_uri)
    if settings.postgres_dsn is not None:
        shown["postgres_dsn"] = _shown_dsn(settings.postgres_dsn)
    others = [f"{redact_dsn(p.neo4j_uri)} {_shown_dsn(p.postgres_dsn)}" for p in settings.pairs]
    shown["pairs"] = "; ".join(others) or "None"
    shown["jars"] = str(settings.jars_folder)
    return {name: "(not set)" if value == "None" else value for name, value in shown.items()}


def _shown_dsn(dsn: SecretStr) -> str:
    return redact_dsn(dsn.get_secret_value())


def redact_dsn(dsn: str) -> str:
    """A connection string without its password: only the parts known to be harmless are kept."""
    if "://" in dsn:
        parts = urlsplit(dsn)
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        place = parts.netloc.rpartition("@")[2]
        secret = f":{REDACTED}" if password else ""
        netloc = f"{user}{secret}@{place}" if user or secret else place
        query = f"?{REDACTED}" if parts.query else ""
        return f"{parts.scheme}://{netloc}{parts.path}{query}"
    words = _DSN_WORD.findall(dsn)
    shown = [f"{name}={value}" for name, value in words if name in _HARMLESS]
    return " ".join([*shown, REDACTED] if len(shown) < len(words) else shown)


def _explain(error: ValidationError) -> str:
    """What pydantic found, by the names a person sets, without the values (they may be secret)."""
    lines = []
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in found["loc"])
        message = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden":
            known = Settings if len(found["loc"]) == 1 else PairSettings
            message = f"no such setting (known: {', '.join(known.model_fields)})"
        lines.append(f"{name}: {message}" if name else message)
    return "; ".join(lines) + ". Set it by flag, MEMREWARD_<NAME> or in " + HomeName.SETTINGS + "."
