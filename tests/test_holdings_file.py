import pandas as pd
import pytest

from sigmalake.errors import ConfigError, DataError
from sigmalake.reader.files.holdings_file import read_holdings


def write(tmp_path, text, name="h.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_weights_are_taken_as_they_are(tmp_path):
    held = read_holdings(write(tmp_path, "name,asset_id,weight\nX,000660,0.5\nY, B ,-0.25\nZ,NA,0\n"))
    assert held.weights.to_dict() == {"000660": 0.5, "B": -0.25, "NA": 0.0}
    assert (held.cash, held.value) == (None, None)


def test_positions_are_divided_by_their_sum_with_cash(tmp_path):
    held = read_holdings(write(tmp_path, "asset_id,quantity,price\nA,10,30\nB,-5,20\nUSD,300,\n"), cash="USD")
    assert held.weights.to_dict() == pytest.approx({"A": 0.6, "B": -0.2})
    assert (held.cash, held.value) == (pytest.approx(0.6), 500.0)


def test_a_value_that_is_named_divides_the_positions(tmp_path):
    held = read_holdings(write(tmp_path, "asset_id,quantity,price\nA,10,30\nB,-15,20\n"), value=1000.0)
    assert held.weights.to_dict() == {"A": 0.3, "B": -0.3}


def test_a_cash_line_with_a_price_is_worth_what_it_says(tmp_path):
    held = read_holdings(write(tmp_path, "asset_id,quantity,price\nA,1,50\nEUR,50,2\n"), cash="EUR")
    assert held.cash == pytest.approx(2 / 3)


def test_parquet_ids_may_be_whole_numbers(tmp_path):
    pd.DataFrame({"asset_id": [10001, 10002], "weight": [0.25, 0.75]}).to_parquet(tmp_path / "h.parquet")
    assert read_holdings(tmp_path / "h.parquet").weights.to_dict() == {"10001": 0.25, "10002": 0.75}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("h.xlsx", "", r"h.xlsx: the name of a file of holdings, assets or portfolios ends in .csv or .parquet"),
        ("h.csv", "", r"h.csv cannot be read: it has no columns; its first line names them"),
        ("h.parquet", "not parquet", r"h.parquet cannot be read: .*[Pp]arquet"),
        (
            "h.csv",
            "symbol,weight\nA,1\n",
            "has the columns symbol, weight, but a file of holdings needs asset_id and weight, or asset_id, quantity",
        ),
        ("h.csv", "asset_id,weight,quantity,price\nA,1,1,1\n", "has the columns asset_id, weight, quantity, price"),
        ("h.csv", "asset_id,quantity\nA,1\n", "has the columns asset_id, quantity"),
    ],
)
def test_a_file_that_is_no_file_of_holdings_is_a_mistake_of_usage(tmp_path, name, text, said):
    with pytest.raises(ConfigError, match=said):
        read_holdings(write(tmp_path, text, name))


def test_a_file_that_is_not_there_is_named(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.csv is a folder; name a file in it"):
        read_holdings(tmp_path / "folder.csv")
    with pytest.raises(ConfigError, match=f"there is no file {tmp_path}/none.csv"):
        read_holdings(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asset_id,weight\n", r"there are no holdings of .*h.csv"),
        ("asset_id,weight\nA,1\nA,2\n", r"holdings of .*h.csv name 1 asset more than once \(A\)"),
        ("asset_id,weight\nA,10%\nB,1\n", r"h.csv: in the column weight, 1 of 2 cells are not finite numbers \(A: '10%'\)"),
        ("asset_id,weight\nA,\nB,inf\n", r"h.csv: in the column weight, 2 of 2 cells are not finite numbers \(A: '', B: 'inf'\)"),
        ("asset_id,weight\n ,1\n", "h.csv: asset_id of row 1 is empty"),
        ("asset_id,quantity,price\nA,1,\n", r"h.csv: in the column price, 1 of 1 cells are not finite numbers \(A: ''\)"),
        ("asset_id,quantity,price\nA,1,-5\nB,1,0\n", r"2 prices are not above 0 \(A: -5, B: 0\); a short position has a negative"),
        (
            "asset_id,quantity,price\nA,1,5\nB,-1,5\n",
            r"the positions sum to 0.00, which divides nothing; name the portfolio's value",
        ),
    ],
)
def test_data_that_are_no_holdings_are_refused_with_their_values(tmp_path, text, said):
    with pytest.raises(DataError, match=said):
        read_holdings(write(tmp_path, text))


def test_parquet_ids_that_are_no_ids_are_refused(tmp_path):
    pd.DataFrame({"asset_id": ["A", None], "weight": [0.25, 0.75]}).to_parquet(tmp_path / "h.parquet")
    with pytest.raises(DataError, match=r"h.parquet: asset_id of row 2 is None; give text or a whole number"):
        read_holdings(tmp_path / "h.parquet")


def test_a_value_without_positions_or_below_0_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"has weights, which no value divides; leave --value out"):
        read_holdings(write(tmp_path, "asset_id,weight\nA,1\n"), value=5.0)
    with pytest.raises(ConfigError, match=r"--value -1.0 is no value; give an amount above 0"):
        read_holdings(write(tmp_path, "asset_id,quantity,price\nA,1,1\n"), value=-1.0)
