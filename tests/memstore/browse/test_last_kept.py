from memstore.browse.last_kept import LastKept


def test_the_oldest_goes() -> None:
    kept: LastKept[str, int] = LastKept(2)
    for number, key in enumerate(("a", "b", "a", "c")):
        kept.put(key, number)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (2, None, 3)
