"""How long the service's requests take, counted for `/metrics`."""

import time

from memreward.scoring import ScoringMetrics
from memreward.serving.middleware import App, Message, Receive, Send


class Timed:
    """ASGI middleware: how long each request took, by route and status."""

    def __init__(self, app: App, *, metrics: ScoringMetrics) -> None:
        """Wrap `app`."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let it through, and note what was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.answered(route, status, time.monotonic() - began)
