"""Rule books: files of rules that somebody else published for an XML message, run as the data they are.

A rule file is JSON: the `element` it is about, a `name`, and `asserts`, each
with a `test`, an `errorCode` and the error's words (`errorMessage`,
`localErrorMessage`). Source of the form and of what each function means: the
rules and the rule validator of HMRC's import-control-entry-declaration-store
(Apache-2.0), commit 3592263 of 2026-06-10, read 2026-11-27. The tests are
written in a small part of Groovy; what is of that part is compiled, anything
else is refused with its place when the book is loaded, never when it is used.
"""

from tidewaiter.messages.rulebooks.book import Breach, Rulebook, RulebookError

__all__ = ["Breach", "Rulebook", "RulebookError"]
