"""Amounts in cents."""


def percent(cents: int, rate: int) -> int:
    """`rate` percent of an amount; half a cent is rounded up."""
    return (cents * rate + 50) // 100


def split(cents: int, parts: int) -> list[int]:
    """An amount in equal parts; the cents left over go to the first parts."""
    share, rest = divmod(cents, parts)
    return [share + 1 if index < rest else share for index in range(parts)]


def show(cents: int) -> str:
    """12345 as "123.45"."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{dollars(cents)}.{rest(cents):02}"


def dollars(cents: int) -> int:
    """The whole part of an amount, without its sign."""
    return abs(cents) // 100


def rest(cents: int) -> int:
    """The cents beside the whole part."""
    return abs(cents) % 100
