"""A file too big to check by eye, and big enough for Spark: what is loaded and what is not, asked by SQL."""

from __future__ import annotations

from tests.e2e.conftest import Pipeline

ROWS = 1_000_000
BAD_ROW = 654_321
KEY = "orders/month=2031-01/million.csv"


def it_shows_the_one_bad_row_of_a_million(loaded: Pipeline) -> None:
    lines = [f"{number},1,{number % 1000}" for number in range(1, ROWS + 1)]
    lines[BAD_ROW - 1] = f"{BAD_ROW},1,n/a"
    loaded.upload(KEY, "order_id,region_id,amount\n" + "\n".join(lines) + "\n")
    report = loaded.succeed("orders").output["datasets"]["orders"]
    assert (report["rows_read"], report["rows_written"], report["rows_quarantined"]) == (ROWS, ROWS - 1, 1)
    assert "bytes of CSV with Spark" in loaded.job_log()

    expected = sum(number % 1000 for number in range(1, ROWS + 1) if number != BAD_ROW)
    counted = loaded.rows("SELECT count(*), sum(amount) FROM orders WHERE month = '2031-01'")
    assert counted == [(str(ROWS - 1), str(expected))]
    quarantined = loaded.rows(
        "SELECT source_file, line_number, column_name, raw_text FROM orders_quarantine WHERE month = '2031-01'"
    )
    # The header is line 1.
    assert quarantined == [(KEY, str(BAD_ROW + 1), "amount", f"{BAD_ROW},1,n/a")]
