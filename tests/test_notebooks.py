"""Every notebook runs from top to bottom, in a folder of its own and without a network."""

from __future__ import annotations

import csv
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # beside other tests more would wait for one another
    monkeypatch.setenv("HOUSE_PRICES", "generate")
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)
    assert path.stat().st_size < 1_500_000
    for place in ("/home/", "/tmp/", "/site-packages/", "ipykernel_"):
        assert place not in "".join(str(cell.outputs) for cell in cells), "an output names a path of one machine"


# the competition's columns, in the order of its files
HOUSE_COLUMNS = """\
Id MSSubClass MSZoning LotFrontage LotArea Street Alley LotShape LandContour Utilities LotConfig LandSlope Neighborhood
Condition1 Condition2 BldgType HouseStyle OverallQual OverallCond YearBuilt YearRemodAdd RoofStyle RoofMatl Exterior1st
Exterior2nd MasVnrType MasVnrArea ExterQual ExterCond Foundation BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinSF1
BsmtFinType2 BsmtFinSF2 BsmtUnfSF TotalBsmtSF Heating HeatingQC CentralAir Electrical 1stFlrSF 2ndFlrSF LowQualFinSF
GrLivArea BsmtFullBath BsmtHalfBath FullBath HalfBath BedroomAbvGr KitchenAbvGr KitchenQual TotRmsAbvGrd Functional
Fireplaces FireplaceQu GarageType GarageYrBlt GarageFinish GarageCars GarageArea GarageQual GarageCond PavedDrive
WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch PoolArea PoolQC Fence MiscFeature MiscVal MoSold YrSold
SaleType SaleCondition SalePrice"""


@pytest.fixture
def houses(monkeypatch):
    """The function of the notebook that gives the tables."""
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("HOUSE_PRICES", raising=False)
    names: dict = {}
    for cell in nbformat.read(ROOT / "notebooks" / "house_prices.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            if "= houses(SOURCE)" in cell.source:
                return names["houses"]
            exec(cell.source, names)
    raise AssertionError("no cell calls houses(SOURCE)")


def test_house_prices_are_read_from_the_folder_that_is_named(houses, tmp_path):
    for name, rows in (
        ("train", [["1", "NA", "RL", "208500"], ["2", "80", "RM", "90000"]]),
        ("test", [["3", "", "NA"]]),
    ):
        with open(tmp_path / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["Id", "LotFrontage", "MSZoning", "SalePrice"][: len(rows[0])], *rows])
    origin, train, test, prices = houses(str(tmp_path))
    assert origin == "the competition's files" and prices is None
    assert {name: list(column) for name, column in train.items()} == {
        "Id": ["1", "2"],
        "LotFrontage": ["NA", "80"],
        "MSZoning": ["RL", "RM"],
        "SalePrice": ["208500", "90000"],
    }
    assert list(test) == ["Id", "LotFrontage", "MSZoning"] and list(test["LotFrontage"]) == ["NA"]


def test_a_folder_without_the_files_is_an_error_and_no_made_up_table(houses, tmp_path):
    with pytest.raises(FileNotFoundError):
        houses(str(tmp_path))


def test_house_prices_without_a_folder_are_those_of_openml(houses, monkeypatch):
    pandas, datasets = pytest.importorskip("pandas"), pytest.importorskip("sklearn.datasets")
    frame = pandas.DataFrame(
        {
            "Id": range(1, 11),
            "LotFrontage": [65.0, np.nan] * 5,
            "Alley": pandas.Categorical([None, "Pave"] * 5),
            "SalePrice": range(100_000, 110_000, 1000),
        }
    )
    asked = {}
    monkeypatch.setattr(
        datasets, "fetch_openml", lambda **options: asked.update(options) or SimpleNamespace(frame=frame)
    )
    origin, train, test, prices = houses("")
    assert origin == "openml.org" and asked["name"] == "house_prices"
    assert list(test["Id"]) == ["5", "10"] and list(prices) == [104_000, 109_000]
    assert list(train["LotFrontage"][:3]) == ["65.0", "NA", "65.0"] and list(train["Alley"][:3]) == ["NA", "Pave", "NA"]
    assert len(train["Id"]) == 8 and "SalePrice" not in test


def test_house_prices_offline_are_made_up_with_the_competitions_columns(houses, monkeypatch, capsys):
    datasets = pytest.importorskip("sklearn.datasets")

    def no_network(**options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(datasets, "fetch_openml", no_network)
    origin, train, test, prices = houses("")
    assert origin == "made up here" and "no network" in capsys.readouterr().out
    columns = set(HOUSE_COLUMNS.split())
    assert set(train) == columns and set(test) == columns - {"SalePrice"}
    assert len(train["Id"]) == 4 * len(test["Id"]) == 4 * len(prices)
    _, again, _, _ = houses("generate")
    assert all(np.array_equal(again[name], column) for name, column in train.items())
