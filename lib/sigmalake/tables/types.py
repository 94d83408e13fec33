"""The types of columns: Spark SQL's names for them, and what they are in Arrow."""

import pyarrow as pa

PLAIN = {
    "STRING": pa.string(), "DATE": pa.date32(), "INT": pa.int32(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(), "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def arrow_type(sql: str) -> pa.DataType:
    """The Arrow type of a Spark SQL type, e.g. `ARRAY<STRUCT<name: STRING, value: DOUBLE>>`.

    Raises:
        ValueError: no table of ours has such a type.
    """
    sql = sql.strip()
    if sql in PLAIN:
        return PLAIN[sql]
    kind, _, rest = sql.partition("<")
    inner = rest.removesuffix(">")
    if kind == "ARRAY":
        return pa.list_(arrow_type(inner))
    if kind == "MAP":
        key, value = _split(inner)
        return pa.map_(arrow_type(key), arrow_type(value))
    if kind == "STRUCT":
        fields = (field.partition(":") for field in _split(inner))
        return pa.struct([(name.strip(), arrow_type(of)) for name, _, of in fields])
    raise ValueError(f"no type is called {sql!r}")


def _split(inner: str) -> list[str]:
    """The parts between the commas that stand in no bracket."""
    parts, depth = [""], 0
    for character in inner:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
