"""Cypher questions with a name, in a file of the home: people keep them there for one another."""

import json
import threading
from typing import Final

from memstore import HomeName, Settings, write_atomically
from schema.errors import InputError

#: Questions of a home, and the lengths of their names and texts.
MOST_QUESTIONS: Final = 200
MAX_NAME: Final = 100
MAX_CYPHER: Final = 8_000


class Questions:
    """The saved questions."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.home / HomeName.QUESTIONS
        self._lock = threading.Lock()

    def all(self) -> dict[str, str]:
        """Name to Cypher, by name.

        Raises:
            InputError: if the file holds something else.
        """
        if not self._path.exists():
            return {}
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{self._path} is no JSON: correct or remove it") from error
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise InputError(f"{self._path} is no object of texts: correct or remove it")
        return dict(sorted(found.items()))

    def keep(self, name: str, cypher: str) -> None:
        """Save a question; an empty one removes what has its name.

        Raises:
            InputError: if it has no name, is too long, or there are too many.
        """
        name, cypher = name.strip(), cypher.strip()
        if not 0 < len(name) <= MAX_NAME:
            raise InputError(f"a question needs a name of at most {MAX_NAME} characters")
        if len(cypher) > MAX_CYPHER:
            raise InputError(f"a question has at most {MAX_CYPHER:,} characters")
        with self._lock:
            questions = self.all()
            if cypher:
                questions[name] = cypher
            else:
                questions.pop(name, None)
            if len(questions) > MOST_QUESTIONS:
                raise InputError(f"there are {MOST_QUESTIONS} questions already: remove one")
            write_atomically(self._path, json.dumps(questions, ensure_ascii=False, indent=1) + "\n")
