"""What a figure holds, by what its traces say that they hold."""

import base64
import json

import numpy as np


def traces_of(figure, holds):
    """The traces, in order."""
    return [trace for trace in figure.data if (trace.meta or {}).get("holds") == holds]


def trace_of(figure, holds):
    """The only such trace."""
    (found,) = traces_of(figure, holds)
    return found


def as_drawn(figure):
    """The figure as plotly's script receives it: JSON, with arrays decoded."""
    return _decoded(json.loads(figure.to_json()))


def _decoded(value):
    if isinstance(value, dict):
        if set(value) >= {"dtype", "bdata"}:
            found = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
            return found.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else found
        return {name: _decoded(one) for name, one in value.items()}
    return [_decoded(one) for one in value] if isinstance(value, list) else value


def texts_of(value):
    """Every text of a figure, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)
