"""Publication behind the back of a scorer: in order, in a thread of its own.

What is accepted is durable in Postgres, so a process that ends before it was published loses
nothing: the next one publishes it.
"""

import threading

from memstore.db import Stores
from memstore.outbox.publication import publish
from memstore.similarity import keep_index
from schema.errors import MemrewardError, StoreError, UnreachableError


class BackgroundPublisher:
    """Publishes one memory's batches in the background."""

    def __init__(self, stores: Stores, memory: str) -> None:
        """The thread starts with the first `wake`."""
        self._stores, self._memory = stores, memory
        self._changed = threading.Condition()
        self._wanted = self._done = 0
        self._error: MemrewardError | None = None
        self._stopped = self._dead = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Something was accepted: publish it soon."""
        with self._changed:
            self._wanted += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"publish {self._memory}", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def raise_error(self) -> None:
        """Raise what went wrong since the last call, once.

        A server that was away is no error any more once it is back: publication goes on.

        Raises:
            MemrewardError: see `memstore.outbox.publication`.
        """
        with self._changed:
            error, self._error = self._error, None
            self._changed.notify_all()
            if self._dead and not self._stopped:
                error = StoreError(
                    f"the thread that publishes memory {self._memory!r} has died of a fault that "
                    "it printed: open the memory again; nothing that was accepted is lost"
                )
        if error is not None and not (isinstance(error, UnreachableError) and self._is_back()):
            raise error

    def _is_back(self) -> bool:
        """Whether both servers answer."""
        try:
            with self._stores.vectors.session("outbox.sql") as session:
                answers = session.is_alive()
            self._stores.graph.read(
                "outbox.cypher", lambda tx: tx.rows("memory_seq", memory=self._memory)
            )
        except UnreachableError:
            return False
        return answers

    def flush(self) -> None:
        """Wait until everything that `wake` was called for is published.

        Raises:
            MemrewardError: if it cannot be; see `memstore.outbox.publication`.
        """
        with self._changed:
            wanted = self._wanted
        is_over = False
        while not is_over:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._done >= wanted or self._error is not None or self._dead
                )
                is_over = self._done >= wanted or self._dead
            self.raise_error()

    def close(self) -> None:
        """End the thread after the publication that it is at; what is left is for the next."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def publish(self) -> None:
        """Once: all that was accepted."""
        publish(self._stores, self._memory)
        keep_index(self._stores, self._memory)

    def _run(self) -> None:
        try:
            self._publish_on()
        finally:
            with self._changed:
                self._dead = True
                self._changed.notify_all()

    def _publish_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopped or (self._done < self._wanted and self._error is None)
                )
                if self._stopped:
                    return
                wanted = self._wanted
            error: MemrewardError | None = None
            try:
                self.publish()
            except MemrewardError as raised:
                error = raised
            with self._changed:
                self._error = error
                if error is None:
                    self._done = wanted
                self._changed.notify_all()
