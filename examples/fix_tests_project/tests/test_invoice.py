from datetime import date

import pytest

from invoicing.invoice import Invoice, Line


@pytest.fixture
def invoice():
    lines = [Line("desk", 2, 15_000), Line("lamp", 4, 2_500)]
    return Invoice("Ada", date(2026, 3, 1), lines, discount_rate=10, days_to_pay=14)


def test_a_line_costs_quantity_times_price():
    assert Line("lamp", 4, 2_500).amount() == 10_000


def test_subtotal_adds_the_lines(invoice):
    assert invoice.subtotal() == 40_000


def test_discount(invoice):
    assert invoice.discount() == 4_000


def test_net_is_what_remains_after_the_discount(invoice):
    assert invoice.net() == 36_000


def test_total_adds_the_tax(invoice):
    assert invoice.total() == 43_200


def test_without_discount(invoice):
    assert Invoice("Ada", date(2026, 3, 1), invoice.lines).total() == 48_000


def test_what_is_open_shrinks_with_payments(invoice):
    invoice.paid_cents = 13_200
    assert invoice.open_cents() == 30_000


def test_nothing_is_open_after_paying_too_much(invoice):
    invoice.paid_cents = 50_000
    assert invoice.open_cents() == 0


def test_due_after_the_days_to_pay(invoice):
    assert invoice.due() == date(2026, 3, 15)


def test_two_weeks_to_pay_unless_agreed_otherwise():
    assert Invoice("Ada", date(2026, 3, 1)).due() == date(2026, 3, 15)


def test_overdue_from_the_day_after(invoice):
    assert not invoice.overdue(date(2026, 3, 15))
    assert invoice.overdue(date(2026, 3, 16))


def test_never_overdue_when_paid(invoice):
    invoice.paid_cents = 43_200
    assert not invoice.overdue(date(2026, 5, 1))
