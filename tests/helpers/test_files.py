"""Files and folders are written whole or not at all."""

import pytest

from helpers.files import write_whole


def test_a_file_takes_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "made" / "page.html"
    with write_whole(path) as draft:
        assert (draft.parent, draft.suffix) == (path.parent, ".html")
        draft.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_replaces_the_older_one(tmp_path):
    path = tmp_path / "pets"
    for name in ("old.jpg", "new.jpg"):
        with write_whole(path) as draft:
            draft.mkdir()
            (draft / name).touch()
    assert [file.name for file in path.iterdir()] == ["new.jpg"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("folder", [False, True])
def test_a_failure_leaves_the_older_one_and_nothing_else(tmp_path, folder, error):
    path = tmp_path / "results"
    path.write_text("good")

    def fail():
        with write_whole(path) as draft:
            draft.mkdir() if folder else draft.write_text("ba")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]
