"""One invoice: its lines, its total and when it is due."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from invoicing.money import percent


@dataclass(frozen=True)
class Line:
    """So many of one thing."""

    text: str
    quantity: int
    unit_cents: int

    def amount(self) -> int:
        """What the line costs."""
        return self.quantity * self.unit_cents


@dataclass
class Invoice:
    """What a customer owes. Rates are whole percent."""

    customer: str
    issued: date
    lines: list[Line] = field(default_factory=list)
    discount_rate: int = 0
    tax_rate: int = 20
    days_to_pay: int = 14
    paid_cents: int = 0

    def subtotal(self) -> int:
        """The sum of the lines."""
        return sum(line.amount() for line in self.lines)

    def discount(self) -> int:
        """What is taken off before tax."""
        return percent(self.subtotal(), self.discount_rate)

    def net(self) -> int:
        """The amount that is taxed."""
        return self.subtotal() - self.discount()

    def total(self) -> int:
        """What the customer has to pay."""
        return self.net() + percent(self.net(), self.tax_rate)

    def open_cents(self) -> int:
        """What is still to be paid."""
        return max(0, self.total() - self.paid_cents)

    def due(self) -> date:
        """The last day to pay."""
        return self.issued + timedelta(days=self.days_to_pay)

    def overdue(self, today: date) -> bool:
        """True from the day after it was due, while something is open."""
        return today > self.due() and self.open_cents() > 0
