"""The secrets of a data folder: given in the settings, or made at the first start."""

from pathlib import Path

from pydantic import SecretStr

from services.gateway.bearer import bearer_key
from services.gateway.keyring import new_key
from services.gateway.settings import GatewaySettings
from services.runtime import logs
from services.runtime.errors import BadSetting
from services.runtime.secretfile import read_or_make

_SHORT = 16
ADMIN_KEY_FILE = "admin.key"
TICKET_SECRET_FILE = "ticket.secret"  # noqa: S105 - a file's name


def admin_key(settings: GatewaySettings) -> str:
    """The admin key. Raises BadSetting where it is none that a header could carry."""
    key = _given_or_kept(settings.admin_key, settings.data_folder / ADMIN_KEY_FILE)
    if bearer_key(f"Bearer {key}") != key:
        raise BadSetting(
            "CAPFLOW_ADMIN_KEY: must be letters, digits and any of -._~+/ (then =), 500 at most"
        )
    return key


def ticket_secret(settings: GatewaySettings) -> str:
    """The secret that signs viewer tickets."""
    return _given_or_kept(settings.ticket_secret, settings.data_folder / TICKET_SECRET_FILE)


def tell_about_admin_key(settings: GatewaySettings) -> None:
    """Log where the admin key is, never the key itself."""
    log = logs.get("gateway")
    if settings.admin_key is None:
        log.info("the admin key is in a file", path=str(settings.data_folder / ADMIN_KEY_FILE))
    elif len(settings.admin_key.get_secret_value()) < _SHORT:
        log.warning("CAPFLOW_ADMIN_KEY is short enough to be guessed", least=_SHORT)


def _given_or_kept(given: SecretStr | None, path: Path) -> str:
    return given.get_secret_value() if given else read_or_make(path, new_key)
