"""Many invoices together."""

from datetime import date

from invoicing.invoice import Invoice

REMINDER_DAYS = 7


def balance(invoices: list[Invoice]) -> dict[str, int]:
    """What each customer still owes, those who owe nothing left out."""
    owed: dict[str, int] = {}
    for invoice in invoices:
        owed[invoice.customer] = owed.get(invoice.customer, 0) + invoice.open_cents()
    return {customer: cents for customer, cents in owed.items() if cents > 0}


def days_late(invoice: Invoice, today: date) -> int:
    """Days since it was due, 0 when it is not overdue."""
    return (today - invoice.due()).days if invoice.overdue(today) else 0


def to_remind(invoices: list[Invoice], today: date) -> list[str]:
    """Customers with an invoice late for at least a week, the latest first, each once."""
    late = [invoice for invoice in invoices if days_late(invoice, today) >= REMINDER_DAYS]
    late.sort(key=lambda invoice: days_late(invoice, today), reverse=True)
    return list(dict.fromkeys(invoice.customer for invoice in late))


def largest(invoices: list[Invoice], count: int) -> list[Invoice]:
    """The `count` invoices with the highest totals."""
    return sorted(invoices, key=Invoice.total, reverse=True)[:count]


def late_fee(invoice: Invoice, today: date) -> int:
    """1 % of what is open for each full week it is late, at most 10 %."""
    weeks = days_late(invoice, today) // 7
    return invoice.open_cents() * min(weeks, 10) // 100
