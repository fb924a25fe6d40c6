"""MongoDB in trouble, and what waits for it meanwhile."""

import pytest

from tests.faults.conftest import Judge
from tests.faults.fault import Fault
from tests.faults.registry import core

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("fault", core("13", "14", "15b", "18"), ids=str)
async def test_what_is_promised_holds(holds: Judge, fault: Fault) -> None:
    await holds(fault)
