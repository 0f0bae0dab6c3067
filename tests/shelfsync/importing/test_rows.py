"""Rows of real files: encodings, delimiters, mappings, and files that are wrong in the usual ways."""

from __future__ import annotations

import codecs
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from shelfsync.importing.columns import KINDS
from shelfsync.importing.files import CELL_MAX, Unreadable, encoding_of, format_of
from shelfsync.importing.mapping import ColumnMapping, read_mapping
from shelfsync.importing.rows import Row, Rows, Source
from shelfsync.importing.verdicts import Verdict
from tests.components import skip_without

CHINESE = "sku,name.zh\ncola,可口可乐\nmilk,鲜牛奶\n"


def rows_of(path: Path, kind: str = "skus", **source: Any) -> list[Row | Verdict]:
    """The rows of a file."""
    return list(Rows(KINDS[kind], Source(path=path, format=source.pop("format", None) or format_of(path), **source)))


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A CSV file."""
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


def one(found: list[Row | Verdict]) -> Any:
    """The only row."""
    (row,) = found
    return row


def priced(tmp_path: Path, conversion: str, cell: str) -> Any:
    """The row of a price in a file whose prices are written in one form."""
    path = table(tmp_path, f"sku\tprice\tcurrency\ttax_inclusive\ncola\t{cell}\tEUR\ttrue\n")
    return one(rows_of(path, "prices", mapping=ColumnMapping(convert={"price": conversion})))


def names(found: list[Row | Verdict]) -> list[str]:
    """The Chinese names of some SKUs."""
    return [row.value["names"]["zh"] for row in found if isinstance(row, Row)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_each_usual_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    assert names(rows_of(table(tmp_path, CHINESE, encoding))) == ["可口可乐", "鲜牛奶"]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_utf_16_of_both_byte_orders_is_found_by_its_mark(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(mark + CHINESE.encode("utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"))
    assert names(rows_of(path)) == ["可口可乐", "鲜牛奶"]


def test_gb18030_reaches_characters_of_four_bytes(tmp_path: Path) -> None:
    path = table(tmp_path, CHINESE + "rare,𠮷野家商店\n", "gb18030")
    assert names(rows_of(path))[-1] == "𠮷野家商店"


def test_a_western_encoding_is_never_taken_for_chinese(tmp_path: Path) -> None:
    path = table(tmp_path, "sku,name.de\nk,Käsespätzle süß\nm,Müsli\n", "cp1252")
    with pytest.raises(Unreadable, match="--encoding gb18030, cp1252"):
        encoding_of(path)
    assert one(rows_of(path, encoding="cp1252")[:1]).value["names"] == {"de": "Käsespätzle süß"}


def test_a_wrongly_named_encoding_is_refused_before_any_row(tmp_path: Path) -> None:
    path = table(tmp_path, CHINESE, "gb18030")
    for named in ("utf-8", "nonsense"):
        with pytest.raises(Unreadable, match=named):
            rows_of(path, encoding=named)


def test_a_file_that_is_cut_in_the_middle_of_a_character_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(CHINESE.encode()[:-3])
    with pytest.raises(Unreadable, match="not valid UTF-8"):
        rows_of(path)


@pytest.mark.parametrize("content", [b"sku,unit\ncola,E\0A\n", "sku\ncola\n".encode("utf-16-le")])
def test_a_file_with_nul_is_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="--encoding"):
        rows_of(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    path = table(tmp_path, f'sku{delimiter}"name.en"{delimiter}unit\ncola{delimiter}"Cola; 6, cold"{delimiter}EA\n')
    assert one(rows_of(path)).value == {"recipe": {"cola": 1}, "names": {"en": "Cola; 6, cold"}, "unit": "EA"}


def test_a_row_has_the_number_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    path = table(tmp_path, 'sku,name.en\na,"two\nlines"\n\nb,B\nb,again\n')
    found = rows_of(path)
    assert [(row.number if isinstance(row, Row) else row.row) for row in found] == [2, 4, 5]


def test_a_key_that_stands_twice_is_refused_with_the_first_row(tmp_path: Path) -> None:
    first, second = rows_of(table(tmp_path, "Artikel\ncola\ncola\n"), mapping=ColumnMapping(columns={"sku": "Artikel"}))
    assert isinstance(first, Row) and isinstance(second, Verdict)
    assert (second.row, second.key, second.status, second.field) == (3, "cola", "refused", "Artikel")
    assert "Row 2" in second.detail


def test_one_key_at_two_ranks_is_two_documents(tmp_path: Path) -> None:
    path = table(tmp_path, "sku,amount,currency,rank,at\ncola,1,EUR,,\ncola,2,EUR,store,s-1\ncola,3,EUR,store,s-2\n")
    found = rows_of(path, "prices")
    assert [(row.rank, row.at) for row in found if isinstance(row, Row)] == [
        ("chain", ""),
        ("store", "s-1"),
        ("store", "s-2"),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", "skus", "the file is empty"),
        ("name.en\nCola\n", "skus", "The column sku is missing"),
        ("sku,colour\ncola,red\n", "skus", "no column 'colour'"),
        ("sku,sku\ncola,cola\n", "skus", "both are our column sku"),
        ("item,location\ncola,s-1\n", "levels", "The column on_hand is missing"),
        ("location,type\ns-1,store\n", "locations", "The column name is missing"),
        ("key\nsummer\n", "promotions", "as NDJSON"),
        ("sku,rank\ncola,chain\n", "levels", "no column 'sku'"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(tmp_path: Path, text: str, kind: str, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        rows_of(table(tmp_path, text), kind)


@pytest.mark.parametrize("level", ["-1", "1.5", "1e3", "9" * 30, "1000000001", "", "ten"])
def test_a_level_that_is_no_count_of_units_is_refused_by_its_column(tmp_path: Path, level: str) -> None:
    path = table(tmp_path, f"Lager,item,on_hand\ns-1,cola,{level}\n")
    refused = one(rows_of(path, "levels", mapping=ColumnMapping(columns={"location": "Lager"})))
    assert (refused.row, refused.key, refused.status, refused.field) == (2, "cola", "refused", "on_hand")


def test_a_refused_cell_names_the_column_of_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, "Nr,Rezept\ncola,cola:1.5\n")
    refused = one(rows_of(path, mapping=ColumnMapping(columns={"sku": "Nr", "recipe": "Rezept"})))
    assert (refused.field, "1.5" in refused.detail) == ("Rezept", True)


def test_a_row_without_a_key_or_with_more_cells_than_the_header_is_refused(tmp_path: Path) -> None:
    found = rows_of(table(tmp_path, "sku,name.en\n,Cola\ncola,Cola, cold\nmilk\n"))
    assert [one.status for one in found if isinstance(one, Verdict)] == ["refused", "refused"]
    assert [one.key for one in found if isinstance(one, Row)] == ["milk"]


def test_a_quote_that_nobody_closed_ends_the_import_with_its_row(tmp_path: Path) -> None:
    path = table(tmp_path, 'sku,name.en\ncola,Cola\nmilk,"Milk\n' + "x,y\n" * CELL_MAX)
    found = iter(Rows(KINDS["skus"], Source(path=path, format="csv")))
    assert isinstance(next(found), Row)
    with pytest.raises(Unreadable, match="row 3"):
        next(found)


def test_a_huge_document_is_refused_alone(tmp_path: Path) -> None:
    columns = ",".join(f"name.x{number}" for number in range(5))
    path = table(tmp_path, f"sku,{columns}\ncola{',' + 'x' * 100_000:s}{',y' * 4}\nbig{(',' + 'x' * 100_000) * 5}\n")
    small, big = rows_of(path)
    assert isinstance(small, Row) and isinstance(big, Verdict) and "bytes" in big.detail


def test_a_file_that_is_missing_or_a_spreadsheet_by_mistake_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        rows_of(tmp_path / "none.csv")
    path = tmp_path / "rows.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sheet.xml", "")
    with pytest.raises(Unreadable, match="--format xlsx"):
        rows_of(path)
    with pytest.raises(Unreadable, match="Give --format"):
        format_of(tmp_path / "rows.dat")


def test_lines_of_ndjson_are_documents(tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    good = {"key": "cola", "value": {"recipe": {"cola": 1}}, "rank": "store", "at": "s-1"}
    bad: list[Any] = [[1], {"key": 1, "value": {}}, {"key": "x"}, {"key": "x", "value": {}, "sku": "x"}]
    text = "\n".join(map(json.dumps, [good, *bad]))
    path.write_text(f'{text}\n\n{{broken\n{{"key": "x", "key": "y", "value": null}}\n', "utf-8-sig")
    first, *rest = rows_of(path)
    assert isinstance(first, Row)
    assert (first.key, first.value, first.rank, first.at) == ("cola", good["value"], "store", "s-1")
    assert [(one.row, one.status, one.field) for one in rest if isinstance(one, Verdict)] == [
        (2, "refused", ""),
        (3, "refused", "key"),
        (4, "refused", "value"),
        (5, "refused", "sku"),
        (7, "refused", ""),
        (8, "refused", ""),
    ]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"location": "s-1", "item": "cola", "on_hand": 1.5}, "on_hand"),
        ({"location": "s-1", "item": "cola", "on_hand": True}, "on_hand"),
        ({"location": "s-1", "item": "cola", "on_hand": -1}, "on_hand"),
        ({"location": "s-1", "item": "", "on_hand": 1}, "item"),
        ({"item": "cola", "on_hand": 1}, "location"),
    ],
)
def test_a_level_in_ndjson_is_checked_like_one_in_a_table(tmp_path: Path, line: dict[str, Any], field: str) -> None:
    path = tmp_path / "levels.ndjson"
    path.write_text(json.dumps(line))
    refused = one(rows_of(path, "levels"))
    assert (refused.status, refused.field) == ("refused", field)


def test_a_mapping_renames_converts_and_fills_in(tmp_path: Path) -> None:
    mapping = tmp_path / "erp.toml"
    mapping.write_text(
        """
        ignore_unknown = true
        [columns]
        sku = "Artikel-Nr."
        price = "VK brutto"
        [constants]
        currency = "EUR"
        [defaults]
        tax_inclusive = "true"
        [convert]
        price = "decimal-comma"
        sku = "lower"
        """
    )
    path = table(tmp_path, "Artikel-Nr.;VK brutto;Lieferant\nCOLA;1.234,50;Meyer\nMILK;0,9;\nTEA;1,2,3;\n")
    first, second, refused = rows_of(path, "prices", mapping=read_mapping(mapping, [], ignore_unknown=False))
    assert isinstance(first, Row) and isinstance(second, Row) and isinstance(refused, Verdict)
    assert (first.key, first.value) == ("cola", {"amount": 123450, "currency": "EUR", "tax_inclusive": True})
    assert second.value["amount"] == 90
    assert refused.field == "VK brutto"


@pytest.mark.parametrize(
    ("conversion", "cell", "amount"),
    [
        ("decimal-comma", "1,25", 125),
        ("decimal-comma", "1.250", 125000),
        ("decimal-comma", "1.234.567,5", 123456750),
        ("decimal-comma", "12 345,50", 1234550),
        ("thousands-comma", "1.25", 125),
        ("thousands-comma", "1,250", 125000),
        ("thousands-comma", "1,234,567.5", 123456750),
        ("thousands-comma", "12'345.50", 1234550),
    ],
)
def test_a_price_of_the_named_form_is_read_exactly(tmp_path: Path, conversion: str, cell: str, amount: int) -> None:
    assert priced(tmp_path, conversion, cell).value["amount"] == amount


@pytest.mark.parametrize(
    ("conversion", "cell"),
    [
        ("decimal-comma", "1.25"),
        ("decimal-comma", "12.5"),
        ("decimal-comma", "1.2500"),
        ("decimal-comma", "1234.567"),
        ("decimal-comma", "1,234.50"),
        ("decimal-comma", "1.00.000"),
        ("decimal-comma", ".250"),
        ("thousands-comma", "1,25"),
        ("thousands-comma", "12,5"),
        ("thousands-comma", "1,2500"),
        ("thousands-comma", "1234,567"),
        ("thousands-comma", "1.234,50"),
        ("thousands-comma", "1,00,000"),
        ("thousands-comma", ",250"),
    ],
)
def test_a_price_of_another_form_than_the_named_one_is_refused(tmp_path: Path, conversion: str, cell: str) -> None:
    refused = priced(tmp_path, conversion, cell)
    assert isinstance(refused, Verdict)
    assert (refused.status, refused.field) == ("refused", "price")


def test_names_of_units_become_codes(tmp_path: Path) -> None:
    path = table(tmp_path, "sku,unit\na,kg\nb,Stück\nc,瓶\nd,EA\ne,\nf,furlong\ng,St.\nh,ST\ni,ea\n")
    found = rows_of(path, mapping=ColumnMapping(convert={"unit": "unit-names"}))
    units = [row.value.get("unit") for row in found if isinstance(row, Row)]
    assert units == ["KGM", "H87", "BO", "EA", None, "H87", "ST", "EA"]
    assert one([row for row in found if isinstance(row, Verdict)]).field == "unit"


def test_a_list_of_values_replaces_those_of_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, "sku,status\na,aktiv\nb,ended\n")
    found = rows_of(path, mapping=ColumnMapping(values={"status": {"aktiv": "active"}}))
    assert [row.value["status"] for row in found if isinstance(row, Row)] == ["active", "ended"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[columns]\nsku = 1", "Expected `str`"),
        ("[colums]\nsku = 'x'", "unknown field"),
        ("[convert]\nunit = 'magic'", "no conversion 'magic'"),
        ("not toml", "erp.toml"),
    ],
)
def test_a_wrong_mapping_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "erp.toml"
    path.write_text(text)
    with pytest.raises(Unreadable, match=message):
        read_mapping(path, [], ignore_unknown=False)


def test_a_mapping_to_a_column_that_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="'Nummer'"):
        rows_of(table(tmp_path, "sku\ncola\n"), mapping=ColumnMapping(columns={"unit": "Nummer"}))


def test_a_spreadsheet_is_read_like_a_table(tmp_path: Path) -> None:
    try:
        import python_calamine  # noqa: F401
    except ImportError:
        skip_without("python-calamine", "no spreadsheets")
    path = tmp_path / "skus.xlsx"
    path.write_bytes(workbook([["sku", "recipe", "barcodes", "name.zh"], ["six", "cola:6", 4006381333931, "可乐"]]))
    assert one(rows_of(path)).value == {
        "recipe": {"cola": 6},
        "barcodes": ["4006381333931"],
        "names": {"zh": "可乐"},
    }
    path.write_bytes(b"no spreadsheet")
    with pytest.raises(Unreadable, match="cannot be read"):
        rows_of(path)


def workbook(rows: list[list[Any]]) -> bytes:
    """The smallest spreadsheet with these rows (ECMA-376)."""
    from io import BytesIO

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="A" sheetId="1" '
        'r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return file.getvalue()
