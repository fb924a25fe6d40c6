"""What Wireshark is told of an interface: its link type and its options (extcap(4)).

Wireshark asks this of each interface when it starts: it comes without asking the gateway.
"""

from .arguments import Arguments
from .naming import SERVICE_PREFIX

DLT = "dlt {number=1}{name=EN10MB}{display=Ethernet}\n"
"""For the capture filter's field only; each file says its own link type."""
_DURATION = r"[0-9]+(\.[0-9]+)? *[smhd]?"
_SIZE = r"[0-9]+(\.[0-9]+)? *([kKmMgGtT]i?)?[bB]?"
_OPTIONS = (
    "{call=--filter}{display=Capture filter}{type=string}"
    "{tooltip=pcap-filter syntax, beside the one in Wireshark's own field: both hold}",
    "{call=--snaplen}{display=Bytes kept of each packet}{type=unsigned}{range=14,262144}"
    "{tooltip=Empty: what the service allows}",
    f"{{call=--seconds}}{{display=End after}}{{type=string}}{{default=10m}}"
    f"{{validation={_DURATION}}}{{tooltip=Seconds, or as 5m or 2h}}",
    "{call=--packets}{display=End after packets}{type=unsigned}{tooltip=Empty: any number}",
    f"{{call=--bytes}}{{display=End after bytes}}{{type=string}}{{default=1GiB}}"
    f"{{validation={_SIZE}}}{{tooltip=As 4096, 200MiB or 1GiB}}",
    "{call=--keep}{display=Keep capturing when Wireshark stops}{type=boolflag}{default=false}"
    "{tooltip=It then runs until its limits, and can be joined again}",
    "{call=--join}{display=Join a capture that runs already}{type=boolflag}{default=false}"
    "{tooltip=Shows it from its first packet; it goes on when Wireshark stops}",
)


def config(asked: Arguments) -> str:
    """The options of an interface; the one that only says why there is no other has none."""
    if not asked.text("extcap-interface").startswith(SERVICE_PREFIX):
        return ""
    return "".join(f"arg {{number={n}}}{option}\n" for n, option in enumerate(_OPTIONS))
