"""The report of the demo's model, written beside its lake, where the library of its pictures is installed."""

from sigmalake.demo.run import Demo
from sigmalake.errors import InfrastructureError
from sigmalake.report.page.build import Wanted, require_plotly, write_report
from sigmalake.report.text.plain_text import note, section


def page_of(demo: Demo) -> str:
    """Write the report; where it is and its verdict, or how to get one."""
    try:
        require_plotly()
    except InfrastructureError as error:
        return section("A picture of it", note(f"There is none yet: {error}.")).rstrip()
    written = write_report(str(demo.lake), Wanted(demo.folder / "report.html"))
    return section("A picture of it, to be opened in a browser", note(written.headline), str(written.to)).rstrip()
