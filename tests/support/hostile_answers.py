"""Answers that mean harm, for every kind of verifier."""

from collections.abc import Iterator

from schema.rollout import Rollout
from schema.task import Check, VerifierKind

QUERY = "Which?\nA. one\nB. two"
CHECKS = {
    VerifierKind.MATH: Check(kind=VerifierKind.MATH, gold="3"),
    VerifierKind.OPTIONS: Check(kind=VerifierKind.OPTIONS, gold="B"),
    VerifierKind.CODE: Check(kind=VerifierKind.CODE, tests="assert solved() == 'yes'"),
    # One whose scorer parses, and one whose scorer evaluates what it is given.
    VerifierKind.GYM: Check(kind=VerifierKind.GYM, gold="1 2", family="spiral_matrix"),
}
TEXTS = (
    "9**9**9",
    "$9^{9^{9^{9}}}$",
    r"\boxed{10^{10^{10^{10}}}}",
    "factorial(10**9)",
    "$" + "(" * 5_000 + "1" + ")" * 5_000 + "$",
    r"$\frac{" * 400 + "1" + "}{2}" * 400 + "$",
    "[" * 100_000,
    "x" * 1_000_000,
    "1" * 1_000_000,
    "\x01\x02\x1b[2J\x7f\u202e\u0000",
    "\U0001f4a3" * 10_000,
    r"$\sum_{n=1}^{\infty} \int_0^\infty x^n e^{-x} dx$",
    "$x^{100000}-1=(x-1)$",
    "__import__('os').system('sleep 1000 & touch /tmp/memreward-hostile')",
    "[__import__('os').fork() for _ in range(10**6)]",
    "__import__('os').kill(-1, 9)",
    "__import__('os')._exit(0)",
    "[0] * 10**11",
    "",
)
CODE = (
    "while True: pass",
    "import os\nwhile True: os.fork()",
    "import sys\nsys.exit(0)",
    "import os\nos._exit(0)",
    "import os\nos.kill(-1, 9)\nos.kill(os.getppid(), 9)",
    "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\nwhile 1: pass",
    "import os\nif os.fork() == 0:\n    os.setsid()\n    while True: pass",
    "open('/tmp/memreward-hostile', 'w').write('x')",
    "import os\nos.unlink(os.path.expanduser('~/.bashrc'))",
    "f = open('big', 'w')\nwhile True: f.write('x' * 10**6)",
    "a = [0] * 10**11",
    "a = []\nwhile True: a.append('x' * 10**7)",
    "import os\nassert len(os.environ) > 9, 'nothing to read'",
    "import socket\nsocket.create_connection(('127.0.0.1', 5432), 1)",
    "def f(): f()\nf()",
    "from threading import Thread\nwhile True: Thread(target=lambda: list(iter(int, 1))).start()",
    "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    "print('x' * 10**8)\n" * 3,
    '"""',
    "import ctypes\nctypes.string_at(0)",
    "1 = 2",
    "x = " + "(" * 1_000 + ")" * 1_000,
    "9**9**9",
)


def hostile(count: int) -> Iterator[tuple[Rollout, Check]]:
    """`count` of them, each kind of verifier and each text in turn."""
    every = [(text, CHECKS[VerifierKind.CODE]) for text in CODE]
    every += [(text, check) for text in TEXTS for check in CHECKS.values()]
    for place in range(count):
        text, check = every[place % len(every)]
        answer = text if place < len(every) else f"{text}\n# {place}"
        yield (
            Rollout(query=QUERY, answer=answer, source_query_id="hostile", place=place),
            check,
        )


N_DISTINCT = len(CODE) + len(TEXTS) * len(CHECKS)
