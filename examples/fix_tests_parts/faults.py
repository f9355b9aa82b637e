"""Copies the project to a work folder and breaks it there. The repairer never imports this module."""

import random
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "fix_tests_project"

FAULTS = (
    ("invoicing/money.py", "cents * rate + 50", "cents * rate - 50"),
    ("invoicing/money.py", "index < rest", "index <= rest"),
    ("invoicing/money.py", "abs(cents) % 100", "abs(cents) // 100"),
    ("invoicing/invoice.py", "self.quantity * self.unit_cents", "self.quantity + self.unit_cents"),
    ("invoicing/invoice.py", "percent(self.subtotal(), self.discount_rate)", "percent(self.subtotal(), self.tax_rate)"),
    ("invoicing/invoice.py", "self.subtotal() - self.discount()", "self.subtotal() + self.discount()"),
    ("invoicing/invoice.py", "days_to_pay: int = 14", "days_to_pay: int = 15"),
    ("invoicing/invoice.py", "today > self.due()", "today >= self.due()"),
    ("invoicing/ledger.py", "REMINDER_DAYS = 7", "REMINDER_DAYS = 8"),
    ("invoicing/ledger.py", "key=Invoice.total, reverse=True", "key=Invoice.total, reverse=False"),
    ("invoicing/ledger.py", "days_late(invoice, today) // 7", "days_late(invoice, today) // 6"),
)


def prepare(work: Path, seed: int, faults: int) -> int:
    """Copy the project to `work` and apply `faults` of the faults, chosen by `seed`. Returns how many."""
    shutil.copytree(PROJECT, work, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name, right, wrong in random.Random(seed).sample(FAULTS, faults):
        file = work / name
        text = file.read_text(encoding="utf-8")
        assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times in {name}"
        file.write_text(text.replace(right, wrong), encoding="utf-8")
    return faults
