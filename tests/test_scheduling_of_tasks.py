"""The simulation that extrapolates a run to more cores: what it has to say where the answer is known."""

import pytest
from bench.scheduling import Job, Stage, simulate


@pytest.mark.parametrize(("cores", "seconds"), [(1, 12.0), (2, 6.0), (4, 3.0), (5, 3.0), (12, 1.0), (100, 1.0)])
def test_equal_tasks_run_in_waves(cores, seconds):
    assert simulate([Job(None, 0.0, (0,))], {0: Stage((), [1.0] * 12)}, 0.0, cores).seconds == pytest.approx(seconds)


def test_stages_wait_for_their_parents_and_jobs_for_the_driver():
    stages = {0: Stage((), [2.0, 1.0]), 1: Stage((0,), [1.0]), 2: Stage((), [4.0])}
    found = simulate([Job(None, 0.5, (0, 1)), Job(0, 0.25, (2,))], stages, 0.125, 64)
    assert found.seconds == pytest.approx(0.5 + 2.0 + 1.0 + 0.25 + 4.0 + 0.125)
    assert found.driver == pytest.approx(0.5 + 0.25 + 0.125)
    assert found.critical == pytest.approx(found.seconds)


def test_jobs_side_by_side_share_the_cores():
    stages = {0: Stage((), [3.0]), 1: Stage((), [3.0])}
    jobs = [Job(None, 0.0, (0,)), Job(None, 0.0, (1,))]
    assert [simulate(jobs, stages, 0.0, cores).seconds for cores in (1, 2)] == [6.0, 3.0]


def test_a_driver_that_launches_slowly_is_the_limit_of_many_cores():
    assert simulate([Job(None, 0.0, (0,))], {0: Stage((), [0.1] * 100)}, 0.0, 512, 0.01).seconds == pytest.approx(1.1)


def test_the_longest_task_is_on_the_critical_path_of_any_number_of_cores():
    found = simulate([Job(None, 0.0, (0,))], {0: Stage((), [1.0] * 99 + [9.0])}, 0.0, 1000)
    assert (found.seconds, found.critical) == (9.0, 9.0)
