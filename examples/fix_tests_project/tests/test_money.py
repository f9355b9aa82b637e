from invoicing.money import dollars, percent, rest, show, split


def test_percent_of_a_round_amount():
    assert percent(10_000, 20) == 2_000
    assert percent(10_000, 0) == 0


def test_percent_rounds_half_a_cent_up():
    assert percent(150, 5) == 8
    assert percent(149, 5) == 7


def test_split_gives_what_is_left_over_to_the_first():
    assert split(100, 3) == [34, 33, 33]
    assert split(90, 3) == [30, 30, 30]


def test_split_loses_nothing():
    assert sum(split(1_003, 4)) == 1_003


def test_dollars_have_no_sign():
    assert dollars(12_345) == 123
    assert dollars(-250) == 2


def test_rest_is_below_a_hundred():
    assert rest(12_345) == 45
    assert rest(-250) == 50


def test_show():
    assert show(12_345) == "123.45"
    assert show(705) == "7.05"
    assert show(-250) == "-2.50"
    assert show(0) == "0.00"
