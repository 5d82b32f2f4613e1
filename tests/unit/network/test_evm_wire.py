"""What goes to an EVM chain, by published examples; that a chain's own node takes it is shown in `contract`."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("coincurve", reason="the extra `evm` is not installed")

from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.adapters.evm import contract
from tidewaiter.network.adapters.evm_wire import Address, EvmKey, arguments, rlp, words_of
from tidewaiter.network.adapters.keccak import keccak256

# EIP-55, "Test Cases": https://eips.ethereum.org/EIPS/eip-55
CHECKED = (
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)  # fmt: skip


def test_keccak_is_not_sha3() -> None:
    # Keccak-256 of nothing and of "abc", as the Keccak team's vectors and every chain have them.
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


def test_keccak_agrees_with_another_implementation() -> None:
    other = pytest.importorskip("Crypto.Hash.keccak", reason="pycryptodome, which vyper brings, is not installed")
    chance = random.Random(1)
    for length in (*range(0, 280, 9), 135, 136, 137, 271, 272, 273, 1_000):
        data = chance.randbytes(length)
        assert keccak256(data) == other.new(digest_bits=256, data=data).digest()


@pytest.mark.parametrize("text", CHECKED)
def test_addresses_are_read_with_their_check_sum(text: str) -> None:
    assert Address.parse(text).text == text
    assert Address.parse(text.lower()) == Address.parse("0x" + text[2:].upper()) == Address.parse(text)
    swapped = "0x" + text[2:].swapcase()
    if swapped[2:] not in (text[2:].lower(), text[2:].upper()):
        with pytest.raises(LedgerError, match="check sum"):
            Address.parse(swapped)


@pytest.mark.parametrize(
    "text",
    ["", "0x", "0x12", "52908400098527886E0F7030069857D2E4169EE7", "0x" + "g" * 40, "0x" + "1 " * 20, "0x" + "1" * 42],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        Address.parse(text)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # https://ethereum.org/en/developers/docs/data-structures-and-encoding/rlp/, "Examples"
        (b"dog", "83646f67"), ([b"cat", b"dog"], "c88363617483646f67"), (b"", "80"), ([], "c0"), (0, "80"), (b"\0", "00"),
        (b"\x0f", "0f"), (15, "0f"), (1024, "820400"), ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"Lorem ipsum dolor sit amet, consectetur adipisicing elit", "b838" + b"Lorem ipsum dolor sit amet, consectetur adipisicing elit".hex()),
        (bytes(1024), "b90400" + "00" * 1024), ([bytes(60)], "f83e" + "b83c" + "00" * 60),
    ],
)  # fmt: skip
def test_rlp(value: object, written: str) -> None:
    assert rlp(value).hex() == written  # type: ignore[arg-type]


def test_arguments_of_a_constructor() -> None:
    first, second = bytes(range(20)), bytes(range(20, 40))
    words = words_of(arguments([(first, second), 2, (first,), True]))
    assert [int.from_bytes(word) for word in words[:4]] == [128, 2, 224, 1]
    assert [int.from_bytes(words[4]), words[5][12:], words[6][12:]] == [2, first, second]
    assert [int.from_bytes(words[7]), words[8][12:]] == [1, first]
    with pytest.raises(LedgerError):
        arguments([b"short"])
    with pytest.raises(LedgerError):
        words_of(b"12")


def test_selectors_are_the_hashes_of_the_methods() -> None:
    for method, selector in contract().methods.items():
        assert int(selector, 16) == int.from_bytes(keccak256(method.encode())[:4]), method


def test_a_key_tells_nothing_of_itself() -> None:
    secret = "46" * 32
    key = EvmKey.parse(f"0x{secret}\n")
    # EIP-155's example key: https://eips.ethereum.org/EIPS/eip-155
    assert key.address.text == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    assert secret not in repr(key) + str(key)
    for text in ("", "46" * 31, "00" * 32, "ff" * 32, "zz" * 32):
        with pytest.raises(LedgerError) as refusal:
            EvmKey.parse(text)
        assert not text or text not in refusal.value.detail
