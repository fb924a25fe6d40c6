"""The client's commands, one a file."""

from services.client.commands.ls import ls
from services.client.commands.resources import resources
from services.client.commands.start import start
from services.client.commands.stop import stop
from services.client.commands.tail import tail

COMMANDS = (resources, start, ls, tail, stop)
