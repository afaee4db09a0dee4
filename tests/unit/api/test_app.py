from rung.api.app import Ids


def test_ids_differ_and_have_one_form() -> None:
    ids = Ids()
    drawn = [ids() for _ in range(1000)]
    assert len(set(drawn)) == 1000
    assert {len(one) for one in drawn} == {len("chatcmpl-") + 24}
    assert all(int(one.removeprefix("chatcmpl-"), 16) >= 0 for one in drawn)


def test_two_servers_ids_differ() -> None:
    assert Ids()() != Ids()()
