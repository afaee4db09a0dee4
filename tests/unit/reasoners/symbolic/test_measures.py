"""Units, rates, clock and calendar: against known answers, and against the standard library on random ones."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.reasoners.symbolic.errors import NotSolved
from rung.reasoners.symbolic.solver import solve
from rung.reasoners.symbolic.vocabulary import worth_parsing

ANSWERS = {
    # a unit in words is named by the question; a symbol is repeated
    "convert 5 miles to kilometers": "8.04672",
    "convert 5 miles to km": "8.04672 km",
    "what is 0 celsius in fahrenheit?": "32 °F",
    "convert 135 minutes to hours and minutes": "2 h 15 min",
    "3 km + 500 m": "3.5 km",
    "How many square feet are in an acre?": "43560",
    "How many square feet are in a square yard?": "9",
    "half an hour in minutes": "30",
    "two and a half hours in minutes": "150",
    "1 and a half hours in minutes": "90",
    "72 f in c": "22.2222222222 °C",
    "37c to f": "98.6 °F",
    "convert 100 f to celsius": "37.7777777778 °C",
    "5 m/s in km/h": "18 km/h",
    "60 inches is how many feet?": "5",
    "1 kg equals how many grams?": "1000",
    "1 mile = how many feet": "5280",
    "How many feet are in half a mile?": "2640",
    "What is 5 pm in 24 hour time?": "17:00",
    "Convert 5:30 PM to 24-hour format": "17:30",
    "12 am in military time": "00:00",
    "17:30 in 12-hour time": "5:30 PM",
    "09:30 in the 12-hour clock": "9:30 AM",
    "1 acre in square meters": "4046.8564224",
    "how many acres in a hectare": "2.47105381467",
    "3 km / 500 m": "6",
    "5 km times 3": "15 km",
    "6 ft 2 in in cm": "187.96 cm",
    "2 h 15 min + 3 h 50 min": "6 h 5 min",
    "what is 15% of 80 kg": "12 kg",
    "How much is $20 minus $5.50?": "$14.50",
    "What is the sum of $5, $3.50 and $2?": "$10.50",
    "If I have $5, how much do I get in EUR at 0.9 EUR per USD?": "4.5 EUR",
    "500 mg in g": "0.5 g",
    "500 MG in g": "0.5 g",
    "How many calories are in 2 kcal?": "2000",
    "convert 180 degrees to radians": "3.14159265359",
    "I have 3 hours 30 minutes. How many minutes is that?": "210",
    "I have 200 EUR, how many dollars is that at 1.1 USD per EUR?": "220",
    # amounts in order
    "Which is longer, 3 km or 2 miles?": "2 miles",
    "Is 30 celsius warmer than 80 fahrenheit?": "True",
    "Is 100 cm equal to 1 m?": "True",
    "Arrange in ascending order: 2 km, 300 m, 5 cm": "5 cm, 300 m, 2 km",
    "Sort 5 km, 3 miles and 2 miles in ascending order": "2 miles, 3 miles, 5 km",
    "Order from smallest to largest: $5, $3.50, $10": "$3.50, $5, $10",
    "What's the largest: 3 km, 500 m or 2 miles?": "2 miles",
    # several amounts, and one in several units
    "Add 2 hours 45 minutes and 3 hours 30 minutes": "6 h 15 min",
    "Add 2 h 45 min, 3 h 30 min and 1 h": "7 h 15 min",
    "What is the sum of 5 km and 300 m?": "5.3 km",
    "Add 500 m to 3 km": "3.5 km",
    "3 hours + 20 minutes": "3 h 20 min",
    "3 hours + 30 minutes": "3.5 hours",
    "How many days were there in February 1900?": "28",
    "Subtract 2 hours 45 minutes from 3 hours 30 minutes": "45 min",
    "difference between 3 hours 30 minutes and 2 hours 45 minutes": "45 min",
    "1 min 30 s + 45 s": "2 min 15 s",
    "How many hours and minutes is 405 minutes?": "6 h 45 min",
    "405 minutes is how many hours and minutes?": "6 h 45 min",
    "Convert 3725 seconds to hours, minutes and seconds": "1 h 2 min 5 s",
    "How many feet and inches is 70 inches?": "5 feet 10 inches",
    # clock
    "how many hours between 09:00 and 05:00": "20",
    "how long is it from 22:00 to 6:00": "8 h",
    "what time is it 3 h 20 min after 10:45 PM": "2:05 AM",
    "What time is 45 minutes before 12:10 AM?": "11:25 PM",
    "3 hours after noon": "3:00 PM",
    "14:30 plus 50 minutes": "15:20",
    "If it's 10:45 PM now, what time will it be in 3 hours and 20 minutes?": "2:05 AM",
    "What's the time difference between 9:40 and 17:05?": "7 h 25 min",
    "What is the time between 5 pm and 9 pm?": "4 h",
    "how many minutes between 5:22 AM and 3:21 PM": "599",
    "How many hours and minutes are there between 9:15 AM and 5:00 p.m.?": "7 h 45 min",
    "how long is it from 10 PM to 6 AM": "8 h",
    "what time is 3 PM UTC-5 in UTC+1": "9:00 PM",
    "convert 14:30 UTC to UTC+5:30": "20:00",
    "If it is 11 PM UTC-8, what time is it in UTC+1?": "8:00 AM the next day",
    # what is reckoned from a moment that was given
    "What time was it 3 hours before 1:20 am?": "10:20 PM",
    "It is 6:45 am. What time will it be in 2 hours and 30 minutes?": "9:15 AM",
    "It is 6:45 a.m. What time was it 3 hours ago?": "3:45 AM",
    "It is 4:15 pm. How many minutes until 5 pm?": "45",
    "How long is it until 17:00 if it's now 16:15?": "45 min",
    "It is 9:00 UTC. What time is it in UTC+9?": "18:00",
    "15:00 UTC is what time in UTC+2?": "17:00",
    "45 minutes after 15:30 is what time?": "16:15",
    "How much time passes between 9:00 am and 5:30 pm?": "8 h 30 min",
    "If today is Monday, what day will it be in 100 days?": "Wednesday",
    "If today is Monday, what day of the week was it 10 days ago?": "Friday",
    "What day comes 10 days after Tuesday?": "Friday",
    "Today is 30 November 2026. What day will it be in 25 days?": "Friday, 25 December 2026",
    "If today is 30 November 2026, what was the date 25 days ago?": "5 November 2026",
    "How many days until 25 December 2026 from 30 November 2026?": "25",
    "If today is 30 November 2026, how many days until 25 December 2026?": "25",
    "What day will it be in 3 days if today is Monday?": "Thursday",
    "Today is 5 May 2024. What day of the week is it?": "Sunday",
    "What time was it 3 hours ago if it's 7 pm now?": "4:00 PM",
    # calendar
    "Which day of the week will 25 December 2026 be?": "Friday",
    "25 December 2026 is what day of the week?": "Friday",
    "How many days after 30 November 2026 is 25 December 2026?": "25",
    "How many days between 11/30/2026 and 12/25/2026?": "25",
    "How many weeks are there between 30.11.2026 and 28/12/2026?": "4",
    "On what day does 25 December 2026 fall?": "Friday",
    "How many years between 1969 and 2024?": "55",
    "How many leap years are there between 2001 and 2050?": "12",
    "is 4 July 1976 a Sunday?": "True",
    "on what day of the week did 4 July 1976 fall?": "Sunday",
    "what day is 100 days after Monday": "Wednesday",
    "what day of the week is 100 days after 3 May 2024?": "Sunday",
    "what day is 30 days after January 15, 2024": "Wednesday, 14 February 2024",
    "is the year 1900 a leap year": "False",
    "Was 29 February 2024 a Thursday?": "True",
    "How many days does February have in 2023?": "28",
    "days between 2024-01-01 and 2024-12-31": "365",
    "next leap year after 2021": "2024",
    "next leap year after 2096": "2104",
    "how many days are in February 2024": "29",
    "how many days are there in April?": "30",
    "how many days in the year 1900?": "365",
    "what date is 3 weeks after 15 January 2024": "5 February 2024",
    "what date is 2 months before 15 January 2024": "15 November 2023",
    "add 10 days to 2024-02-25": "6 March 2024",
    "how long is it from 3 March 2024 to 1 May 2024": "59 days",
    "how old is someone born on 5 May 1990 on 1 January 2024": "33",
    "If I was born on 5 May 1990, how old will I be on 6 May 2024?": "34",
    # rates
    "at 1.08 USD per EUR, how much is 250 EUR in USD": "270 USD",
    "The exchange rate is 1.08 USD per EUR. How much is 250 EUR in USD?": "270 USD",
    "If one euro is worth 1.08 dollars, how much is 250 euros in dollars?": "270 dollars",
    "Could you tell me what 5 miles in km is?": "8.04672 km",
    "could you tell me how many km 5 miles are": "8.04672",
    "could you tell me what day of the week 4 July 2024 was": "Thursday",
    "Could you tell me whether 4 July 2024 was a Thursday?": "True",
    "could you tell me what time it is 45 minutes after 11:50 AM?": "12:35 PM",
    "I need the time 45 minutes after 11:50 AM": "12:35 PM",
    "Could you tell me the date 90 days after 15 January 2025?": "15 April 2025",
    "Could you tell me how long it is from 8:30 am to 5:15 pm?": "8 h 45 min",
    "could you tell me how long 150 km takes at 60 km/h?": "2.5 h",
    "could you tell me how old someone born on 5 May 1990 is on 4 May 2020?": "29",
    "could you tell me how many days February 2024 has?": "29",
    "could you tell me how much 250 EUR is in USD at 1.08 USD per EUR?": "270 USD",
    "could you tell me how much 3 kg at $4.50 per kg costs?": "$13.50",
    "Tell me the time to travel 100 miles at 50 mph": "2 hours",
    "I need the time needed to drive 100 miles at 50 mph": "2 hours",
    "Give me the time required for 100 miles at 50 mph": "2 hours",
    "How many days are there in a leap year?": "366",
    "how many days does a leap year have?": "366",
    "how much is 270 USD in EUR at 1.08 USD per EUR": "250 EUR",
    "If 100 yen are 0.65 USD, how much is 5000 yen in USD?": "32.5 USD",
    "convert £250 to dollars at $1.25 per pound": "312.5 dollars",
    "how many yen are 20 USD if 1 USD = 150 yen": "3000",
    "I have $100. The exchange rate is 1 USD = 0.92 EUR. How many euros do I get?": "92",
    "I have 100 dollars. The exchange rate is 0.92 euros per dollar. How much is that in EUR?": "92 EUR",
    "How many euros do I get for 100 dollars at 0.92 euros per dollar?": "92",
    "The exchange rate is 1 dollar to 150 yen. How many yen is 30 dollars?": "4500",
    "What is 500 yen in dollars at 150 yen to the dollar?": "3.33333333333 dollars",
    "If one dollar is worth 150 yen, how many yen are 30 dollars worth?": "4500",
    "At 150 yen per dollar, how much is 30 dollars?": "4500 yen",
    "£1 is €1.15. How many pounds is €23?": "20",
    "How much is 80 USD in EUR? 1 EUR = 1.10 USD.": "72.7272727273 EUR",
    "How many litres can I buy with $20 at $1.60 per litre?": "12.5",
    "At $15 per hour, how much for 6.5 hours?": "$97.50",
    "100 km in 1.5 hours is what speed?": "66.6666666667 kilometers/hour",
    "100 km in 2 hours is how many km/h?": "50",
    "What is the average speed if you cover 150 km in 2 hours?": "75 kilometers/hour",
    "If I drive 180 km at 60 km/h, how long does it take?": "3 h",
    "How long will it take to drive 150 miles at a constant speed of 60 mph?": "2.5 hours",
    "How many hours does it take to travel 180 km at 60 km/h?": "3",
    "At 5 litres per minute, how long does it take to fill 200 litres?": "40 minutes",
    "At 5 litres per minute, how many litres in 2 hours?": "600",
    "60 words per minute: how many words in 2.5 hours?": "9000",
    "60 km/h for 2.5 hours is how many km?": "150",
    "The exchange rate from USD to EUR is 0.92. How many euros is 100 USD?": "92",
    "How many miles will you go in 3 hours at 60 mph?": "180",
    "90 km/h is how many m/s?": "25",
    "How fast is 400 m in 50 s?": "8 m/s",
    "What is the speed of 10 km in 50 minutes in km/h?": "12 km/h",
    "How much do I earn in 7.5 hours at $20 per hour?": "$150",
    "Write 7:30 pm in 24-hour time": "19:30",
    "A train travels 300 km in 4 hours. What is its average speed?": "75 kilometers/hour",
    "At 12 litres per minute, how many minutes to fill 300 litres?": "25",
    "Travelling at 60 km/h for 3 hours, how far do you go?": "180 km",
    "What is the difference between 3 km and 5 km?": "2 km",
    "a car goes 60 km/h for 2.5 hours, how far": "150 km",
    "60 miles per hour for 90 minutes": "90 miles",
    "how far do you get in 2.5 hours at 60 km/h": "150 km",
    "how long does it take to drive 150 km at 60 km/h?": "2.5 h",
    "average speed for 150 km in 2.5 hours": "60 kilometers/hour",
    "$12 an hour for 8 hours": "$96",
    "If 1 USD equals 0.92 EUR, how much is 500 USD in EUR?": "460 EUR",
    "At 60 km/h, how far in 2.5 hours?": "150 km",
    "At 60 km/h, how long does 150 km take?": "2.5 h",
    "60 km/h * 2.5 h": "150 km",
    "150 km / 2.5 h": "60 km/h",
    "How much do 3 kg cost at $4 per kg?": "$12",
    "3 kg at $4.50 per kg": "$13.50",
}

DECLINED = [
    "60 inches is more than how many feet?",
    "60 inches is how many grams?",
    "How many hours are in a leap year?",
    "2 f in 3 c",
    "c in f",
    "9:30 in 12 hour time",
    "5:30 in 24 hour time",
    "5 pm in 12 hour time",
    "5 pm in 36 hour time",
    "5 pm in 24 minute time",
    "difference between 5 pm and 9 am",
    "how long from 9:00 am to 9:00 am",
    "convert 5 EUR to USD",
    "convert 5 km to kg",
    "convert 5 feet 3 to inches",
    "What is 5 km?",
    "what is 2+2 km",
    "10 C plus 5 F",
    "Which is longer, 3 km or 2 kg?",
    "Which is larger, 500 g or 0.5 kg?",
    "Which is larger: 1 month or 30 days?",
    "Which is larger: 3 or 2 km?",
    "Sort 2 feet, 5 feet and 3 inches",
    "Add 20 celsius and 30 celsius",
    "difference between 3 hours and 30 minutes and 2 hours and 45 minutes",
    "Subtract 3 h 30 min from 2 h 45 min",
    "product of 5 km and 3 km",
    "Add 5 km and 3 kg",
    "Add 2 hours 45 minutes",
    "405 minutes is less than how many hours and minutes?",
    "How many feet and meters is 70 inches?",
    "convert -500 C to F",
    "What is 3 hours after 14:75?",
    "how many minutes between 10:00 and 3 PM",
    "how many hours between 9:00 and 5:00",
    "500 Mg in g",
    "convert 200 Cal to J",
    "How many Calories are in 2 kcal?",
    "5 g in Mg",
    "how long is it from 12:30 to 1:15",
    "How many minutes are not between 5:22 AM and 3:21 PM?",
    "how many hours between 9 AM and 5 PM on Monday",
    "What time is 3 PM EST in PST?",
    "What is 10:45 - 9:15?",
    "1 month after 31 January 2024",
    "What date is 3 weeks after January 15?",
    "how many months between 15 January 2024 and 20 March 2024",
    "how many days in February",
    "how many days in 2 years",
    "what is the weekday of 29 February 2023?",
    "is 4 July 1976 not a Sunday?",
    "is 4 July 1976 a Sunday or a Monday?",
    "how old is someone born on 29 February 2000 on 28 February 2023?",
    "I was born on 5 May 1990. She was born on 6 June 1991. How old am I on 1 January 2024?",
    "She was born on 6 June 1991. How old am I on 1 January 2024?",
    "Today is Monday. What day will it be in 3 days if today is Tuesday?",
    "How many days before 30 November 2026 is 25 December 2026?",
    "Convert 3 hours to minutes and seconds",
    "The exchange rate between USD and EUR is 0.92. How many euros is 100 USD?",
    "At 60 km/h, how many kg do you travel in 3 hours?",
    "If 1 EUR = 1.1 USD and 1 GBP = 1.3 USD, how much is 5 GBP in EUR?",
    "I have $100. How many euros do I get?",
    "I have $100. How many dollars do I need?",
    "I have 5 miles. How many miles is that?",
    "I have $100. I have $50. 1 USD = 0.92 EUR. How many euros do I have?",
    "I have $100 and 50 EUR. 1 USD = 0.92 EUR. How many euros do I have?",
    "I have $100. The exchange rate is 1 USD = 0.92 EUR. How many pounds do I get?",
    "I have $100. The exchange rate is 0.92. How many euros do I get?",
    "The exchange rate is 1 USD = 0.92 EUR. How much is that in euros?",
    "At 150 yen per dollar, how much is 30 euros?",
    "£2 per kg: how many pounds is 3 kg?",
    "If 1 EUR = 1.2 USD, how much is 80 USD in EUR? 1 EUR = 1.10 USD.",
    "100 km in 1.5 hours is what distance?",
    "100 kg in 2 hours is what speed?",
    "At 60 km/h and 40 km/h, how far in 2 hours?",
    "Convert 5 km and 3 km to miles",
    "Convert 300 m and 5 km to miles",
    "5 km in 2 hours in km",
    "average speed of 100 km in 2 hours in kg",
    "100 km in 2 hours is how many km?",
    "60 km/h for 2.5 hours is how many hours?",
    "How many hours does it take to travel 180 km?",
    "How many hours does it take to travel 3 hours at 60 km/h?",
    "At 5 litres per minute, how long does it take to fill 200 kg?",
    "60 words per minute: how many pages in 2.5 hours?",
    "How many words are in 3 pages?",
    "At 1.1 USD per EUR, how much is 5 GBP in USD?",
    "at 0 USD per EUR, how much is 250 USD in EUR",
    "if 1 mile = 2 km, how many km is 5 miles",
    "A car goes 60 km/h for 2 hours and then 40 km/h for 1 hour. How far?",
    "A car goes 60 km/h for 2 hours. How fast?",
    "how long is 60 km/h for 2 hours",
    "60 km/h for 2.5 kg",
    "150 km in 2.5 hours",
    "$10 per hour for 3 days",
    "250 EUR to USD at 1.08",
    "It is 10 pm. What date will it be in 3 hours?",
    "It is 10 pm. What day will it be in 3 hours?",
    "It is 9:00. How long until 5:00?",
    "It is 4 pm. How many days until 25 December 2026?",
    "If it is 9:00 UTC, how long until 17:00?",
    "Today is Monday. What is the date in 3 days?",
    "Today is 30 November 2026. What time will it be in 25 days?",
    "Today is 30 November 2026. How many days until 25 December 2025?",
    "If today is Monday, what day will it be in 100 hours?",
    "What day was it 10 days ago?",
    "How many days until 25 December 2026?",
    "How many days from 1 May 2024 through 31 May 2024?",
    "How many years between 5 and 10?",
    "How many years from 1969 through 2024?",
    "How many months between 1969 and 2024?",
    "How many leap years are there between 2000 and 2024?",
    "what date is 10 days after 3/4/2024?",
    "How many days from 1/13/2026 to 2/3/2026?",
    "what date is 10 days after 31/2/2024?",
    "What is 25/12/2024?",
    "If it is 3 PM, what time is it in UTC+2?",
    "If it is 3 PM UTC+1, what time is it in 2 hours?",
    "5 km + 2 m / 2",
    "5 km / 0",
    "What is $40 plus 15% tip?",
]


@pytest.mark.parametrize(("question", "answer"), ANSWERS.items())
def test_what_is_understood_is_answered(question: str, answer: str) -> None:
    assert worth_parsing(question)
    assert solve(question) == answer


@pytest.mark.parametrize("question", DECLINED)
def test_what_has_no_single_answer_is_declined(question: str) -> None:
    if worth_parsing(question):
        with pytest.raises(NotSolved):
            solve(question)


DATES = st.dates(dt.date(1700, 1, 1), dt.date(2300, 1, 1))


def said(date: dt.date) -> str:
    return f"{date.day} {date:%B} {date.year}"


@given(DATES, DATES)
def test_days_between_dates(first: dt.date, second: dt.date) -> None:
    assert solve(f"How many days are there from {said(first)} to {said(second)}?") == str(abs((second - first).days))


@given(DATES, st.integers(1, 100_000))
def test_dates_after_and_before(start: dt.date, days: int) -> None:
    assert solve(f"What date is {days} days after {said(start)}?") == said(start + dt.timedelta(days))
    assert solve(f"What date is {days} days before {said(start + dt.timedelta(days))}?") == said(start)
    assert solve(f"What day of the week was {said(start)}?") == f"{start:%A}"


@given(DATES, st.integers(1, 10_000))
def test_moments_that_were_given(now: dt.date, days: int) -> None:
    later, earlier = now + dt.timedelta(days), now - dt.timedelta(days)
    assert solve(f"Today is {said(now)}. How many days until {said(later)}?") == str(days)
    assert solve(f"If today is {said(now)}, what date was it {days} days ago?") == said(earlier)
    assert solve(f"If today is {now:%A}, what day will it be in {days} days?") == f"{later:%A}"
    assert solve(f"Today is {now:%A}. What day of the week was it {days} days ago?") == f"{earlier:%A}"


@given(st.dates(dt.date(1700, 1, 1), dt.date(2199, 12, 31)))
def test_a_date_in_digits_is_read_if_it_has_one_reading(date: dt.date) -> None:
    for written in (f"{date.day}/{date.month}/{date.year}", f"{date:%d.%m.%Y}", f"{date:%m/%d/%Y}", f"{date:%m-%d-%Y}"):
        question = f"What day of the week was {written}?"
        if date.day > 12 or date.day == date.month:
            assert solve(question) == f"{date:%A}"
        else:
            with pytest.raises(NotSolved):
                solve(question)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_sums_of_times_and_a_time_in_parts(first: int, second: int) -> None:
    def parted(minutes: int) -> str:
        return f"{minutes // 60} hours {minutes % 60} minutes"

    total = solve(f"Add {parted(first)} and {parted(second)}").split()
    sizes = dict(zip(total[1::2], map(int, total[::2]), strict=True))
    assert sizes.get("h", 0) * 60 + sizes.get("min", 0) == first + second
    assert sizes.get("min", 0) < 60
    assert solve(f"How many hours and minutes is {first} minutes?") == f"{first // 60} h {first % 60} min"


@given(st.times(), st.integers(1, 3000), st.booleans())
def test_clock_times_go_round(start: dt.time, minutes: int, halves: bool) -> None:
    start = start.replace(second=0, microsecond=0)
    later = (dt.datetime.combine(dt.date(2000, 1, 1), start) + dt.timedelta(minutes=minutes)).time()

    def shown(time: dt.time) -> str:
        return f"{time:%I:%M %p}".lstrip("0") if halves else f"{time:%H:%M}"

    assert solve(f"What is {minutes} minutes after {shown(start)}?") == shown(later)
    assert solve(f"What is {minutes} minutes before {shown(later)}?") == shown(start)
    if later == start:  # no time, or a day
        return
    if halves or later >= start or not {start.hour, later.hour} <= {10, 11, 12}:  # from 12:30 to 10:15 may be either
        assert solve(f"How many minutes are there between {shown(start)} and {shown(later)}?") == str(minutes % 1440)


@given(DATES, DATES)
def test_ages(born: dt.date, at: dt.date) -> None:
    born, at = sorted((born, at))
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    if (born.month, born.day, at.month, at.day) == (2, 29, 2, 28):
        return
    assert solve(f"How old is someone born on {said(born)} on {said(at)}?") == str(years)
