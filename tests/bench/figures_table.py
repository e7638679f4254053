"""Figures, and the table that shows them."""


class Row:
    """One figure; `good` is None where there is nothing to judge."""

    def __init__(self, what, value, wanted="", good=None):
        self.what, self.value, self.wanted, self.good = what, value, wanted, good


def ms(seconds):
    return f"{seconds * 1000:.0f} ms"


def print_table(rows):
    print("| figure | value | wanted | |\n|---|---|---|---|")
    for row in rows:
        verdict = {None: "", True: "ok", False: "**not ok**"}[row.good]
        print(f"| {row.what} | {row.value} | {row.wanted} | {verdict} |")
