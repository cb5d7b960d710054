"""Catalogues are compiled by the arena itself, and never stale."""

import gettext
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.catalogues import compiled

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "locale", 'msgid "Vote"\nmsgstr "Stimme"\n')
    return tmp_path / "locale"


def write(source: Path, text: str) -> None:
    path = source / "de" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text, encoding="utf-8")


def said(folder: Path, text: str) -> str:
    return gettext.translation("django", folder, ["de"]).gettext(text)


def test_gettext_reads_what_was_compiled(source: Path, tmp_path: Path) -> None:
    assert said(compiled(source, tmp_path / "mo"), "Vote") == "Stimme"


def test_nothing_is_compiled_twice(source: Path, tmp_path: Path) -> None:
    folder = compiled(source, tmp_path / "mo")
    file = folder / "de" / "LC_MESSAGES" / "django.mo"
    before = file.stat().st_mtime_ns
    assert compiled(source, tmp_path / "mo") == folder
    assert file.stat().st_mtime_ns == before


def test_a_changed_catalogue_is_compiled_again(source: Path, tmp_path: Path) -> None:
    compiled(source, tmp_path / "mo")
    write(source, 'msgid "Vote"\nmsgstr "Votum"\n')
    assert said(compiled(source, tmp_path / "mo"), "Vote") == "Votum"


def test_an_unfinished_translation_is_left_out(source: Path, tmp_path: Path) -> None:
    write(source, '#, fuzzy\nmsgid "Vote"\nmsgstr "Abstimmung?"\n')
    assert said(compiled(source, tmp_path / "mo"), "Vote") == "Vote"


def test_a_plural_without_all_its_forms_is_left_out(source: Path, tmp_path: Path) -> None:
    write(source, 'msgid "vote"\nmsgid_plural "votes"\nmsgstr[0] "Stimme"\nmsgstr[1] ""\n')
    found = gettext.translation("django", compiled(source, tmp_path / "mo"), ["de"])
    assert [found.ngettext("vote", "votes", n) for n in (0, 1, 2)] == ["votes", "vote", "votes"]


def test_a_broken_catalogue_says_where_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    write(source, 'msgid "Vote"\ntranslation "Stimme"\n')
    with pytest.raises(Exception, match="keyword"):
        compiled(source, tmp_path / "mo")
    assert list((tmp_path / "mo").iterdir()) == []


def test_several_processes_at_once_make_one(source: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: compiled(source, tmp_path / "mo"), range(16)))
    assert list((tmp_path / "mo").iterdir()) == list(folders)


def test_without_catalogues_there_is_an_empty_folder(tmp_path: Path) -> None:
    assert list(compiled(tmp_path / "none", tmp_path / "mo").iterdir()) == []
