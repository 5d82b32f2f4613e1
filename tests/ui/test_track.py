"""Follow a parcel: the proof is checked by the browser itself, and what was altered is not shown."""

from __future__ import annotations

import hashlib
import json

import pytest
from playwright.sync_api import Browser, Page, expect

from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.signing import cosign
from tidewaiter.web.house import House
from tidewaiter.workflow.recording import subject_of

REFERENCE = "MP-1001"


@pytest.fixture
def code(site_house: House) -> str:
    """The code that the buyer was given; all is sealed."""
    site_house.store.logs.seal()
    return site_house.store.logs.code(subject_of(site_house.store.find(REFERENCE)))


def follow(page: Page, code: str) -> None:
    page.goto("/track")
    page.get_by_label("Number of the parcel").fill(REFERENCE)
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Follow").click()


def test_the_proof_is_checked_in_the_page(page: Page, code: str) -> None:
    follow(page, code)
    expect(page.get_by_role("heading", name=REFERENCE)).to_be_visible()
    expect(page.locator("[data-verdict] [data-shown=yes]")).to_contain_text(
        "Shown: every entry stands in the signed log"
    )
    expect(page.locator("[data-results] ol li").first).to_contain_text(f"reference: {REFERENCE}")


@pytest.mark.parametrize("altered", ["value", "salt", "entry", "index", "signature", "policy"])
def test_what_was_altered_is_not_shown(page: Page, code: str, altered: str) -> None:
    follow(page, code)
    expect(page.locator("[data-verdict] [data-shown=yes]")).to_be_visible()
    receipt = json.loads(page.locator("#receipt").input_value())
    first = receipt["entries"][0]
    if altered in ("value", "salt"):
        first["fields"][0][altered] = "ab" * 32
    elif altered == "entry":
        first["entry"] = first["entry"].replace('"assessed":', '"assesses":')
    elif altered == "index":
        lines = first["proof"].split("\n")
        lines[1] = "index 1" if lines[1] == "index 0" else "index 0"
        first["proof"] = "\n".join(lines)
    elif altered == "signature":
        head, _, line = first["proof"].rstrip("\n").rpartition(" ")
        place = len(line) // 2
        swapped = "A" if line[place] != "A" else "B"
        first["proof"] = f"{head} {line[:place]}{swapped}{line[place + 1 :]}\n"
    else:
        page.locator("#policy").fill("")
    page.locator("#receipt").fill(json.dumps(receipt))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-results] [data-shown=no]")).to_contain_text("Not shown:")


WITNESSES = tuple(
    SignerKey(f"{name}.example", KeyType.COSIGNATURE_ED25519, hashlib.sha256(name.encode()).digest())
    for name in ("notary", "court", "press")
)


@pytest.mark.parametrize(
    ("policy", "spoke", "said"),
    [
        ("quorum two", 2, "Shown:"),
        ("quorum two", 1, "the quorum two of the policy is not met"),
        ("quorum two", 0, "the quorum two of the policy is not met"),
        ("quorum w0", 1, "Shown:"),
        ("quorum none", 0, "Shown:"),
        ("", 2, "the policy has no line quorum"),
        ("quorum three", 2, "line 6 of the keys or policy cannot be read"),
        ("quorum two\nquorum none", 2, "line 7 of the keys or policy cannot be read"),
        ("group again any w0\nquorum again", 2, "line 6 of the keys or policy cannot be read"),
        ("quroum two", 2, "line 6 of the keys or policy cannot be read"),
        ("quorum two altered", 2, "the signature of court.example does not hold"),
    ],
)
def test_a_policy_counts_as_it_stands(page: Page, code: str, policy: str, spoke: int, said: str) -> None:
    follow(page, code)
    expect(page.locator("[data-verdict] [data-shown=yes]")).to_be_visible()
    receipt = json.loads(page.locator("#receipt").input_value())
    receipt["entries"] = receipt["entries"][:1]
    head, _, note = receipt["entries"][0]["proof"].partition("\n\n")
    signed = SignedNote.parse(note.encode())
    lines = [cosign(signed.text, witness, 1_800_000_000).line for witness in WITNESSES[:spoke]]
    if policy.endswith(" altered"):
        policy, lines[1] = "quorum two", cosign(signed.text, WITNESSES[1], 1_800_000_001).line
        other = cosign(signed.text, WITNESSES[1], 1_800_000_002).line
        lines[1] = lines[1][:-20] + other[-20:]
    receipt["entries"][0]["proof"] = f"{head}\n\n{note}{''.join(lines)}"
    log = page.locator("#policy").input_value().splitlines()[0]
    witnesses = "".join(f"witness w{place} {each.verifier.text}\n" for place, each in enumerate(WITNESSES))
    page.locator("#policy").fill(f"{log}\n{witnesses}group two 2 w0 w1 w2\n{policy}\n")
    page.locator("#receipt").fill(json.dumps(receipt))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("[data-results] [data-shown]")).to_contain_text(said)


def test_checking_asks_no_server(page: Page, code: str) -> None:
    follow(page, code)
    expect(page.locator("[data-verdict] [data-shown=yes]")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-results] [data-shown=yes]")).to_be_visible()
    assert asked == []


def test_without_scripts_the_server_says_it(browser: Browser, site: str, code: str) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False)
    plain = context.new_page()
    follow(plain, code)
    expect(plain.get_by_text("Checked by this server.").first).to_be_visible()
    expect(plain.get_by_role("button", name="Keep the receipt")).to_be_visible()
    plain.get_by_role("button", name="Check", exact=True).click()
    expect(plain.get_by_role("heading", name="What the receipt shows")).to_be_visible()
    context.close()


def test_a_wrong_code_tells_nothing(page: Page, code: str) -> None:
    follow(page, "AAAA-AAAA-AAAA")
    expect(page.get_by_role("alert")).to_contain_text("Nothing is known under this number and code.")
    expect(page.get_by_role("heading", name=REFERENCE)).to_have_count(0)


def test_an_officer_finds_code_and_receipt_on_the_parcel(page: Page, code: str) -> None:
    page.goto(f"/parcels/{REFERENCE}")
    card = page.get_by_role("region", name="In the record")
    expect(card).to_contain_text(code)
    with page.expect_download() as kept:
        card.get_by_role("link", name="Keep the receipt").click()
    told = json.loads(kept.value.path().read_text())
    assert told["receipt"] == "tidewaiter receipt v1"
