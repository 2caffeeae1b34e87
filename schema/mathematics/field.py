"""Values of expressions: an exact fraction where there is one, and a residue modulo a prime."""

import hashlib
from fractions import Fraction
from functools import lru_cache
from typing import Final

#: 1 modulo 8 and modulo every odd prime below 100: each of these primes is a square.
PRIME: Final = 46_111_359_278_910_368_495_062_042_946_635_121_401
#: Most bits of an exact value; a larger one is its residue only.
_MOST_BITS: Final = 1_000
_SMALL_PRIMES: Final = [n for n in range(2, 100) if all(n % d for d in range(2, n))]

Value = tuple[Fraction | None, int]


def integer(value: int) -> Value:
    """A whole number."""
    return Fraction(value), value % PRIME


def decimal(text: str) -> Value:
    """A number as it is written: `3.5`, `1e3`."""
    exact = Fraction(text.rstrip(".") if text.endswith(".") else text)
    return exact, _residue(exact)


def _residue(exact: Fraction) -> int:
    return exact.numerator * pow(exact.denominator, -1, PRIME) % PRIME


def _bounded(exact: Fraction) -> Fraction | None:
    bits = exact.numerator.bit_length() + exact.denominator.bit_length()
    return exact if bits <= _MOST_BITS else None


def plus(one: Value, other: Value) -> Value:
    """The sum."""
    exact = None if one[0] is None or other[0] is None else _bounded(one[0] + other[0])
    return exact, (one[1] + other[1]) % PRIME


def times(one: Value, other: Value) -> Value:
    """The product."""
    exact = None if one[0] is None or other[0] is None else _bounded(one[0] * other[0])
    return exact, one[1] * other[1] % PRIME


def inverse(value: Value) -> Value:
    """1 divided by `value`.

    Raises:
        ZeroDivisionError: It is 0.
    """
    if value[1] == 0:
        raise ZeroDivisionError
    return None if value[0] is None else 1 / value[0], pow(value[1], -1, PRIME)


def power(base: Value, exponent: Value) -> Value:
    """`base` to the `exponent`; what is no root or whole power is an element of its own."""
    degree = exponent[0]
    if degree is None or abs(degree.numerator) > 10_000:
        return None, element(f"{base[1]} to {exponent[1]}")
    if degree.denominator == 2:
        return power(root(base), integer(degree.numerator))
    if degree.denominator != 1:
        return None, element(f"{base[1]} to {exponent[1]}")
    whole = degree.numerator
    if whole < 0:
        return power(inverse(base), integer(-whole))
    exact = base[0]
    if exact is not None:
        size = max(exact.numerator.bit_length(), exact.denominator.bit_length()) * whole
        exact = exact**whole if size <= _MOST_BITS else None
    return exact, pow(base[1], whole, PRIME)


def root(value: Value) -> Value:
    """Square root; that of a product of primes below 100 is the product of their roots."""
    exact = value[0]
    if exact is None or exact.numerator.bit_length() + exact.denominator.bit_length() > 128:
        return None, element(f"root of {value[1]}")
    # sqrt(a/b) = sqrt(ab)/b
    rest = abs(exact.numerator) * exact.denominator
    outside, residue = 1, _square_root(PRIME - 1) if exact < 0 else 1
    for prime in _SMALL_PRIMES:
        count = 0
        while rest and rest % prime == 0:
            rest //= prime
            count += 1
        outside *= prime ** (count // 2)
        if count % 2:
            residue = residue * _square_root(prime) % PRIME
    whole = _exact_root(rest)
    residue = residue * (whole if whole is not None else element(f"root of {rest}")) % PRIME
    scale = Fraction(outside, exact.denominator)
    rational = residue == whole
    return (scale * rest_root if (rest_root := whole) is not None and rational else None), (
        residue * _residue(scale) % PRIME
    )


def _exact_root(number: int) -> int | None:
    root = round(number**0.5) if number < 1 << 52 else None
    return root if root is not None and root * root == number else None


@lru_cache(maxsize=256)
def _square_root(number: int) -> int:
    """A square root of `number` modulo `PRIME` (Tonelli and Shanks); the same one each time."""
    odd, twos = PRIME - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    other = next(n for n in range(101, 10_000) if pow(n, (PRIME - 1) // 2, PRIME) == PRIME - 1)
    size, factor = twos, pow(other, odd, PRIME)
    left, root = pow(number, odd, PRIME), pow(number, (odd + 1) // 2, PRIME)
    while left != 1:
        steps, square = 0, left
        while square != 1:
            square, steps = square * square % PRIME, steps + 1
        step = pow(factor, 1 << (size - steps - 1), PRIME)
        size, factor = steps, step * step % PRIME
        left, root = left * factor % PRIME, root * step % PRIME
    return root


@lru_cache(maxsize=4_096)
def element(name: str) -> int:
    """A fixed random element of the field for a name; the imaginary unit is a root of -1."""
    if name == "letter i":
        return _square_root(PRIME - 1)
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return int.from_bytes(digest, "big") % PRIME
