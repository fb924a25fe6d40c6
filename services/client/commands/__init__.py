"""What each command of the client looks like: its arguments, options, help and examples.

A command is one module here, of the command's name, and one line below; what it does is the module
of the same name in `services.client.actions`, imported when it runs.
"""

from services.client.commands.listing import CAPTURE, KEEP, LOOK, SET_UP, listed

COMMANDS = (
    listed("resources", LOOK, "List hosts with an agent, and what can be captured there."),
    listed("ls", LOOK, "List running and past captures."),
    listed("show", LOOK, "Show all of one capture, or of one packet of it."),
    listed("record", CAPTURE, "Capture into a file until Ctrl-C: start, stream and stop in one."),
    listed("start", CAPTURE, "Start a capture, and print its session."),
    listed("tail", CAPTURE, "Watch a capture live, or from any packet of it."),
    listed("stop", CAPTURE, "Stop a capture, and print its ledger."),
    listed("export", KEEP, "Write a capture to a pcapng file."),
    listed("rm", KEEP, "Remove ended captures and their packets."),
    listed("key", SET_UP, "List, create and revoke API keys."),
    listed("wireshark", SET_UP, "Capture from Wireshark: each service is an interface."),
    listed("completion", SET_UP, "Print the script that completes names in your shell."),
)
