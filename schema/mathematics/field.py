"""Values of expressions: an exact number where there is one, else a residue modulo a prime."""

import hashlib
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

#: 1 modulo 8 and modulo every odd prime below 100: each of these primes is a square.
PRIME: Final = 46_111_359_278_910_368_495_062_042_946_635_121_401
#: Most bits of an exact value; a larger one is its residue only.
_MOST_BITS: Final = 1_000
_SMALL_PRIMES: Final = [n for n in range(2, 100) if all(n % d for d in range(2, n))]


class Residue(NamedTuple):
    """A value that is no exact number, or is too large for one."""

    of: int


Value = int | Fraction | Residue


def decimal(text: str) -> int | Fraction:
    """A number as it is written: `3.5`, `1e3`."""
    return int(text) if text.isdigit() else _plain(Fraction(text.removesuffix(".")))


def residue(value: Value) -> int:
    """A value's residue modulo `PRIME`."""
    if isinstance(value, Residue):
        return value.of
    if value.denominator == 1:
        return value.numerator % PRIME
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME


def _plain(exact: int | Fraction) -> int | Fraction:
    """A whole number as an `int`: those are much faster."""
    return exact.numerator if exact.denominator == 1 else exact


def _bounded(exact: int | Fraction) -> Value:
    bits = exact.numerator.bit_length() + exact.denominator.bit_length()
    return _plain(exact) if bits <= _MOST_BITS else Residue(residue(exact))


def plus(one: Value, other: Value) -> Value:
    """The sum."""
    if isinstance(one, Residue) or isinstance(other, Residue):
        return Residue((residue(one) + residue(other)) % PRIME)
    return _bounded(one + other)


def times(one: Value, other: Value) -> Value:
    """The product."""
    if isinstance(one, Residue) or isinstance(other, Residue):
        return Residue(residue(one) * residue(other) % PRIME)
    return _bounded(one * other)


def inverse(value: Value) -> Value:
    """1 divided by `value`.

    Raises:
        ZeroDivisionError: It is 0.
    """
    if isinstance(value, Residue):
        if value.of == 0:
            raise ZeroDivisionError
        return Residue(pow(value.of, -1, PRIME))
    if value.numerator % PRIME == 0:
        raise ZeroDivisionError
    return _plain(Fraction(value.denominator, value.numerator))


def power(base: Value, exponent: Value) -> Value:
    """`base` to the `exponent`; what is no root or whole power is an element of its own."""
    if isinstance(exponent, Residue) or abs(exponent.numerator) > 10_000:
        return element(f"{residue(base)} to {residue(exponent)}")
    if exponent.denominator == 2:
        return power(root(base), exponent.numerator)
    if exponent.denominator != 1:
        return element(f"{residue(base)} to {residue(exponent)}")
    whole = exponent.numerator
    if whole < 0:
        return power(inverse(base), -whole)
    if not isinstance(base, Residue):
        size = max(base.numerator.bit_length(), base.denominator.bit_length()) * whole
        if size <= _MOST_BITS:
            return base**whole
    return Residue(pow(residue(base), whole, PRIME))


def root(value: Value) -> Value:
    """Square root; that of a product of primes below 100 is the product of their roots."""
    if (
        isinstance(value, Residue)
        or value.numerator.bit_length() + value.denominator.bit_length() > 128
    ):
        return element(f"root of {residue(value)}")
    # sqrt(a/b) = sqrt(ab)/b
    rest = abs(value.numerator) * value.denominator
    outside, inside = 1, _square_root(PRIME - 1) if value < 0 else 1
    for prime in _SMALL_PRIMES:
        count = 0
        while rest and rest % prime == 0:
            rest //= prime
            count += 1
        outside *= prime ** (count // 2)
        if count % 2:
            inside = inside * _square_root(prime) % PRIME
    whole = _exact_root(rest)
    inside = inside * (whole if whole is not None else element(f"root of {rest}").of) % PRIME
    scale = Fraction(outside, value.denominator)
    if whole is not None and inside == whole:
        return _plain(scale * whole)
    return Residue(inside * residue(scale) % PRIME)


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
def element(name: str) -> Residue:
    """A fixed random element of the field for a name; the imaginary unit is a root of -1."""
    if name == "letter i":
        return Residue(_square_root(PRIME - 1))
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return Residue(int.from_bytes(digest, "big") % PRIME)
