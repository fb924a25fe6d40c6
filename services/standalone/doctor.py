"""`capflow doctor`: the command; what it looks at is in `examining`."""

from importlib import import_module

from services.client.commands.declaring import command, json_option

EXAMPLES = """
capflow doctor                                       this machine, and the gateway it talks to
CAPFLOW_BUS_URL=amqp://… capflow doctor              with the settings of a service
capflow doctor --json | jq '.checks[] | select(.state == "fail")'
"""


@command(EXAMPLES)
@json_option("every check")
def doctor(as_json: bool) -> None:
    """Look at all that Capflow needs, and say what to do.

    That is: versions, the right to capture, libpcap, the data folder, ports, the bus, the task
    store and each endpoint of the settings, the gateway and its streamer, the API key, the clock,
    Wireshark's plug-in.
    Ends with 1 where something has failed; a warning is no failure.
    """
    import_module("services.standalone.examining.examination").run(as_json)
