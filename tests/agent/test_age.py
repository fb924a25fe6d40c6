"""How old blocks get, by how many captures run."""

from contextlib import ExitStack

from services.agent.age import LEAST, MOST, BlockAge


def test_blocks_get_older_the_more_captures_run_and_young_again() -> None:
    age = BlockAge()
    seen = [age.seconds]
    with ExitStack() as running:
        for _ in range(200):
            running.enter_context(age.shared())
            seen.append(age.seconds)
    assert seen == sorted(seen)
    assert (seen[0], seen[10], seen[-1]) == (LEAST, LEAST, MOST)
    assert age.seconds == LEAST


def test_the_kernel_hands_over_before_a_block_is_due() -> None:
    age = BlockAge()
    assert 0 < age.retire < age.seconds
