"""Invoices of a small business: amounts, due dates, who owes what. Money is whole cents."""
