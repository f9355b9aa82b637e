from datetime import date

import pytest

from invoicing.invoice import Invoice, Line
from invoicing.ledger import balance, days_late, largest, late_fee, to_remind


def bill(customer, cents, issued=date(2026, 3, 1), paid=0):
    return Invoice(customer, issued, [Line("work", 1, cents)], tax_rate=0, days_to_pay=14, paid_cents=paid)


@pytest.fixture
def invoices():
    return [
        bill("Ada", 10_000),
        bill("Ben", 30_000, issued=date(2026, 2, 1)),
        bill("Ada", 5_000, issued=date(2026, 1, 1)),
        bill("Cyd", 20_000, paid=20_000),
    ]


def test_balance_adds_up_each_customer(invoices):
    assert balance(invoices) == {"Ada": 15_000, "Ben": 30_000}


def test_days_late():
    assert days_late(bill("Ada", 100), date(2026, 3, 25)) == 10
    assert days_late(bill("Ada", 100), date(2026, 3, 10)) == 0


def test_a_reminder_goes_out_after_a_week():
    assert to_remind([bill("Ada", 100)], date(2026, 3, 21)) == []
    assert to_remind([bill("Ada", 100)], date(2026, 3, 22)) == ["Ada"]


def test_the_latest_is_reminded_first(invoices):
    assert to_remind(invoices, date(2026, 3, 10)) == ["Ada", "Ben"]


def test_largest(invoices):
    assert [invoice.customer for invoice in largest(invoices, 2)] == ["Ben", "Cyd"]


def test_late_fee_is_one_percent_a_week():
    assert late_fee(bill("Ada", 10_000), date(2026, 3, 29)) == 200
    assert late_fee(bill("Ada", 10_000), date(2026, 3, 28)) == 100


def test_late_fee_has_a_limit():
    assert late_fee(bill("Ada", 10_000), date(2027, 3, 1)) == 1_000
