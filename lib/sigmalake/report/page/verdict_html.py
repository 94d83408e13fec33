"""The verdict as the page shows it: what to mend, what to watch, what is good, each with what it is held against."""

from sigmalake.report.page.markup import Html, element, joined, prose
from sigmalake.report.verdict.finding import Finding, Level, Verdict

_GROUPS = (
    (Level.ACT, "To be mended first"),
    (Level.WATCH, "To watch"),
    (Level.GOOD, "What is good"),
    (Level.NOTE, "To know"),
)
_TAGS = {Level.ACT: "mend", Level.WATCH: "watch", Level.GOOD: "good", Level.NOTE: "note"}


def verdict_section(verdict: Verdict) -> Html:
    """The headline, then the findings by their weight."""
    groups = []
    for level, title in _GROUPS:
        findings = verdict.of(level)
        if findings:
            shown = _actions if level in (Level.ACT, Level.WATCH) else _facts
            groups.append(element("h3", f"{title} ({len(findings)})") + shown(findings))
    level = Level.GOOD if verdict.level is Level.NOTE else verdict.level
    headline = element("p", verdict.headline, class_=f"headline {level}")
    about = "Each point says what was found and what it is held against. `docs/report.md` gives the reason of every threshold."
    return element(
        "section",
        element("h2", "Verdict"),
        headline,
        element("p", prose(about), class_="soft"),
        Html("".join(groups)),
        id="verdict",
    )


def _actions(findings: list[Finding]) -> Html:
    """Points to act on: what was found, what to do, what it is held against."""
    return element("ul", joined(_action(finding) for finding in findings), class_="findings")


def _action(finding: Finding) -> Html:
    tag = element("span", _TAGS[finding.level], class_="tag")
    first = element("p", tag, element("strong", f"{finding.subject}. "), prose(finding.text))
    action = element("p", element("strong", "Do: "), prose(finding.action)) if finding.action else ""
    held = f"Held against: {finding.threshold}. " if finding.threshold else ""
    why = element("p", prose(f"{held}Table `{finding.table}`, "), _link(finding), ".", class_="why")
    return element("li", first, action, why, class_=str(finding.level))


def _facts(findings: list[Finding]) -> Html:
    """Points that ask for nothing, a row each."""
    rows = (
        element(
            "li",
            element("p", element("strong", finding.subject)),
            element("p", prose(finding.text)),
            element("p", prose(finding.threshold), " ", _link(finding), class_="why"),
            class_=str(finding.level),
        )
        for finding in findings
    )
    return element("ul", joined(rows), class_="findings facts")


def _link(finding: Finding) -> Html:
    return element("a", "details" if finding.section == "about" else "picture", href=f"#{finding.section}")
