"""The verdict: every finding, the worst first."""

from sigmalake.report.verdict.data import judge_data
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.finding import Verdict, worst_first
from sigmalake.report.verdict.regression import judge_regressions
from sigmalake.report.verdict.risk import judge_risk


def judge(found: Evidence) -> Verdict:
    """What is good, what to watch, what to do: from numbers, by the thresholds that each finding names."""
    return worst_first([*judge_risk(found), *judge_regressions(found), *judge_data(found)])
