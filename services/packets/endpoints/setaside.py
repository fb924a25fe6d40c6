"""Documents that are not what they must be: left out, counted, and told without a flood."""

import structlog

_log = structlog.get_logger("capflow.packets")


class SetAside:
    """Counts what one endpoint left out."""

    def __init__(self, place: str) -> None:
        self.count = 0
        self._place = place

    def add(self, name: object, reason: str) -> None:
        """Leave out the document called `name`; the 1st, 2nd, 4th, 8th … is logged."""
        self.count += 1
        if self.count & (self.count - 1) == 0:
            _log.warning(
                "a stored document was set aside",
                endpoint=self._place,
                document=str(name)[:200],
                reason=reason[:300],
                so_far=self.count,
            )
