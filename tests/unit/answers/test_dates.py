from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.answers.dates import date_of, dates_in

DAY = date(2018, 12, 25)


@pytest.mark.parametrize(
    "text",
    [
        *("2018-12-25", "25/12/2018", "12/25/2018", "25.12.18", "25-12-2018", "25 Dec 2018", "25th of December, 2018"),
        *("25DEC2018", "Dec. 25, 2018", "december 25th 2018"),
    ],
)
def test_ways_to_write_a_date(text: str) -> None:
    assert date_of(text) == {DAY}
    assert dates_in(f"Date: {text} 8:13:39 PM") == [{DAY}]


def test_a_date_that_may_be_read_in_two_ways_has_both() -> None:
    assert date_of("03/04/2018") == {date(2018, 4, 3), date(2018, 3, 4)}
    assert date_of("2018/03/04") == {date(2018, 3, 4)}


def test_years_of_two_digits() -> None:
    assert date_of("01/01/68") == {date(2068, 1, 1)}
    assert date_of("01/01/69") == {date(1969, 1, 1)}


@pytest.mark.parametrize(
    "text", ["31/31/2018", "1.2.3.4", "12-34", "2018-12-25-7", "on 25 Dec 2018 at noon", "", "may"]
)
def test_what_is_no_date(text: str) -> None:
    assert not date_of(text)


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31)))
def test_every_day_is_found_as_iso_writes_it(day: date) -> None:
    assert date_of(day.isoformat()) == {day}
    assert day in date_of(day.strftime("%d/%m/%Y"))


@given(st.text(alphabet="0123456789/-. janfebdecof,", max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert all(dates_in(text))
