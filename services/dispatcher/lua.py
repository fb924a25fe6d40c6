"""The Lua scripts of the task store: each changes several keys at once, and may be repeated."""

from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

_FOLDER = Path(__file__).parent / "scripts"


class Scripts:
    """Every script in the folder, under its file's name. The server keeps them by their digest,
    and is told them again when it has forgotten."""

    def __init__(self, client: Redis) -> None:
        self._scripts: dict[str, AsyncScript] = {
            file.stem: client.register_script(file.read_text(encoding="utf-8"))
            for file in sorted(_FOLDER.glob("*.lua"))
        }

    async def run(self, name: str, keys: list[str], *args: str | bytes | float) -> Any:
        """Run a script; what it gives, as its first lines say."""
        return await self.named(name)(keys=keys, args=args)

    def named(self, name: str) -> AsyncScript:
        """A script."""
        return self._scripts[name]
