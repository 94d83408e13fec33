import pyarrow as pa
import pytest

from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.types import arrow_type


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_declared_column_has_an_arrow_type(table):
    schema = table.arrow_schema()
    assert schema.names == table.column_names
    assert [field.nullable for field in schema] == [column.nullable for column in table.columns]


def test_types_within_types_are_read_from_the_inside_out():
    steps = arrow_type("ARRAY<STRUCT<name: STRING, values: ARRAY<DOUBLE>, of: MAP<STRING, BIGINT>>>")
    inside = [("name", pa.string()), ("values", pa.list_(pa.float64())), ("of", pa.map_(pa.string(), pa.int64()))]
    assert steps == pa.list_(pa.struct(inside))


def test_a_type_that_no_table_has_is_refused_by_its_name():
    with pytest.raises(ValueError, match="DECIMAL"):
        arrow_type("DECIMAL(3, 2)")
