"""What the tests of this folder share."""
import os
from pathlib import Path

import pytest

import harness


@pytest.fixture
def server(tmp_path):
    with harness.Server(tmp_path / "server") as running:
        yield running


@pytest.fixture(scope="session")
def test_data():
    """The folder with real data, or the test is skipped."""
    folder = os.environ.get("PATRON_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PATRON_TEST_DATA names no folder with real data")
    return Path(folder)
