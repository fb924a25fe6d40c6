"""One service in a process of its own."""

import sys

from services.runtime import logs
from services.runtime.lifecycle import serve
from services.runtime.settings import load
from services.standalone.services import Service
from services.standalone.starting import or_end


def run_service(service: Service) -> None:
    """Run a service until it is told to stop; ends the process."""
    settings = or_end(lambda: load(service.settings_class()))
    logs.configure(service.name, settings.log_level, settings.log_format)
    main = service.main()
    sys.exit(serve(lambda stop: main(settings, stop)))
