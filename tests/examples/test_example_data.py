import example_data
import pytest


@pytest.mark.parametrize("name", example_data.files())
def test_a_data_file_is_what_its_seed_gives(name):
    assert (example_data.FOLDER / name).read_text(encoding="utf-8") == example_data.files()[name]


def test_no_data_file_is_without_its_seed():
    assert {path.name for path in example_data.FOLDER.iterdir()} == set(example_data.files())
