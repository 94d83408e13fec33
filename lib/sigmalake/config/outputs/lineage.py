"""What `lineage:` may say: whether the events of a run are sent to a service of data lineage."""

from typing import Annotated

from pydantic import Field

from sigmalake.config.types import Strict, key


class Lineage(Strict):
    """Events of OpenLineage for each run: when it began and how it ended, what it read, and what it wrote.

    Where they go is said as OpenLineage's own client takes it: `OPENLINEAGE_URL`, or a file that `OPENLINEAGE_CONFIG` names.
    """

    namespace: Annotated[
        str,
        Field(min_length=1),
        key("namespace of the job, which is called MODEL.VERB, and of tables of a catalog"),
    ] = "sigmalake"
